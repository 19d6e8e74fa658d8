import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ReplyParser, ReplySyntaxError } from './reply-parser.ts';
import { replyOf, type SmtpReply } from './smtp-reply.ts';

function parse(chunks: readonly (string | Buffer)[]): SmtpReply[] {
  const parser = new ReplyParser();
  const replies: SmtpReply[] = [];
  for (const chunk of chunks) {
    parser.push(Buffer.from(chunk));
    for (let reply = parser.next(); reply !== undefined; reply = parser.next()) replies.push(reply);
  }
  return replies;
}

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((to, at) => bytes.subarray(cuts[at], to));
}

describe('Replies, RFC 5321 4.2', () => {
  it('reads one line', () => {
    assert.deepEqual(parse(['250 2.1.0 Sender ok\r\n']), [
      { code: 250, enhanced: '2.1.0', text: 'Sender ok', lines: ['2.1.0 Sender ok'] },
    ]);
  });

  it('joins the lines of one reply, each without its enhanced code', () => {
    const [reply] = parse([
      '550-5.7.1 [192.0.2.1] Our system has detected that this\r\n',
      '550-5.7.1 message is likely unsolicited mail.\r\n',
      '550 5.7.1 https://example.com/answer\r\n',
    ]);
    assert.equal(reply?.enhanced, '5.7.1');
    assert.equal(
      reply?.text,
      '[192.0.2.1] Our system has detected that this message is likely unsolicited mail. https://example.com/answer',
    );
    assert.equal(reply?.lines.length, 3);
  });

  it('takes a code without text, with or without the blank', () => {
    assert.deepEqual(
      parse(['250\r\n', '250 \r\n', '250-\r\n250\r\n']).map(({ code, text }) => [code, text]),
      [
        [250, ''],
        [250, ''],
        [250, ' '],
      ],
    );
  });

  it('takes a bare LF as the end of a line', () => {
    assert.deepEqual(
      parse(['250-a\n250 b\n']).map(({ text }) => text),
      ['a b'],
    );
  });

  it('knows no enhanced code where its class is not that of the reply', () => {
    assert.equal(parse(['450 5.1.1 odd\r\n'])[0]?.enhanced, null);
    assert.equal(parse(['450 5.1.1 odd\r\n'])[0]?.text, '5.1.1 odd');
  });

  for (const text of ['5.1', '5.1.', '5.1.1x', '5.1.1234', '5..1', '5.1234.1', '51.1', '']) {
    it(`does not take "${text}" for an enhanced code`, () =>
      assert.equal(replyOf(550, [text]).enhanced, null));
  }
  for (const text of ['5.1.1', '5.7.509 Access denied', '5.123.456 x']) {
    it(`takes the begin of "${text}" for one`, () =>
      assert.equal(replyOf(550, [text]).enhanced, text.split(' ')[0]));
  }

  it('makes control characters harmless and bad UTF-8 visible', () => {
    const [reply] = parse([Buffer.from('550 a\u001b[31mb\0c\u0085d\u2028e\xff\r\n', 'utf8'), '']);
    assert.equal(reply?.text, 'a [31mb c d eÿ');
    assert.equal(parse([Buffer.from('550 \xff\xfe\r\n', 'latin1')])[0]?.text, '\ufffd\ufffd');
  });

  const nonsense = [
    'hello\r\n',
    '25 x\r\n',
    '2500 x\r\n',
    '999 x\r\n',
    '150 x\r\n',
    '250_x\r\n',
    '\r\n',
    'HTTP/1.1 400\r\n',
  ];
  for (const line of nonsense) {
    it(`refuses ${JSON.stringify(line)}`, () => assert.throws(() => parse([line]), ReplySyntaxError));
  }

  it('refuses a reply of two codes', () => {
    assert.throws(() => parse(['250-a\r\n550 b\r\n']), /codes 250 and 550/);
  });

  it('refuses a line without end, keeping no more than its limit', () => {
    const parser = new ReplyParser();
    assert.throws(() => {
      for (let at = 0; at < 100; at++) {
        parser.push(Buffer.alloc(100, 'a'));
        parser.next();
      }
    }, /longer than 4096 bytes/);
  });

  it('refuses a reply without end', () => {
    const parser = new ReplyParser();
    assert.throws(() => {
      for (let at = 0; at < 1_000; at++) {
        parser.push(Buffer.from('250-and so on\r\n'));
        parser.next();
      }
    }, /longer than 256 lines/);
  });

  it('says whether bytes are left', () => {
    const parser = new ReplyParser();
    assert.equal(parser.pending, false);
    parser.push(Buffer.from('220 a\r\n250'));
    assert.equal(parser.next()?.code, 220);
    assert.equal(parser.pending, true);
    assert.equal(parser.next(), undefined);
    assert.equal(parser.pending, true);
    parser.push(Buffer.from(' x\r\n'));
    assert.equal(parser.next()?.code, 250);
    assert.equal(parser.pending, false);
  });

  const words = fc.stringMatching(/^[ -~]{0,80}$/);
  const reply = fc.record({
    code: fc.integer({ min: 200, max: 599 }),
    lines: fc.array(words, { minLength: 1, maxLength: 6 }),
  });
  it('reads the same replies however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (replies, places) => {
          const wire = replies
            .map(({ code, lines }) =>
              lines.map((line, at) => `${code}${at === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join(''),
            )
            .join('');
          assert.deepEqual(
            parse(cut(Buffer.from(wire), places)).map(({ code, lines }) => ({ code, lines })),
            replies.map(({ code, lines }) => ({ code, lines })),
          );
        },
      ),
    );
  });

  it('either reads garbage as replies or refuses it, and never keeps a chunk of the socket', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const almost = fc
      .array(fc.constantFrom('250', '-', ' ', '\r\n', '\n', '\r', '5.1.1', 'x', '\0', '99'), {
        maxLength: 60,
      })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(
        fc.oneof(
          bytes.map((array) => Buffer.from(array)),
          almost,
        ),
        fc.array(fc.nat()),
        (wire, places) => {
          const attempt = (chunks: readonly Buffer[]): unknown => {
            try {
              return parse(chunks);
            } catch (error) {
              assert.ok(error instanceof ReplySyntaxError);
              return 'refused';
            }
          };
          assert.deepEqual(attempt(cut(wire, places)), attempt([wire]));
        },
      ),
    );
  });

  it('does not depend on the memory of a piece after it was read', () => {
    const parser = new ReplyParser();
    const memory = Buffer.from('250-abc\r\n250 d');
    parser.push(memory);
    assert.equal(parser.next(), undefined);
    memory.fill('x');
    parser.push(Buffer.from('ef\r\n'));
    assert.deepEqual(parser.next()?.lines, ['abc', 'def']);
  });
});
