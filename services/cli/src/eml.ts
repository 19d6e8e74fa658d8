/** Who a whole RFC 5322 message is addressed to, by its own header. */
import addressparser from 'nodemailer/lib/addressparser';

/** Addresses of To and Cc in their order, each once; Bcc is not read: it would stay in the message. */
export function recipientsOf(message: Buffer): readonly string[] {
  const end = message.toString('latin1').search(/\r?\n\r?\n/);
  const head = message
    .subarray(0, end === -1 ? message.length : end)
    .toString('utf8')
    .replaceAll(/\r?\n(?=[ \t])/g, '');
  const found = new Set<string>();
  for (const line of head.split(/\r?\n/)) {
    const [, value] = /^(?:to|cc)[ \t]*:(.*)$/i.exec(line) ?? [];
    if (value === undefined) continue;
    for (const { address } of addressparser(value, { flatten: true })) if (address !== '') found.add(address);
  }
  return [...found];
}
