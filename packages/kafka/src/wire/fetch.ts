/** One fetch within a session with a broker. */
import { exchangeWith } from './exchange.ts';
import { encodeFetchRequest, type FetchLimits } from './fetch-request.ts';
import { decodeFetchResponse, type FetchResponse } from './fetch-response.ts';
import { FetchSession, type WantedPartition } from './fetch-session.ts';
import { type Broker, protocolErrorOf } from './kafkajs-internals.ts';

const fetchKey = 1;
const fetchVersion = 11;
const networkDelayMs = 100;
const errorCodes = { none: 0, sessionNotFound: 70, invalidSessionEpoch: 71 };

/** A broker object lives as long as kafkajs keeps the connection's address; a session that it lost is begun again. */
const sessions = new WeakMap<Broker, FetchSession>();

function sessionWith(broker: Broker): FetchSession {
  let session = sessions.get(broker);
  if (session === undefined) {
    session = new FetchSession();
    sessions.set(broker, session);
  }
  return session;
}

/**
 * What there is of `wanted`, every partition that is to be read; undefined: the session was begun anew, ask again. Throws
 * kafkajs's errors, those of a partition too, and the reason of `signal`, which ends the wait.
 */
export async function fetchFrom(
  broker: Broker,
  wanted: readonly WantedPartition[],
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<FetchResponse | undefined> {
  const session = sessionWith(broker);
  const plan = session.next(wanted);
  let answered: FetchResponse | undefined;
  try {
    const response = await exchangeWith(broker, {
      request: { apiKey: fetchKey, apiVersion: fetchVersion, apiName: 'Fetch' },
      encode: (headBytes) => encodeFetchRequest(plan, limits, headBytes),
      decode: decodeFetchResponse,
      timeoutMs: limits.maxWaitMs + networkDelayMs,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.errorCode === errorCodes.sessionNotFound) {
      session.forgottenByBroker();
      answered = response;
      return undefined;
    }
    if (response.errorCode === errorCodes.invalidSessionEpoch) return undefined;
    if (response.errorCode !== errorCodes.none) throw protocolErrorOf(response.errorCode);
    for (const { errorCode, topic, partition } of response.partitions)
      if (errorCode !== errorCodes.none) throw protocolErrorOf(errorCode, { topic, partition });
    session.answered(response.sessionId);
    answered = response;
    return response;
  } finally {
    if (answered === undefined) session.restart();
  }
}
