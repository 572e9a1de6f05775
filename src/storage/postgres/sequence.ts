/** Runs asynchronous work in the order in which it was given, one piece after the other. */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs work after all earlier work has ended, also if that failed. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
