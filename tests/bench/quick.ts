/**
 * `deno task bench --quick`: whether a request has become more expensive, in about two minutes. It compares
 * CPU times of processes as ratios to a proxy that only copies bytes between sockets (`peers/raw_proxy.ts`).
 * That proxy is the measure for three reasons: each machine with Deno has it; it runs on the same runtime, so
 * a slower processor, kernel or garbage collector changes both sides alike, unlike with nginx; and it uses no
 * file of `src`, so no change there changes the measure. Other processes of the machine cost wall time, which
 * is not looked at, and little CPU time.
 */

import type { Candidate } from "./candidates/candidate.ts";
import { managedCandidate, ownCandidate, TWIN_NAME } from "./candidates/own.ts";
import { rawCandidate } from "./candidates/runtimes.ts";
import { cpuOfRequest, startRawUpstream } from "./load.ts";
import { limitOf, type MeasuredRatios, type QuickRounds, type Ratios, ratiosOf, worse } from "./ratio.ts";
import { described, machine } from "./machine.ts";
import { Stage, type Subject } from "./stage.ts";
import { warmedUp } from "./warm_up.ts";

/** What `--record` writes. */
interface Record extends Ratios {
  readonly date: string;
  readonly machine: string;
  readonly noise: number;
}

const RECORD = new URL("recorded_ratio.json", import.meta.url);
const WARM_UP_SECONDS = 2;
const SECONDS = 0.7;
const ROUNDS = 8;
/** How many times as many rounds `--record` takes. */
const RECORDED_SETS = 3;

/**
 * Prints the ratios, and whether they are worse than recorded. With `isRecording`, writes them down instead.
 */
export async function benchQuick({ isRecording }: { readonly isRecording: boolean }): Promise<boolean> {
  await using stage = await Stage.open();
  await using upstream = startRawUpstream();
  const candidates = {
    raw: rawCandidate(),
    plain: ownCandidate(),
    again: ownCandidate(TWIN_NAME),
    managed: managedCandidate(stage.folder),
  };
  const subjects = await startAll(stage, candidates, upstream.origin);
  for (const subject of Object.values(subjects)) await warmedUp(() => cpuOfRequest(subject, WARM_UP_SECONDS));
  const rounds = { raw: [], plain: [], again: [], managed: [] };
  await measure(subjects, rounds);
  let measured = ratiosOf(rounds);
  if (isRecording) {
    // The more rounds, the nearer is the least of them to the ratio of a quiet machine.
    for (let set = 1; set < RECORDED_SETS; set++) await measure(subjects, rounds);
    measured = ratiosOf(rounds);
    const record: Record = {
      date: new Date().toISOString().slice(0, 10),
      machine: described(machine()),
      ...measured,
    };
    await Deno.writeTextFile(RECORD, `${JSON.stringify(record, null, 2)}\n`);
    console.log(`recorded: ${shown(measured)}`);
    return true;
  }
  const recorded: Record = JSON.parse(await Deno.readTextFile(RECORD));
  if (worse(measured, recorded).length > 0) {
    console.log(`worse than recorded at first: ${shown(measured)}; measuring as many rounds again`);
    await measure(subjects, rounds);
    measured = ratiosOf(rounds);
  }
  console.log(`CPU time per request, as a ratio to raw sockets: ${shown(measured)}`);
  console.log(
    `recorded on ${recorded.date}: plain ${recorded.plain.toFixed(2)}, managed ${
      recorded.managed.toFixed(2)
    }`,
  );
  const failures = worse(measured, recorded);
  for (const name of failures) {
    const limit = limitOf(recorded[name], measured.noise).toFixed(2);
    console.error(
      `${name} is worse than recorded: ${measured[name].toFixed(2)}, at most ${limit} is allowed`,
    );
  }
  return failures.length === 0;
}

type Subjects = { readonly [name in keyof QuickRounds]: Subject };

async function startAll(
  stage: Stage,
  candidates: { readonly [name in keyof QuickRounds]: Candidate },
  upstream: string,
): Promise<Subjects> {
  return {
    raw: await stage.start(candidates.raw, { upstream }),
    plain: await stage.start(candidates.plain, { upstream }),
    again: await stage.start(candidates.again, { upstream }),
    managed: await stage.start(candidates.managed, { upstream }),
  };
}

async function measure(
  subjects: Subjects,
  rounds: { readonly [name in keyof QuickRounds]: number[] },
): Promise<void> {
  const names = ["raw", "plain", "again", "managed"] as const;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of names) rounds[name].push(await cpuOfRequest(subjects[name], SECONDS));
    const figures = names.map((name) => `${name} ${rounds[name].at(-1)?.toFixed(1)}`);
    console.log(`round ${round} of ${ROUNDS}, µs CPU per request: ${figures.join(", ")}`);
  }
}

function shown({ plain, managed, noise }: MeasuredRatios): string {
  return `plain ${plain.toFixed(2)}, managed ${managed.toFixed(2)}; noise ${(noise * 100).toFixed(0)} %`;
}
