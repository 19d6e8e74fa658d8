/** What a scenario is run on: Millrace, or another mail system beside it. */
import type { Submitted } from './load/http-load.ts';
import type { Watched } from './process-figures.ts';
import type { Sink } from './sink.ts';

export type StreamName = 'realtime' | 'batch';

/** Mails are numbered; a name keeps the recipients of one part apart from those of another. */
export interface SystemUnderTest {
  readonly name: string;
  readonly sink: Sink;
  readonly processes: () => readonly Watched[];
  readonly kafkaBytes?: () => number;
  /** Hands over `count` 10 KB mails as fast as they are taken; resolves when all are. */
  submitAll(name: string, count: number): Promise<Submitted>;
  /** One mail every `1/ratePerSecond`, while `going(number)`. */
  submitPaced(name: string, ratePerSecond: number, going: (number: number) => boolean): Promise<Submitted>;
  /** `count` mails that an event sends, all at one moment. */
  submitBurst(name: string, count: number): Promise<Submitted>;
  /** `count` whole messages as an application made them, by each way that takes them. */
  submitRaw(name: string, count: number): Promise<Readonly<Record<string, Submitted>>>;
}
