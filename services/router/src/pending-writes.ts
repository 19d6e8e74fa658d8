/** Writes under way that one record waits for. A failure is kept until it is asked for, however late that is. */
export class PendingWrites {
  #pending = 0;
  #failure: { readonly error: unknown } | undefined;
  #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

  add(write: Promise<void>): void {
    this.#pending++;
    write.then(
      () => this.#settled(),
      (error: unknown) => {
        this.#failure ??= { error };
        this.#settled();
      },
    );
  }

  /** Resolves when everything added so far is written; rejects with the first failure. One waiter at a time. */
  written(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#pending === 0) this.#finish();
    });
  }

  #settled(): void {
    this.#pending--;
    if (this.#pending === 0) this.#finish();
  }

  #finish(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#failure === undefined) waiting?.resolve();
    else waiting?.reject(this.#failure.error);
  }
}
