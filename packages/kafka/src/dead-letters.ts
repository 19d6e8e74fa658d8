/** What is done with dead letters: they are counted, shown, and put back on their topic. */
import type { RecordHeaders } from './record-headers.ts';
import type { LetterState } from './replay-ledger.ts';

export interface DeadLetterCount {
  /** Without the installation's prefix: `mail.requests.dlq`. */
  readonly topic: string;
  /** Letters that are kept now. */
  readonly letters: number;
  readonly replayed: number;
  /** Of a replay that was cut off or goes on now. */
  readonly begun: number;
}

/** A record that could not be processed. */
export interface ReadLetter {
  readonly offset: number;
  readonly state: LetterState;
  /** As it was: key, value and headers; of the headers without those that made it a dead letter. */
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: RecordHeaders;
  readonly reason: string;
  /** Consumer group that could not process it. */
  readonly group: string;
  /** When that was, ms since the epoch. */
  readonly time: number;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number };
}

export interface ReplaySelection {
  /** First and last offset in the dead-letter topic. Default: all. */
  readonly from?: number;
  readonly to?: number;
  /** Also those that were replayed or begun before. Default false. */
  readonly again?: boolean;
  /** Only says what it would do. Default false. */
  readonly dryRun?: boolean;
  /** Ends it after the letters that are on their way. */
  readonly signal?: AbortSignal;
}

export interface Replay {
  /** Put back on their topics and acknowledged; with `dryRun`: those that would be. */
  readonly replayed: number;
  /** The same by topic. */
  readonly byTopic: Readonly<Record<string, number>>;
  /** Selected and left, as an earlier replay had them. */
  readonly before: number;
  /** Selected and left, as an earlier replay was cut off with them: whether it sent them is not known. */
  readonly begun: number;
  /** Refused by Kafka, or interrupted: they wait as before. */
  readonly notSent: number;
  /** Sent without an answer of Kafka in time: they may be on their topic or not. */
  readonly unknown: number;
}

/** Dead letters of the installation. Records of such a topic that are no dead letters are passed over. */
export interface DeadLetters {
  /** Topics that keep dead letters now. */
  list(): Promise<readonly DeadLetterCount[]>;
  /** Every letter that is kept now, in order. Throws KafkaRefusedError where there is no such topic. */
  read(topic: string, onLetter: (letter: ReadLetter) => void | Promise<void>): Promise<void>;
  /**
   * Puts letters back on their topics, in order, byte for byte. What was replayed before is left, also when two do it
   * at once. Throws KafkaRefusedError, KafkaUnavailableError.
   */
  replay(topic: string, selection?: ReplaySelection): Promise<Replay>;
}
