/** Work that waits in lines: the work of one name makes no work of another name wait. */

import { fewAtOnce } from "../../time/few_at_once.ts";

/** One line: how many pieces of work run and wait in it. */
interface Line {
  count: number;
  readonly run: ReturnType<typeof fewAtOnce>;
}

/** Lines by name. In each of them, few pieces of work run at the same time, and few others wait. */
export class Lines {
  readonly #limits: { readonly atOnce: number; readonly mostWaiting: number };
  readonly #lines = new Map<string, Line>();

  constructor(limits: { readonly atOnce: number; readonly mostWaiting: number }) {
    this.#limits = limits;
  }

  /** Runs work in the order of arrival in the line of a name. `undefined` if too much work waits there. */
  run<Result>(name: string, work: () => Promise<Result>): Promise<Result> | undefined {
    const { atOnce, mostWaiting } = this.#limits;
    const line = this.#lines.get(name) ?? { count: 0, run: fewAtOnce(atOnce) };
    if (line.count >= atOnce + mostWaiting) return undefined;
    line.count++;
    this.#lines.set(name, line);
    return line.run(work).finally(() => {
      line.count--;
      if (line.count === 0) this.#lines.delete(name);
    });
  }
}
