/** Answers that become ready in any order and go out in the order of their questions. */

/** A place in the queue: fill it once. */
export interface Place {
  fill(text: string): void;
}

/**
 * Bounded on both sides: `room()` waits while too many questions are open or too many answers wait for the reader;
 * reading waits while the oldest question is open.
 */
export class AnswerQueue {
  readonly #maxOpen: number;
  readonly #maxReadyBytes: number;
  /** Undefined: not answered yet. */
  readonly #answers: (string | undefined)[] = [];
  /** Number of answers that were taken out of the front. */
  #taken = 0;
  #open = 0;
  #readyBytes = 0;
  #ended = false;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(limits: { readonly maxOpen: number; readonly maxReadyBytes: number }) {
    this.#maxOpen = limits.maxOpen;
    this.#maxReadyBytes = limits.maxReadyBytes;
  }

  /** Questions without an answer. */
  get open(): number {
    return this.#open;
  }

  /** Whether another question may be put without waiting. */
  get hasRoom(): boolean {
    return this.#ended || (this.#open < this.#maxOpen && this.#readyBytes < this.#maxReadyBytes);
  }

  /** Waits until there is room for another question. */
  async room(): Promise<void> {
    while (!this.hasRoom) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Puts a question at the end. */
  place(): Place {
    const number = this.#taken + this.#answers.length;
    this.#answers.push(undefined);
    this.#open += 1;
    return {
      fill: (text) => {
        this.#answers[number - this.#taken] = text;
        this.#open -= 1;
        this.#readyBytes += text.length;
        if (number === this.#taken) this.#wake('reader');
        this.#wake('writer');
      },
    };
  }

  /** No question comes any more; the reader ends after the last answer. */
  end(): void {
    this.#ended = true;
    this.#wake('reader');
    this.#wake('writer');
  }

  /** All answers that are ready, in order and joined, time and again until the end. */
  async *read(): AsyncGenerator<string> {
    for (;;) {
      const ready = this.#takeReady();
      if (ready !== '') yield ready;
      else if (this.#ended && this.#answers.length === 0) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  #takeReady(): string {
    let count = 0;
    let text = '';
    for (const answer of this.#answers) {
      if (answer === undefined) break;
      text += answer;
      count += 1;
    }
    if (count === 0) return '';
    this.#answers.splice(0, count);
    this.#taken += count;
    this.#readyBytes -= text.length;
    this.#wake('writer');
    return text;
  }

  #wake(who: 'reader' | 'writer'): void {
    if (who === 'reader') {
      this.#wakeReader?.();
      this.#wakeReader = undefined;
    } else if (this.hasRoom) {
      this.#wakeWriter?.();
      this.#wakeWriter = undefined;
    }
  }
}
