/** A request of ours on a connection is kafkajs's own, byte for byte, and what comes back is told apart as kafkajs does. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { exchangeWith } from './exchange.ts';
import type { Broker, Connection } from './kafkajs-internals.ts';
import { decodeProduceResponse } from './produce-response.ts';

const require = createRequire(import.meta.url);
const theirRequest: (request: {
  readonly correlationId: number;
  readonly clientId: string;
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
}) => Promise<{ readonly buffer: Buffer }> = require('kafkajs/src/protocol/request.js');

const produce = { apiKey: 0, apiVersion: 7, apiName: 'Produce' };
const body = Buffer.from('what is asked');
const clientId = 'müller';

/** A broker that answers each request with `answer`, or not at all; what it was sent, and what was done with the connection. */
function brokerOf(answer: Buffer | Error | undefined, sasl: object | undefined = undefined) {
  const sent: Buffer[] = [];
  const done: string[] = [];
  const said: { throttled?: unknown; disconnected?: boolean } = {};
  let waiting: ((error: unknown) => void) | undefined;
  const connection: Connection = {
    clientId,
    sasl,
    socket: {
      write: (bytes) => {
        done.push('write');
        sent.push(Buffer.from(bytes));
      },
      destroy: () => done.push('destroy'),
    },
    authHandlers: null,
    authExpectResponse: false,
    requestQueue: {
      fulfillRequest: () => undefined,
      push: ({ entry, sendRequest }) => {
        sendRequest();
        waiting = entry.reject;
        if (answer instanceof Error) entry.reject(answer);
        else if (answer !== undefined) entry.resolve({ payload: answer });
      },
      maybeThrottle: (throttled) => {
        said.throttled = throttled;
      },
    },
    isAuthenticated: () => false,
    nextCorrelationId: () => 77,
    failIfNotConnected: () => undefined,
    authenticate: async () => {
      done.push('authenticate');
    },
    rejectRequests: (error) => waiting?.(error),
    disconnect: async () => {
      done.push('disconnect');
    },
  };
  const broker: Broker = {
    connectionPool: { getConnectionByRequest: async () => connection },
    disconnect: async () => {
      said.disconnected = true;
    },
  };
  return { broker, sent, done, said };
}

const encode = (headBytes: number): Buffer => Buffer.concat([Buffer.alloc(headBytes), body]);
const decode = (payload: Buffer) => ({ text: payload.toString(), clientSideThrottleTime: 12 });

/** Topics of one partition each, by error code. */
function produceAnswer(...codes: readonly number[]): Buffer {
  const parts = codes.map((code, index) => {
    const part = Buffer.alloc(2 + 1 + 4 + 4 + 2 + 24);
    part.writeInt16BE(1, 0);
    part.write('t', 2);
    part.writeInt32BE(1, 3);
    part.writeInt32BE(index, 7);
    part.writeInt16BE(code, 11);
    return part;
  });
  const head = Buffer.alloc(4);
  head.writeInt32BE(codes.length);
  const throttle = Buffer.alloc(4);
  throttle.writeInt32BE(250);
  return Buffer.concat([head, ...parts, throttle]);
}

test('the request, its head included, is what kafkajs would have written', async () => {
  const { broker, sent, said } = brokerOf(Buffer.from('an answer'));
  const answer = await exchangeWith(broker, { request: produce, encode, decode });
  assert.equal(answer.text, 'an answer');
  assert.equal(said.throttled, 12);
  const theirs = await theirRequest({
    correlationId: 77,
    clientId,
    request: { ...produce, encode: async () => ({ buf: body, buffer: body }) },
  });
  assert.deepEqual(sent, [theirs.buffer]);
});

test('a connection that has to log in does so before it sends', async () => {
  const { broker, done } = brokerOf(Buffer.from('an answer'), { mechanism: 'plain' });
  const answer = await exchangeWith(broker, { request: produce, encode, decode });
  assert.equal(answer.text, 'an answer');
  assert.deepEqual(done, ['authenticate', 'write']);
});

test('a wait that is given up ends at once, and closes the connection that its answer would come on', async () => {
  const { broker, sent, done } = brokerOf(undefined);
  const giveUp = new AbortController();
  const exchanged = exchangeWith(broker, { request: produce, encode, decode, signal: giveUp.signal });
  exchanged.catch(() => undefined);
  while (sent.length === 0) await Promise.resolve();
  const reason = new Error('given up');
  giveUp.abort(reason);
  await assert.rejects(exchanged, reason);
  assert.deepEqual(done, ['write', 'disconnect', 'destroy']);
  await assert.rejects(
    exchangeWith(broker, { request: produce, encode, decode, signal: giveUp.signal }),
    reason,
  );
  assert.equal(sent.length, 1);
});

test('a connection that was closed is opened anew by the next request', async () => {
  const closed = Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' });
  const { broker, said } = brokerOf(closed);
  await assert.rejects(exchangeWith(broker, { request: produce, encode, decode }), closed);
  assert.equal(said.disconnected, true);
});

test('a produce response is one of success only where every partition has taken its records', () => {
  assert.equal(decodeProduceResponse(produceAnswer(0, 0)).clientSideThrottleTime, 250);
  assert.throws(() => decodeProduceResponse(produceAnswer(0, 45)), {
    name: 'KafkaJSProtocolError',
    type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  });
});
