/** Takes a message's bytes off the wire, within its own limit and within the bound of all messages together. */
import type { ReusedMemory } from '@millrace/core';
import type { SMTPServerDataStream } from 'smtp-server';
import type { ByteBudget } from '../byte-budget.ts';
import { SmtpReply } from './reply.ts';

/** A whole message; `release()` gives back its bytes, to the budget and for another message, when it is in Kafka or refused. */
export interface Collected {
  readonly message: Buffer;
  release(): void;
}

/**
 * Reads to the end in any case: SMTP has no way to stop a message in its middle. What is too much is dropped, and
 * answered with 552 or 452 after the final dot. Rejects where the client goes away before that.
 */
export const collectMessage = (
  stream: SMTPServerDataStream,
  budget: ByteBudget,
  maxBytes: number,
  memory: ReusedMemory,
): Promise<Collected> =>
  new Promise((resolve, reject) => {
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
    let ended = false;
    const fail = (error: Error): void => {
      if (ended) return;
      release();
      reject(error);
    };
    stream.on('data', (chunk: unknown) => {
      if (refused !== undefined || !Buffer.isBuffer(chunk)) return;
      if (stream.byteLength > maxBytes || taken + chunk.length > maxBytes) {
        refuse(new SmtpReply(552, '5.3.4', `The message is larger than ${maxBytes} bytes`));
      } else if (!budget.take(chunk.length)) {
        refuse(new SmtpReply(452, '4.3.1', 'Too many large messages at once, try again later'));
      } else {
        taken += chunk.length;
        chunks.push(chunk);
      }
    });
    stream.once('end', () => {
      ended = true;
      if (refused !== undefined) reject(refused);
      else {
        const message = joined(chunks, memory);
        resolve({
          message,
          release: () => {
            memory.giveBack(message);
            release();
          },
        });
      }
    });
    stream.once('error', fail);
    stream.once('close', () => fail(new Error('The connection ended before the message did')));
  });

/** One after the other, in memory that may be given back. */
export const joined = (pieces: readonly Buffer[], memory: ReusedMemory): Buffer => {
  const bytes = memory.take(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) at += piece.copy(bytes, at);
  return bytes;
};
