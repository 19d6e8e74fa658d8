import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fieldsNamed, fieldText, headerFields, withCrlf, withoutFields } from './raw-message.ts';
import { takeMillraceHeaders } from './smtp/millrace-headers.ts';
import { SmtpReply } from './smtp/reply.ts';

const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((part) => Buffer.from(part)),
      fc
        .constantFrom(
          '\r\n',
          '\n',
          '\r',
          ': ',
          'From: a@b.c\r\n',
          'X-Millrace-Tag: x\r\n',
          ' folded\r\n',
          '\r\n\r\n',
        )
        .map((part) => Buffer.from(part)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

describe('line ends', () => {
  test('become CRLF where they were LF alone, and nothing else changes', () => {
    assert.equal(withCrlf(Buffer.from('a\nb\r\nc\rd\n\n')).toString(), 'a\r\nb\r\nc\rd\r\n\r\n');
    fc.assert(
      fc.property(bytes, (message) => {
        const once = withCrlf(message);
        assert.equal(once.toString('latin1'), message.toString('latin1').replaceAll(/(?<!\r)\n/g, '\r\n'));
        assert.equal(withCrlf(once), once);
      }),
    );
  });
});

describe('the header of a message', () => {
  test('is read field by field, folded or not, up to the empty line', () => {
    const fields = headerFields(
      Buffer.from('From: a\r\nno field\r\nX-B :  b\r\n\tc \r\nx-b:d\r\n\r\nFrom: body\r\n'),
    );
    assert.deepEqual(
      fields.map(({ name, value }) => [name, value]),
      [
        ['From', 'a'],
        ['X-B', 'b\tc'],
        ['x-b', 'd'],
      ],
    );
    assert.equal(fieldsNamed(fields, 'X-b').length, 2);
  });

  test('may be UTF-8', () => {
    const [field] = headerFields(Buffer.from('Subject: Grüße\r\n\r\n'));
    assert.equal(field && fieldText(field), 'Grüße');
  });

  test('loses exactly the bytes of the fields that are taken out, whatever the message is', () => {
    fc.assert(
      fc.property(bytes, (message) => {
        const fields = headerFields(message);
        let end = 0;
        for (const field of fields) {
          assert.ok(field.start >= end && field.end > field.start && field.end <= message.length);
          end = field.end;
        }
        const taken = fields.filter((_, index) => index % 2 === 0);
        const left = withoutFields(message, taken);
        assert.equal(
          left.length,
          taken.reduce((length, { start, end }) => length - (end - start), message.length),
        );
      }),
    );
  });

  test('has its wishes read and taken out, or the message is refused', () => {
    fc.assert(
      fc.property(bytes.map(withCrlf), (message) => {
        try {
          const { message: left } = takeMillraceHeaders(message);
          assert.ok(headerFields(left).every(({ name }) => !name.toLowerCase().startsWith('x-millrace-')));
        } catch (error) {
          assert.ok(error instanceof SmtpReply, String(error));
        }
      }),
    );
  });
});
