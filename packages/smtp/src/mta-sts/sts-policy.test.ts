import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePolicy, resolvePolicy, validateMx } from 'mailauth/lib/mta-sts.js';
import { allowsMx, parseStsPolicy, StsPolicyError } from './sts-policy.ts';
import { policyIdIn } from './sts-record.ts';

describe('The record of a policy, RFC 8461 3.1', () => {
  const records: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['names its id', ['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    ['needs no delimiter at its end', ['v=STSv1;id=1'], '1'],
    ['may hold fields that nobody knows', ['v=STSv1; x-y.z=a.b; id=1'], '1'],
    ['counts its first id', ['v=STSv1; id=1; id=2'], '1'],
    ['stands among others', ['v=spf1 -all', 'v=STSv1; id=7', 'v=STSv10; id=8'], '7'],
    ['is none when there are two', ['v=STSv1; id=1;', 'v=STSv1; id=2;'], undefined],
    ['is none without an id', ['v=STSv1;'], undefined],
    ['is none of another version', ['v=STSv2; id=1'], undefined],
    ['is none when its version does not come first', ['id=1; v=STSv1;'], undefined],
    ['is none with an id of other characters', ['v=STSv1; id=a-b'], undefined],
    ['is none with an id that is too long', [`v=STSv1; id=${'a'.repeat(33)}`], undefined],
    ['is none with a broken field', ['v=STSv1; id=1; nonsense'], undefined],
    ['is none with an empty field', ['v=STSv1; ; id=1'], undefined],
    ['is none where there is none', [], undefined],
  ];
  for (const [what, texts, id] of records) it(what, () => assert.equal(policyIdIn(texts), id));

  it('is read as another implementation reads it', async () => {
    const part = fc.constantFrom(
      'v=STSv1',
      'id=1',
      'id=a-b',
      'id=',
      ' id=2',
      'x=1',
      'x',
      '',
      ' ',
      'v=STSv2',
      'ID=3',
    );
    const text = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(';'));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 3 }), async (texts) => {
        const resolver = async (): Promise<string[][]> => texts.map((one) => [one]);
        const theirs = await resolvePolicy('a.test', { resolver, strict: true }).catch(() => false);
        assert.equal(policyIdIn(texts) ?? false, theirs);
      }),
      { numRuns: 500 },
    );
  });
});

const enforce = [
  'version: STSv1',
  'mode: enforce',
  'mx: mail.example.com',
  'mx: *.Example.net',
  'max_age: 604800',
];

describe('A policy, RFC 8461 3.2', () => {
  it('says which hosts, how strictly and for how long', () => {
    const policy = { mode: 'enforce', mx: ['mail.example.com', '*.example.net'], maxAgeSeconds: 604_800 };
    assert.deepEqual(parseStsPolicy(enforce.join('\r\n')), policy);
    assert.deepEqual(parseStsPolicy(`${enforce.join('\n')}\n`), policy);
  });

  it('may hold fields that nobody knows, and counts the first of each', () => {
    const text = [...enforce, 'mode: none', 'x-report: yes', 'not a field'].join('\n');
    assert.equal(parseStsPolicy(text).mode, 'enforce');
  });

  it('of mode none needs no hosts', () => {
    assert.deepEqual(parseStsPolicy('version: STSv1\nmode: none\nmax_age: 0\n').mx, []);
  });

  const wrong: Readonly<Record<string, string>> = {
    'another version': 'version: STSv2\nmode: none\nmax_age: 1',
    'no version': 'mode: none\nmax_age: 1',
    'no mode': 'version: STSv1\nmax_age: 1',
    'a mode that nobody knows': 'version: STSv1\nmode: strict\nmax_age: 1',
    'no age': 'version: STSv1\nmode: none',
    'an age that is too long': 'version: STSv1\nmode: none\nmax_age: 31557601',
    'an age that is no number': 'version: STSv1\nmode: none\nmax_age: 1d',
    'no hosts': 'version: STSv1\nmode: enforce\nmax_age: 1',
    'a host that can be none': 'version: STSv1\nmode: enforce\nmax_age: 1\nmx: a b',
    'a wildcard in the middle': 'version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.b',
    'a page of HTML': '<html><body>version: STSv1</body></html>',
    nothing: '',
  };
  for (const [what, text] of Object.entries(wrong)) {
    it(`is none with ${what}`, () => assert.throws(() => parseStsPolicy(text), StsPolicyError));
  }

  const hosts: readonly (readonly [string, boolean])[] = [
    ['mail.example.com', true],
    ['mail2.example.com', false],
    ['a.mail.example.com', false],
    ['mx.example.net', true],
    ['example.net', false],
    ['a.b.example.net', false],
    ['mx.badexample.net', false],
    ['', false],
  ];
  for (const [host, allowed] of hosts) {
    it(`${allowed ? 'names' : 'does not name'} ${host || 'the root'}`, () =>
      assert.equal(allowsMx(parseStsPolicy(enforce.join('\n')), host), allowed));
  }

  it('is read, and its hosts are told, as another implementation does', () => {
    const value = fc.constantFrom(
      'STSv1',
      'STSv2',
      'enforce',
      'testing',
      'none',
      'Enforce',
      '0',
      '604800',
      '31557601',
      '-1',
      '1e3',
      'mail.example.com',
      '*.example.com',
      '*.*.com',
      'MX.Example.com',
      '-a.com',
      'a..com',
      '',
    );
    const name = fc.constantFrom('version', 'mode', 'max_age', 'mx', 'MODE', 'x-ext', ' mode', 'mx ');
    const one = fc.tuple(name, fc.constantFrom(':', ': ', ' : ', ''), value).map((parts) => parts.join(''));
    const likely = fc.constantFrom(...enforce, 'mode: none', 'mode: testing');
    const text = fc
      .tuple(
        fc.array(fc.oneof({ arbitrary: likely, weight: 4 }, one), { maxLength: 9 }),
        fc.constantFrom('\n', '\r\n'),
      )
      .map(([lines, end]) => lines.join(end));
    const host = fc.constantFrom(
      'mail.example.com',
      'a.example.net',
      'a.b.example.net',
      'example.net',
      'mx.example.com',
    );
    const outcome = <T>(act: () => T): T | 'no policy' => {
      try {
        return act();
      } catch {
        return 'no policy';
      }
    };
    let policies = 0;
    fc.assert(
      fc.property(text, host, (written, mx) => {
        const ours = outcome(() => {
          const { mode, maxAgeSeconds, ...policy } = parseStsPolicy(written);
          const valid = mode === 'none' || allowsMx({ mode, maxAgeSeconds, ...policy }, mx);
          return { mode, age: maxAgeSeconds, valid };
        });
        const theirs = outcome(() => {
          const policy = parsePolicy(written, { strict: true });
          return { mode: policy.mode, age: policy.maxAge, valid: validateMx(mx, policy).valid };
        });
        if (ours !== 'no policy') policies += 1;
        assert.deepEqual(ours, theirs);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(policies > 50, `${policies} texts were policies`);
  });
});
