/** Two candidates beside each other, by JSON request and by chunk: `deno task bench --managed`. */

import type { Candidate } from "./candidates/candidate.ts";
import { measureStreams, measureWrk } from "./measure.ts";
import { exists, memoryMb } from "./process.ts";
import type { Stage, Subject } from "./stage.ts";
import { warmedUp } from "./warm_up.ts";

/** How often and how long is measured. */
export interface PairOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** The words for the two in the output. */
  readonly labels: readonly [string, string];
}

/** Prints what the second costs beside the first. */
export async function benchPair(
  stage: Stage,
  pair: readonly [Candidate, Candidate],
  { rounds, seconds, labels }: PairOptions,
): Promise<void> {
  const compared = async (what: string, upstream: string, cpuOf: (subject: Subject) => Promise<number>) => {
    const subjects = [await stage.start(pair[0], { upstream }), await stage.start(pair[1], { upstream })];
    const values: number[][] = [[], []];
    for (const subject of subjects) await warmedUp(() => cpuOf(subject));
    for (let round = 0; round < rounds; round++) {
      for (const [index, subject] of subjects.entries()) values[index]?.push(await cpuOf(subject));
    }
    // A busy machine only adds time. The least of many short rounds is the nearest to the truth.
    const [one = NaN, other = NaN] = values.map((own) => Math.min(...own));
    const memory = subjects.map(({ pid }) => memoryMb(pid).toFixed(0)).join(" and ");
    for (const subject of subjects) await subject.stop();
    console.log(
      `${what}: ${labels[0]} ${one.toFixed(1)} µs, ${labels[1]} ${other.toFixed(1)} µs, ratio ` +
        `${(other / one).toFixed(2)}; ${memory} MB after load`,
    );
  };
  const { plain } = await stage.jsonUpstream();
  const load = { connections: 32, seconds, folder: stage.folder };
  await compared("CPU per JSON request", plain, async (subject) => (await measureWrk(subject, load)).cpu);
  if (!await exists("go")) return console.log("missing: event streams: go is not installed");
  const origin = await stage.streamUpstream();
  const streams = { streams: 50, rate: 100, seconds: seconds + 1, client: stage.streamClient };
  await compared("CPU per chunk", origin, async (subject) => (await measureStreams(subject, streams)).cpu);
}
