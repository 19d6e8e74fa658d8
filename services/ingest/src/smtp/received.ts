/** The trace field that every server adds on top (RFC 5321 4.4). The client's IP address is not shown to recipients. */
import type { SMTPServerSession } from 'smtp-server';

/** RFC 5322 3.3: `Tue, 24 Nov 2026 16:40:00 +0000`. */
const dateTime = (now: number): string => new Date(now).toUTCString().replace('GMT', '+0000');

const asciiName = (name: string): string => (/^[A-Za-z0-9.:[\]_-]{1,255}$/.test(name) ? name : 'unknown');

/** A whole header field with its line end. `now`: ms since the epoch. */
export const receivedField = (of: {
  readonly session: SMTPServerSession;
  readonly hostname: string;
  readonly now: number;
}): Buffer => {
  const { session, hostname, now } = of;
  const client = asciiName(String(session.hostNameAppearsAs));
  const text = `Received: from ${client}\r\n by ${asciiName(hostname)} (Millrace) with ${session.transmissionType} id ${session.id};\r\n ${dateTime(now)}\r\n`;
  return Buffer.from(text, 'ascii');
};
