/** A stream of NDJSON lines becomes a stream of answers: one for each line, in order, with bounds on both sides. */
import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AnswerQueue } from './answer-queue.ts';
import { compileCheck } from './body-check.ts';
import { parseJson } from './http/json-body.ts';
import { toProblemError } from './http/problems.ts';
import { type Line, LineSplitter } from './line-splitter.ts';
import { invalidRequest, ProblemError } from './problem.ts';
import { BatchLine } from './send-body.ts';
import type { Submitted } from './submitter.ts';

/** Bounds of one batch request. */
export const batchLimits = {
  /** Longest line, bytes. Larger contents go through POST /v1/messages. */
  lineBytes: 1_048_576,
  /** Lines that wait for Kafka at once. */
  linesInFlight: 250,
  /** Their bytes. */
  bytesInFlight: 16_777_216,
  /** Answers that wait for the reader, bytes. */
  answerBytes: 4_194_304,
} as const;

/** How long lines are read without looking at what else there is to do, ms: a realtime request waits no longer for them. */
const sliceMs = 1;

const checkLine = compileCheck(BatchLine);

/** Takes one line's body. Throws ProblemError. */
export type SubmitLine = (body: BatchLine, bodyHash: () => string) => Promise<Submitted>;

const answerOf = (number: number, submitted: Submitted): string =>
  `${JSON.stringify({
    line: number,
    request_id: submitted.request_id,
    message_ids: submitted.messages.map(({ message_id }) => message_id),
  })}\n`;

const problemAnswer = (number: number, problem: ProblemError): string =>
  `${JSON.stringify({
    line: number,
    problem: problem.toProblem(),
    ...(problem.retryAfterSeconds === undefined ? {} : { retry_after: problem.retryAfterSeconds }),
  })}\n`;

const take = (text: string, submit: SubmitLine): Promise<Submitted> => {
  const checked = checkLine(parseJson(text));
  if (checked.kind === 'wrong') throw invalidRequest(checked.errors);
  return submit(checked.value, () => hash('sha256', text, 'hex'));
};

/** What is counted while lines are open. */
class InFlight {
  #bytes = 0;
  #wake: (() => void) | undefined;

  get hasRoom(): boolean {
    return this.#bytes < batchLimits.bytesInFlight;
  }

  async room(): Promise<void> {
    while (!this.hasRoom) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#wake?.();
    this.#wake = undefined;
  }
}

/**
 * Reads `input` as fast as Kafka and the reader of the answers allow. Empty lines are passed over.
 * `onInternal` hears of failures that are not the caller's.
 */
export const batchAnswers = (
  input: AsyncIterable<Buffer>,
  submit: SubmitLine,
  options: { readonly signal: AbortSignal; readonly onInternal: (error: unknown) => void },
): AsyncIterable<string> => {
  const queue = new AnswerQueue({
    maxOpen: batchLimits.linesInFlight,
    maxReadyBytes: batchLimits.answerBytes,
  });
  const inFlight = new InFlight();

  const problemOf = (number: number, error: unknown): string => {
    const problem = toProblemError(error);
    if (problem.code === 'internal') options.onInternal(error);
    return problemAnswer(number, problem);
  };

  const start = (line: Line): void => {
    if (line.kind === 'line' && line.text.trim() === '') return;
    const place = queue.place();
    if (line.kind === 'too_long') {
      const problem = new ProblemError('too-large', `The line is longer than ${batchLimits.lineBytes} bytes`);
      place.fill(problemAnswer(line.number, problem));
      return;
    }
    const bytes = line.text.length;
    inFlight.add(bytes);
    const done = (answer: string): void => {
      inFlight.remove(bytes);
      place.fill(answer);
    };
    const failed = (error: unknown): void => done(problemOf(line.number, error));
    try {
      take(line.text, submit).then((submitted) => done(answerOf(line.number, submitted)), failed);
    } catch (error) {
      failed(error);
    }
  };

  let sliceEnds = 0;
  const startAll = async (lines: Iterable<Line>): Promise<void> => {
    for (const line of lines) {
      if (performance.now() > sliceEnds) {
        await nextTurn();
        sliceEnds = performance.now() + sliceMs;
      }
      if (!queue.hasRoom) await queue.room();
      if (!inFlight.hasRoom) await inFlight.room();
      if (options.signal.aborted) return;
      start(line);
    }
  };

  const readAll = async (): Promise<void> => {
    const splitter = new LineSplitter(batchLimits.lineBytes);
    try {
      for await (const chunk of input) {
        await startAll(splitter.push(chunk));
        if (options.signal.aborted) return;
      }
      await startAll(splitter.end());
    } catch (error) {
      // The caller went away in the middle: what was read is in Kafka or not, nobody waits for the answers.
      if (!options.signal.aborted) options.onInternal(error);
    } finally {
      queue.end();
    }
  };

  options.signal.addEventListener('abort', () => queue.end(), { once: true });
  void readAll();
  return queue.read();
};
