/** The last line of a run of several suites, in the words of `deno test`. */

/** How one run of `deno test` ended. */
export interface SuiteResult {
  /** Its last lines, without colours. */
  readonly lastLines: string;
  readonly code: number;
}

const COUNTS = /^(?:ok|FAILED) \| (\d+) passed\D.*$/gm;

/** Adds the counts of suites. */
export class Summary {
  #passed = 0;
  #failed = 0;
  #ignored = 0;
  #code = 0;
  readonly #begin = performance.now();

  /**
   * Counts a suite. A suite that fails without a failed test, such as one that broke off, makes the run fail.
   */
  add({ lastLines, code }: SuiteResult): void {
    const line = [...lastLines.matchAll(COUNTS)].at(-1)?.[0] ?? "";
    const count = (what: string): number => Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
    this.#passed += count("passed");
    this.#failed += count("failed");
    this.#ignored += count("ignored");
    this.#code ||= code;
  }

  /** The exit code of the first suite that failed, or 0. */
  get code(): number {
    return this.#code;
  }

  /** Like `ok | 12 passed | 0 failed | 1 ignored (3s)`. */
  get line(): string {
    const seconds = Math.round((performance.now() - this.#begin) / 1000);
    const verdict = this.#code === 0 ? "ok" : "FAILED";
    return `${verdict} | ${this.#passed} passed | ${this.#failed} failed | ${this.#ignored} ignored (${seconds}s)`;
  }
}
