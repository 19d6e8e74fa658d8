/** Broken reports out of whole ones, for the fuzz runs: the same seed gives the same bytes. */

/** A small generator of numbers from 0 to 1, good enough to break things with. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
};

/** What breaks parsers: long runs of what their patterns repeat, and what MIME is made of. */
const bits: readonly string[] = [
  '\n\n',
  '\r\n',
  '\r',
  '\0',
  '>',
  '<',
  '@',
  '=?utf-8?q?=41?=',
  '=?utf-8?b?QQ==?=',
  '--',
  'Content-Type: multipart/report; report-type=delivery-status; boundary="a"\n',
  'Content-Type: message/rfc822\n\n',
  'Content-Transfer-Encoding: base64\n',
  'Final-Recipient: rfc822; a@b.example\n',
  'From a Thu Apr 29 16:51:04 2027\n',
  'a@b.example ',
  '<a@b.example>: ',
  'user unknown ',
  'mailbox ',
  ' is not ',
  '550 5.1.1 ',
  '\x1b$B',
  '\xff\xfe',
  'a'.repeat(500),
  ' '.repeat(500),
  '\n'.repeat(300),
  '\t'.repeat(300),
  '<'.repeat(300),
  '@'.repeat(300),
  'a.'.repeat(200),
  'a@'.repeat(200),
  'address '.repeat(100),
  'user does '.repeat(100),
  '(('.repeat(200),
  '"'.repeat(201),
  'a=b '.repeat(100),
  '>>> RCPT TO:<'.repeat(50),
  '=\n'.repeat(200),
];

/** One report, broken in one to eight places; `other` lends its pieces. */
export const mutated = (report: Buffer, other: Buffer, random: () => number): Buffer => {
  let bytes = report;
  const below = (end: number): number => Math.floor(random() * end);
  for (let times = 1 + below(8); times > 0; times--) {
    const at = below(bytes.length + 1);
    const length = below(random() < 0.2 ? 4_000 : 60);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    switch (below(7)) {
      case 0:
        bytes = Buffer.concat([before, bytes.subarray(Math.min(bytes.length, at + length))]);
        break;
      case 1:
        bytes = Buffer.concat([before, Buffer.from(bits[below(bits.length)] ?? '', 'latin1'), after]);
        break;
      case 2:
        bytes = Buffer.concat([before, bytes.subarray(at, at + length), after]);
        break;
      case 3: {
        const copy = Buffer.from(bytes);
        for (let turn = 0; turn < 20 && copy.length > 0; turn++) copy[below(copy.length)] = below(256);
        bytes = copy;
        break;
      }
      case 4: {
        const from = below(other.length + 1);
        bytes = Buffer.concat([before, other.subarray(from, from + length * 4), after]);
        break;
      }
      case 5: {
        const piece = Buffer.from((bits[below(bits.length)] ?? '').repeat(1 + below(200)), 'latin1');
        bytes = Buffer.concat([before, piece.subarray(0, 20_000), after]);
        break;
      }
      default:
        bytes = before;
    }
  }
  return bytes;
};
