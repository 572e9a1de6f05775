/** What is measured while the soak runs, and whether it grew. */

import type { Figures } from "./soaked_proxy.ts";

/** One measurement. */
export interface Sample extends Figures {
  readonly seconds: number;
  /** Requests so far. */
  readonly asked: number;
  readonly inFlight: number;
}

/** The first third is for warming up. */
const WARM_UP = 1 / 3;
/** By how much the most of the second half may be above the most of the first one. */
const MAY_GROW = { rssMb: 10, sockets: 40, timers: 40 } as const;
/** The loop is late where it is as late as this, and twice as late as before. */
const LATE_MS = 50;

/** `  30 s  6213 requests, 187 in flight …` */
export function sampleLine(sample: Sample): string {
  const { seconds, asked, inFlight, rssMb, heapBytes, sockets, timers, loopP99Ms, loopMaxMs } = sample;
  const memory = `${rssMb.toFixed(1)} MB (heap ${(heapBytes / 2 ** 20).toFixed(1)})`;
  const loop = `loop p99 ${loopP99Ms.toFixed(1)} ms, max ${loopMaxMs.toFixed(1)} ms`;
  const open = `${sockets} sockets, ${timers} timers`;
  return `${
    seconds.toFixed(0).padStart(5)
  } s  ${asked} requests, ${inFlight} in flight, ${memory}, ${open}, ${loop}`;
}

/** What grew after the plateau; a line each. */
export function growthOf(samples: readonly Sample[]): { readonly summary: string; readonly grew: string[] } {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP));
  const middle = Math.floor(settled.length / 2);
  const [first, second] = [settled.slice(0, middle), settled.slice(middle)];
  const grew: string[] = [];
  const parts: string[] = [];
  for (const figure of ["rssMb", "sockets", "timers"] as const) {
    const [before, after] = [first, second].map((half) => Math.max(...half.map((sample) => sample[figure])));
    const by = (after ?? 0) - (before ?? 0);
    parts.push(`${figure} ${by.toFixed(1)}`);
    if (by > MAY_GROW[figure]) grew.push(`${figure} grew by ${by.toFixed(1)}, more than ${MAY_GROW[figure]}`);
  }
  const [before = 0, after = 0] = [first, second].map((half) =>
    median(half.map(({ loopP99Ms }) => loopP99Ms))
  );
  parts.push(`loop p99 from ${before.toFixed(1)} to ${after.toFixed(1)} ms`);
  if (after > LATE_MS && after > 2 * before) {
    grew.push(`the event loop's p99 delay grew from ${before.toFixed(1)} ms to ${after.toFixed(1)} ms`);
  }
  return { summary: `after the plateau: ${parts.join(", ")}`, grew };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
