/**
 * What a connection receives, in place of kafkajs's `Connection.processData`, which copies every answer that comes in more
 * than one piece once more, and Node takes new memory for each piece.
 */
import { connect } from 'node:net';
import type { ISocketFactory } from 'kafkajs';
import { type Connection, connectionClass, theirSocket } from './kafkajs-internals.ts';
import { ResponseFrames } from './response-frames.ts';

const keepAliveMs = 60_000;

/** All connections read into it: whoever is told of a piece has copied it when the next one is read. */
const readInto = Buffer.allocUnsafeSlow(131_072);

/** As kafkajs's own, but what is read in the clear is told as parts of one buffer. */
export const kafkaSocket: ISocketFactory = (to) => {
  if (to.ssl) return theirSocket(to);
  const { host, port, onConnect } = to;
  const onread = {
    buffer: readInto,
    callback: (bytes: number): boolean => {
      socket.emit('data', readInto.subarray(0, bytes));
      return true;
    },
  };
  const socket = connect({ host, port, onread }, onConnect);
  socket.setKeepAlive(true, keepAliveMs);
  return socket;
};

/** What of an answer has come, by the socket on which it comes. */
const unfinished = new WeakMap<object, ResponseFrames>();

/** For all connections of this process. Call once. */
export function replaceReceive(): void {
  connectionClass.prototype.processData = function receive(chunk) {
    // While it logs in, some mechanisms answer in a form of their own.
    if (this.authHandlers !== null && !this.authExpectResponse) {
      this.authHandlers.onSuccess(Buffer.from(chunk));
      return;
    }
    let frames = unfinished.get(this.socket);
    if (frames === undefined) {
      frames = new ResponseFrames();
      unfinished.set(this.socket, frames);
    }
    try {
      frames.push(chunk, (frame) => answered(this, frame));
    } catch (error) {
      this.socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

function answered(connection: Connection, frame: Buffer): void {
  if (connection.authHandlers === null)
    connection.requestQueue.fulfillRequest({
      size: frame.length - 4,
      correlationId: frame.readInt32BE(4),
      payload: frame.subarray(8),
    });
  else connection.authHandlers.onSuccess(frame);
}
