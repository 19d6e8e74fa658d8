/**
 * One request and its answer, on a connection of kafkajs but in place of its `Connection.send`, which copies each request
 * twice into memory that it clears and doubles until it fits, and makes up lines for a log that is off.
 */
import type { Broker, Connection, RequestKind } from './kafkajs-internals.ts';

export interface WireExchange<Answer> {
  readonly request: RequestKind;
  /** The request with `headBytes` free bytes before it. */
  readonly encode: (headBytes: number) => Promise<Buffer> | Buffer;
  /** Throws kafkajs's errors. */
  readonly decode: (payload: Buffer) => Answer;
  /** Default: the client's own limit, which also counts where it is longer. */
  readonly timeoutMs?: number;
  /** Aborting it ends the wait at once, with its reason, and the connection, on which the answer would be in the way. */
  readonly signal?: AbortSignal;
}

/** What every answer says of the client's quota, ms (KIP-219). */
interface Throttled {
  readonly clientSideThrottleTime: number;
}

/** As kafkajs's brokers send: a connection that was closed is opened anew by the next request. */
export async function exchangeWith<Answer extends Throttled>(
  broker: Broker,
  exchange: WireExchange<Answer>,
): Promise<Answer> {
  try {
    const connection = await broker.connectionPool.getConnectionByRequest(exchange);
    // Some log in again after a while.
    if (connection.sasl && !connection.isAuthenticated()) await connection.authenticate();
    return await exchangeOn(connection, exchange);
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

async function exchangeOn<Answer extends Throttled>(
  connection: Connection,
  { request, encode, decode, timeoutMs, signal }: WireExchange<Answer>,
): Promise<Answer> {
  connection.failIfNotConnected();
  const clientId = Buffer.from(connection.clientId);
  const headBytes = 14 + clientId.length;
  const correlationId = connection.nextCorrelationId();
  const frame = await encode(headBytes);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(request.apiKey, 4);
  frame.writeInt16BE(request.apiVersion, 6);
  frame.writeInt32BE(correlationId, 8);
  frame.writeInt16BE(clientId.length, 12);
  clientId.copy(frame, 14);
  let closing: Promise<unknown> | undefined;
  const abort = (): void => {
    connection.rejectRequests(signal?.reason);
    closing = connection.disconnect().finally(() => connection.socket.destroy());
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
      connection.failIfNotConnected();
      connection.requestQueue.push({
        entry: { ...request, correlationId, resolve, reject },
        expectResponse: true,
        requestTimeout: timeoutMs ?? null,
        sendRequest: () => {
          connection.socket.write(frame);
        },
      });
    });
    const answer = decode(payload);
    connection.requestQueue.maybeThrottle(answer.clientSideThrottleTime);
    return answer;
  } finally {
    signal?.removeEventListener('abort', abort);
    // It must not be opened anew by another request meanwhile.
    await closing;
  }
}
