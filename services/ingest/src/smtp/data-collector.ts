/** Takes a message's bytes off the wire, within its own limit and within the bound of all messages together. */
import type { SMTPServerDataStream } from 'smtp-server';
import type { ByteBudget } from '../byte-budget.ts';
import { SmtpReply } from './reply.ts';

/** A whole message; give its bytes back to the budget with `release()` when it is in Kafka or refused. */
export interface Collected {
  readonly message: Buffer;
  release(): void;
}

/**
 * Reads to the end in any case: SMTP has no way to stop a message in its middle. What is too much is dropped, and
 * answered with 552 or 452 after the final dot.
 */
export const collectMessage = async (
  stream: SMTPServerDataStream,
  budget: ByteBudget,
  maxBytes: number,
): Promise<Collected> => {
  let chunks: Buffer[] = [];
  let taken = 0;
  let refused: SmtpReply | undefined;
  const release = (): void => {
    budget.release(taken);
    taken = 0;
  };
  const refuse = (reply: SmtpReply): void => {
    refused = reply;
    chunks = [];
    release();
  };
  try {
    for await (const chunk of stream) {
      if (refused !== undefined || !Buffer.isBuffer(chunk)) continue;
      if (stream.byteLength > maxBytes || taken + chunk.length > maxBytes) {
        refuse(new SmtpReply(552, '5.3.4', `The message is larger than ${maxBytes} bytes`));
      } else if (!budget.take(chunk.length)) {
        refuse(new SmtpReply(452, '4.3.1', 'Too many large messages at once, try again later'));
      } else {
        taken += chunk.length;
        chunks.push(chunk);
      }
    }
  } catch (error) {
    release();
    throw error;
  }
  if (refused !== undefined) throw refused;
  return { message: Buffer.concat(chunks), release };
};
