import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { type DecodedPacket, encode } from 'dns-packet';
import fc from 'fast-check';
import { DnsResolver, type DnsResolverOptions } from './dns-resolver.ts';
import { parseDnsServer } from './dns-server-address.ts';
import { mxOrder } from './mx-answer.ts';
import {
  a,
  aaaa,
  cname,
  type DnsReply,
  type DnsScript,
  mx,
  noName,
  refused,
  type ScriptedDns,
  scriptedDns,
  serverFailure,
  soa,
  truncated,
} from './scripted-dns.ts';

/** Records by `TYPE name`; what is not there has no data. */
const zone =
  (records: Record<string, DnsReply>): DnsScript =>
  ({ type, name }) =>
    records[`${type} ${name}`] ?? {};

async function resolving(
  script: DnsScript,
  use: (resolver: DnsResolver, dns: ScriptedDns) => Promise<void>,
  options: Partial<DnsResolverOptions> = {},
): Promise<void> {
  await using dns = await scriptedDns(script);
  const resolver = new DnsResolver({ servers: [dns.server], timeoutMs: 2_000, ...options });
  try {
    await use(resolver, dns);
  } finally {
    resolver.stop();
  }
}

describe('Mail servers of a domain, RFC 5321 5.1', () => {
  it('come by preference, in lower case and once', async () => {
    const answers = [
      mx('example.test', 20, 'MX2.Example.test'),
      mx('example.test', 10, 'mx1.example.test.'),
      mx('example.test', 30, 'mx1.example.test'),
    ];
    await resolving(zone({ 'MX example.test': { answers } }), async (resolver) => {
      assert.deepEqual(await resolver.resolve('Example.TEST.'), {
        kind: 'mx',
        hosts: [
          { exchange: 'mx1.example.test', preference: 10 },
          { exchange: 'mx2.example.test', preference: 20 },
        ],
        ttl: 300,
      });
    });
  });

  it('are the domain itself where it has an address and no MX', async () => {
    const records = { 'A example.test': { answers: [a('example.test', '192.0.2.1', 120)] } };
    await resolving(zone(records), async (resolver) => {
      assert.deepEqual(await resolver.resolve('example.test'), {
        kind: 'mx',
        hosts: [{ exchange: 'example.test', preference: 0 }],
        ttl: 120,
      });
    });
  });

  it('are none at a null MX, RFC 7505', async () => {
    await resolving(
      zone({ 'MX example.test': { answers: [mx('example.test', 0, '.')] } }),
      async (resolver) => {
        assert.deepEqual(await resolver.resolve('example.test'), { kind: 'null_mx' });
      },
    );
  });

  it('are none where the domain does not exist, or has neither MX nor address', async () => {
    const script: DnsScript = ({ name }) => (name === 'gone.test' ? { flags: noName } : {});
    await resolving(script, async (resolver) => {
      assert.deepEqual(await resolver.resolve('gone.test'), { kind: 'no_domain' });
      assert.deepEqual(await resolver.resolve('empty.test'), { kind: 'no_domain' });
    });
  });

  it('are not known while the servers fail, the address of an implicit MX included', async () => {
    const script: DnsScript = ({ type }) => (type === 'AAAA' ? { flags: serverFailure } : {});
    await resolving(script, async (resolver) => {
      const answer = await resolver.resolve('example.test');
      assert.ok(answer.kind === 'temporary');
      assert.match(answer.reason, /AAAA of example\.test: DNS server 127\.0\.0\.1:\d+: SERVFAIL/);
    });
    await resolving(
      () => ({ flags: refused }),
      async (resolver) => assert.equal((await resolver.resolve('example.test')).kind, 'temporary'),
    );
  });

  it('are found behind aliases, followed by the server or not', async () => {
    const target = [mx('b.test', 10, 'mx.b.test', 50)];
    const records = {
      'MX a.test': { answers: [cname('a.test', 'b.test', 20), ...target] },
      'MX c.test': { answers: [cname('c.test', 'b.test', 30)] },
      'MX b.test': { answers: target },
    };
    await resolving(zone(records), async (resolver, dns) => {
      const hosts = [{ exchange: 'mx.b.test', preference: 10 }];
      assert.deepEqual(await resolver.resolve('a.test'), { kind: 'mx', hosts, ttl: 20 });
      assert.deepEqual(await resolver.resolve('c.test'), { kind: 'mx', hosts, ttl: 30 });
      assert.deepEqual(dns.asked, ['MX a.test', 'MX c.test', 'MX b.test']);
    });
  });

  it('are not searched for ever', async () => {
    const records = {
      'MX a.test': { answers: [cname('a.test', 'b.test')] },
      'MX b.test': { answers: [cname('b.test', 'a.test')] },
      'MX self.test': { answers: [cname('self.test', 'self.test')] },
    };
    await resolving(zone(records), async (resolver) => {
      assert.equal((await resolver.resolve('a.test')).kind, 'temporary');
      assert.equal((await resolver.resolve('self.test')).kind, 'temporary');
    });
  });

  it('are asked for in ASCII', async () => {
    const records = { 'MX xn--bcher-kva.test': { answers: [mx('xn--bcher-kva.test', 1, 'mx.test')] } };
    await resolving(zone(records), async (resolver) => {
      assert.equal((await resolver.resolve('bücher.test')).kind, 'mx');
    });
  });

  it('are not asked for where there can be no such name', async () => {
    await resolving(zone({}), async (resolver, dns) => {
      for (const name of [
        '',
        '.',
        'a..test',
        `${'a'.repeat(64)}.test`,
        `${'a.'.repeat(130)}test`,
        'a b.test',
        '\u0000.test',
      ]) {
        assert.deepEqual(await resolver.resolve(name), { kind: 'no_domain' }, name);
        assert.deepEqual(await resolver.addresses(name), { kind: 'none' }, name);
      }
      assert.deepEqual(dns.asked, []);
    });
  });
});

describe('Addresses of a host', () => {
  const both = zone({
    'A mx.test': { answers: [a('mx.test', '192.0.2.1'), a('mx.test', '192.0.2.2')] },
    'AAAA mx.test': { answers: [aaaa('mx.test', '2001:db8::1')] },
  });

  it('come with the preferred family first', async () => {
    await resolving(both, async (resolver) => {
      assert.deepEqual(await resolver.addresses('mx.test', 'ipv4'), {
        kind: 'addresses',
        addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
      });
      assert.deepEqual(await resolver.addresses('mx.test', 'ipv6'), {
        kind: 'addresses',
        addresses: ['2001:db8::1', '192.0.2.1', '192.0.2.2'],
      });
    });
  });

  it('come from one family only where no other can be used', async () => {
    await resolving(both, async (resolver, dns) => {
      assert.deepEqual(await resolver.addresses('mx.test', 'ipv6_only'), {
        kind: 'addresses',
        addresses: ['2001:db8::1'],
      });
      assert.deepEqual(dns.asked, ['AAAA mx.test']);
    });
  });

  it('are known when one family is, whatever happens to the other', async () => {
    const script: DnsScript = ({ type }) =>
      type === 'A' ? { answers: [a('mx.test', '192.0.2.1')] } : { flags: serverFailure };
    await resolving(script, async (resolver) => {
      assert.deepEqual(await resolver.addresses('mx.test'), { kind: 'addresses', addresses: ['192.0.2.1'] });
    });
  });

  it('are none for a host without any', async () => {
    await resolving(zone({}), async (resolver) => {
      assert.deepEqual(await resolver.addresses('mx.test'), { kind: 'none' });
    });
  });

  it('of an address are that address', async () => {
    await resolving(zone({}), async (resolver, dns) => {
      assert.deepEqual(await resolver.addresses('127.0.0.1'), {
        kind: 'addresses',
        addresses: ['127.0.0.1'],
      });
      assert.deepEqual(dns.asked, []);
    });
  });
});

describe('What is remembered', () => {
  it('lasts as long as its time to live, which grows shorter', async () => {
    let now = 1_000_000;
    const records = {
      'MX a.test': { answers: [mx('a.test', 1, 'x.test', 60), mx('a.test', 2, 'y.test', 30)] },
    };
    await resolving(
      zone(records),
      async (resolver, dns) => {
        const ttl = async (): Promise<number> => {
          const answer = await resolver.resolve('a.test');
          return answer.kind === 'mx' ? answer.ttl : -1;
        };
        assert.equal(await ttl(), 30);
        now += 20_000;
        assert.equal(await ttl(), 10);
        assert.equal(dns.asked.length, 1);
        now += 10_000;
        assert.equal(await ttl(), 30);
        assert.equal(dns.asked.length, 2);
      },
      { now: () => now },
    );
  });

  it('includes that there is nothing, for the time of the SOA (RFC 2308)', async () => {
    let now = 0;
    const script: DnsScript = () => ({ flags: noName, authorities: [soa(900, 45)] });
    await resolving(
      script,
      async (resolver, dns) => {
        await resolver.resolve('gone.test');
        now += 44_000;
        await resolver.resolve('gone.test');
        assert.equal(dns.asked.length, 1);
        now += 2_000;
        await resolver.resolve('gone.test');
        assert.equal(dns.asked.length, 2);
      },
      { now: () => now },
    );
  });

  it('never includes a failure', async () => {
    let failing = true;
    const script: DnsScript = () =>
      failing ? { flags: serverFailure } : { answers: [mx('a.test', 1, 'x.test')] };
    await resolving(script, async (resolver) => {
      assert.equal((await resolver.resolve('a.test')).kind, 'temporary');
      failing = false;
      assert.equal((await resolver.resolve('a.test')).kind, 'mx');
    });
  });

  it('is bounded, the least recently used goes first', async () => {
    const script: DnsScript = ({ name }) => ({ answers: [mx(name, 1, 'x.test')] });
    await resolving(
      script,
      async (resolver, dns) => {
        for (const name of ['a.test', 'b.test', 'c.test', 'a.test', 'd.test', 'a.test', 'b.test']) {
          await resolver.resolve(name);
        }
        assert.equal(resolver.stats().entries, 3);
        assert.deepEqual(dns.asked, ['MX a.test', 'MX b.test', 'MX c.test', 'MX d.test', 'MX b.test']);
      },
      { cacheEntries: 3 },
    );
  });

  it('is asked for once, however many wait for it', async () => {
    const script: DnsScript = () => ({ answers: [mx('a.test', 1, 'x.test')] });
    await resolving(script, async (resolver, dns) => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => resolver.resolve('a.test')));
      assert.ok(answers.every((answer) => answer.kind === 'mx'));
      assert.equal(dns.asked.length, 1);
    });
  });
});

describe('Asking DNS servers', () => {
  it('goes on to the next one when one is silent, gone or fails', async () => {
    await using silent = await scriptedDns(() => undefined);
    await using failing = await scriptedDns(() => ({ flags: serverFailure }));
    await using good = await scriptedDns(({ name }) => ({ answers: [mx(name, 1, 'x.test')] }));
    const resolver = new DnsResolver({
      servers: [silent.server, '127.0.0.1:1', failing.server, good.server],
      timeoutMs: 100,
    });
    assert.equal((await resolver.resolve('a.test')).kind, 'mx');
    resolver.stop();
  });

  it('asks again when a packet was lost', async () => {
    let lost = false;
    const script: DnsScript = ({ name }) => {
      if (lost) return { answers: [mx(name, 1, 'x.test')] };
      lost = true;
      return undefined;
    };
    await resolving(script, async (resolver) => assert.equal((await resolver.resolve('a.test')).kind, 'mx'), {
      timeoutMs: 150,
    });
  });

  it('says who did not answer', async () => {
    await resolving(
      () => undefined,
      async (resolver, dns) => {
        assert.deepEqual(await resolver.resolve('a.test'), {
          kind: 'temporary',
          reason: `MX of a.test: DNS server ${dns.server}: no answer in time`,
        });
      },
      { timeoutMs: 50 },
    );
  });

  it('goes over TCP when the answer is cut off', async () => {
    const many = Array.from({ length: 100 }, (_, at) => mx('a.test', at, `mail-exchanger-${at}.a.test`));
    const script: DnsScript = (_, transport) =>
      transport === 'udp' ? { flags: truncated, answers: many.slice(0, 3) } : { answers: many };
    await resolving(script, async (resolver, dns) => {
      const answer = await resolver.resolve('a.test');
      assert.equal(answer.kind === 'mx' && answer.hosts.length, 100);
      assert.deepEqual(dns.asked, ['MX a.test', 'MX a.test tcp']);
    });
  });

  it('ignores what is no answer to its question', async () => {
    const forge = (query: DecodedPacket, change: Partial<DecodedPacket>): Buffer =>
      encode({
        type: 'response',
        id: query.id ?? 0,
        flags: 0x0180,
        questions: query.questions ?? [],
        answers: [mx('a.test', 1, 'evil.test')],
        ...change,
      });
    const script: DnsScript = () => ({
      answers: [mx('a.test', 1, 'good.test')],
      forged: (query) => [
        Buffer.alloc(0),
        randomBytes(40),
        forge(query, { id: ((query.id ?? 0) + 1) & 0xffff }),
        forge(query, { questions: [{ type: 'MX', name: 'other.test' }] }),
        forge(query, { questions: [{ type: 'A', name: 'a.test' }] }),
        forge(query, { questions: [] }),
        forge(query, { type: 'query' }),
      ],
    });
    await resolving(script, async (resolver) => {
      const answer = await resolver.resolve('a.test');
      assert.deepEqual(answer.kind === 'mx' && answer.hosts, [{ exchange: 'good.test', preference: 1 }]);
    });
  });

  it('takes no records of other names', async () => {
    const script: DnsScript = () => ({
      answers: [mx('other.test', 1, 'evil.test'), mx('a.test', 2, 'good.test')],
    });
    await resolving(script, async (resolver) => {
      const answer = await resolver.resolve('a.test');
      assert.deepEqual(answer.kind === 'mx' && answer.hosts, [{ exchange: 'good.test', preference: 2 }]);
    });
  });

  it('uses ids that nobody can guess', async () => {
    const script: DnsScript = ({ name }) => ({ answers: [mx(name, 1, 'x.test')] });
    await resolving(script, async (resolver, dns) => {
      await Promise.all(Array.from({ length: 40 }, (_, at) => resolver.resolve(`d${at}.test`)));
      assert.ok(new Set(dns.ids).size > 35);
      assert.ok(dns.ids.some((id) => id > 32_768) && dns.ids.some((id) => id < 32_768));
    });
  });

  it('has so many questions under way at once, and answers all', async () => {
    const script: DnsScript = ({ name }) => ({ answers: [mx(name, 1, 'x.test')] });
    await resolving(
      script,
      async (resolver) => {
        const answers = await Promise.all(
          Array.from({ length: 200 }, (_, at) => resolver.resolve(`d${at}.test`)),
        );
        assert.ok(answers.every((answer) => answer.kind === 'mx'));
      },
      { maxInFlight: 5 },
    );
  });

  it('ends at once when it is stopped', async () => {
    await resolving(
      () => undefined,
      async (resolver) => {
        const answer = resolver.resolve('a.test');
        resolver.stop();
        assert.equal((await answer).kind, 'temporary');
        assert.equal((await resolver.resolve('b.test')).kind, 'temporary');
      },
      { timeoutMs: 60_000 },
    );
  });

  it('survives every answer that is garbage', async () => {
    let raw: Buffer = Buffer.alloc(0);
    await using dns = await scriptedDns((_, transport) =>
      transport === 'udp' ? { flags: truncated } : { raw },
    );
    const resolver = new DnsResolver({ servers: [dns.server], timeoutMs: 1_000 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), async (bytes, number) => {
        raw = Buffer.from(bytes);
        assert.equal((await resolver.resolve(`d${number}.test`)).kind, 'temporary');
      }),
      { numRuns: 50 },
    );
    resolver.stop();
  });
});

describe('Addresses of DNS servers', () => {
  const servers: Record<string, { address: string; port: number }> = {
    '192.0.2.53': { address: '192.0.2.53', port: 53 },
    '192.0.2.53:5353': { address: '192.0.2.53', port: 5353 },
    '2001:db8::53': { address: '2001:db8::53', port: 53 },
    '[2001:db8::53]:5353': { address: '2001:db8::53', port: 5353 },
  };
  for (const [text, server] of Object.entries(servers)) {
    it(`reads ${text}`, () => assert.deepEqual(parseDnsServer(text), server));
  }
  for (const text of ['dns.test:53', '192.0.2.53:0', '192.0.2.53:70000', '', '192.0.2.53:', '1.2.3:53']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => new DnsResolver({ servers: [text], timeoutMs: 1 }), TypeError);
    });
  }
});

describe('TXT records of a name', () => {
  const txt = (name: string, ...data: string[]) =>
    ({ type: 'TXT', name, ttl: 300, class: 'IN', data }) as const;

  it('come with the strings of each joined, through aliases, and are remembered', async () => {
    const script = zone({
      'TXT _mta-sts.example.test': {
        answers: [
          cname('_mta-sts.example.test', 'sts.host.test'),
          txt('sts.host.test', 'v=STSv1; ', 'id=1;'),
          txt('sts.host.test', 'other'),
        ],
      },
    });
    await resolving(script, async (resolver, dns) => {
      for (let times = 0; times < 2; times++) {
        const answer = await resolver.texts('_mta-sts.Example.test');
        assert.deepEqual(answer, { kind: 'texts', texts: ['v=STSv1; id=1;', 'other'] });
      }
      assert.equal(dns.asked.length, 1);
    });
  });

  it('are none where the name has none or does not exist, and unknown while DNS fails', async () => {
    const script = zone({ 'TXT gone.test': { flags: noName }, 'TXT broken.test': { flags: serverFailure } });
    await resolving(script, async (resolver) => {
      assert.deepEqual(await resolver.texts('empty.test'), { kind: 'none' });
      assert.deepEqual(await resolver.texts('gone.test'), { kind: 'none' });
      assert.deepEqual(await resolver.texts('no..name'), { kind: 'none' });
      const failed = await resolver.texts('broken.test');
      assert.equal(failed.kind, 'temporary');
      assert.match(failed.kind === 'temporary' ? failed.reason : '', /TXT of broken\.test.*SERVFAIL/);
    });
  });
});

describe('The order of hosts', () => {
  it('is by preference, and any order among the same', () => {
    const hosts = ['a', 'b', 'c', 'd'].map((exchange, at) => ({ exchange, preference: at === 3 ? 5 : 10 }));
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (lots) => {
          let at = 0;
          const order = mxOrder(hosts, () => lots[at++] ?? 0);
          assert.equal(order[0], 'd');
          assert.deepEqual(order.toSorted(), ['a', 'b', 'c', 'd']);
          seen.add(order.join(''));
        },
      ),
      { numRuns: 200 },
    );
    assert.ok(seen.size >= 5);
  });
});
