/** Which blocks of the program have run, as V8 counts them. */

import { Session } from "node:inspector/promises";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** A function. A byte for each of its code says whether that has run. */
interface Code {
  readonly seen: Set<string>;
  /** Where blocks begin, from the function's beginning. */
  readonly edges: Set<number>;
  readonly ran: Uint8Array;
  begun: Uint8Array;
}

/** Blocks that have run: of the seeds alone, of all inputs, and all that are known of functions that ran. */
export interface BlockCount {
  readonly begun: number;
  readonly covered: number;
  readonly known: number;
}

/** Counts for all targets. Only code that is loaded after its start is counted by blocks. */
export class Profiler {
  readonly #session = new Session();
  /** Only the program's own modules count. */
  readonly #root = new URL("../../src/", import.meta.url).href;

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  }

  /**
   * The functions that ran since the last time, each with its blocks: an inner one behind the one around it.
   */
  async take(): Promise<{ readonly url: string; readonly ranges: readonly Range[] }[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    return result.filter(({ url }) => url.startsWith(this.#root))
      .flatMap(({ url, functions }) => functions.map(({ ranges }) => ({ url, ranges })))
      .filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
  }

  stop(): void {
    this.#session.disconnect();
  }
}

/** What ran for one target. */
export class Coverage {
  readonly #profiler: Profiler;
  readonly #code = new Map<string, Code>();
  /** How the latest {@link news} are taken back. */
  readonly #undo: (() => void)[] = [];

  constructor(profiler: Profiler) {
    this.#profiler = profiler;
  }

  /** How much code ran since the last time that had never run before. */
  async news(): Promise<number> {
    this.#undo.length = 0;
    let fresh = 0;
    for (const { url, ranges } of await this.#profiler.take()) fresh += this.#add(url, ranges);
    return fresh;
  }

  #add(url: string, ranges: readonly Range[]): number {
    const [whole] = ranges;
    if (whole === undefined) return 0;
    const from = whole.startOffset;
    const code = this.#codeOf(`${url} ${from}`, whole.endOffset - from);
    const pattern = ranges.map(({ startOffset, count }) => `${startOffset} ${count}`).join();
    if (code.seen.has(pattern)) return 0;
    code.seen.add(pattern);
    this.#undo.push(() => code.seen.delete(pattern));
    const latest = new Uint8Array(code.ran.length);
    for (const { startOffset, endOffset, count } of ranges) {
      code.edges.add(startOffset - from).add(endOffset - from);
      latest.fill(count > 0 ? 1 : 0, startOffset - from, endOffset - from);
    }
    const before = code.ran.slice();
    this.#undo.push(() => code.ran.set(before));
    let fresh = 0;
    for (const [at, ran] of latest.entries()) {
      if (ran === 0 || code.ran[at] === 1) continue;
      code.ran[at] = 1;
      fresh++;
    }
    return fresh;
  }

  #codeOf(key: string, length: number): Code {
    const known = this.#code.get(key);
    if (known !== undefined) return known;
    const code = {
      seen: new Set<string>(),
      edges: new Set<number>(),
      ran: new Uint8Array(length),
      begun: new Uint8Array(length),
    };
    this.#code.set(key, code);
    return code;
  }

  /** Takes the latest {@link news} for not seen, to see which of several inputs they came from. */
  forgetLatest(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  /** What has run so far is what the seeds run. */
  hasBegun(): void {
    for (const code of this.#code.values()) code.begun = code.ran.slice();
  }

  /** Counts the blocks between the places where one has ever begun or ended. */
  blocks(): BlockCount {
    const count = { begun: 0, covered: 0, known: 0 };
    for (const { edges, ran, begun } of this.#code.values()) {
      for (const edge of edges) {
        if (edge === ran.length) continue;
        count.known++;
        count.covered += ran[edge] ?? 0;
        count.begun += begun[edge] ?? 0;
      }
    }
    return count;
  }
}
