import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { finalDot, stuffDots } from './dot-stuffing.ts';

const stuffed = (text: string): string => stuffDots(Buffer.from(text)).toString();

/** What a server does, RFC 5321 4.5.2, byte by byte: the mail and where the next command begins. */
function receive(wire: Buffer): { readonly mail: string; readonly rest: string } {
  let mail = '';
  let at = 0;
  for (;;) {
    const end = wire.indexOf('\r\n', at);
    assert.notEqual(end, -1, 'the mail has no end');
    const line = wire.toString('latin1', at, end);
    at = end + 2;
    if (line === '.') return { mail, rest: wire.toString('latin1', at) };
    mail += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
  }
}

describe('Dot-stuffing, RFC 5321 4.5.2', () => {
  it('gives the same buffer back where no line begins with a dot', () => {
    const data = Buffer.from('a: b\r\n\r\nno dot. at .the begin\r\n');
    assert.equal(stuffDots(data), data);
  });

  const cases: Record<string, [string, string]> = {
    'the first line': ['.a\r\n', '..a\r\n'],
    'a later line': ['a\r\n.b\r\n', 'a\r\n..b\r\n'],
    'two lines in a row': ['.\r\n.\r\n', '..\r\n..\r\n'],
    'several dots': ['a\r\n...\r\n', 'a\r\n....\r\n'],
    'the last, unfinished line': ['a\r\n.', 'a\r\n..'],
  };
  for (const [name, [from, to]] of Object.entries(cases)) {
    it(`doubles the dot of ${name}`, () => assert.equal(stuffed(from), to));
  }

  it('doubles a dot behind a bare LF, where some servers see a line', () => {
    assert.equal(stuffed('a\n.\r\nMAIL FROM:<x@y.test>\r\n'), 'a\n..\r\nMAIL FROM:<x@y.test>\r\n');
  });

  it('ends an unfinished line, and no finished one', () => {
    assert.equal(finalDot(Buffer.from('a\r\n')), '.\r\n');
    assert.equal(finalDot(Buffer.from('a')), '\r\n.\r\n');
    assert.equal(finalDot(Buffer.from('a\n')), '\r\n.\r\n');
    assert.equal(finalDot(Buffer.from('\n')), '\r\n.\r\n');
    assert.equal(finalDot(Buffer.alloc(0)), '.\r\n');
  });

  it('brings every mail over as it was, and what follows is the next command', () => {
    const part = fc.constantFrom(
      '.',
      '..',
      'a',
      '\r\n',
      '\r\n.',
      '\r\n.\r\n',
      '\r\n..',
      '-.',
      'x'.repeat(80),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        const data = Buffer.from(text);
        const wire = Buffer.concat([stuffDots(data), Buffer.from(finalDot(data)), Buffer.from('MAIL')]);
        const whole = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
        assert.deepEqual(receive(wire), { mail: whole, rest: 'MAIL' });
      }),
    );
  });

  it('never lets a mail end early, whatever its bytes and whatever a server takes for a line end', () => {
    const byte = fc.constantFrom(0x0d, 0x0a, 0x2e, 0x41);
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        const wire = stuffDots(Buffer.from(bytes)).toString('latin1');
        assert.doesNotMatch(wire, /(^|\n)\.(\r?\n)/);
        assert.equal(wire.replace(/(^|\n)\.\./g, '$1.'), Buffer.from(bytes).toString('latin1'));
      }),
    );
  });
});
