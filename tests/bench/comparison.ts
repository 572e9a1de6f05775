/** `deno task bench`: all candidates beside each other, in rounds in which they take turns. */

import { allCandidates } from "./candidates/all.ts";
import type { Candidate } from "./candidates/candidate.ts";
import { TWIN_NAME } from "./candidates/own.ts";
import {
  type Bulk,
  measureBulk,
  measureHttps,
  measureInTurn,
  measureStreams,
  measureWrk,
} from "./measure.ts";
import { machine } from "./machine.ts";
import { exists, memoryMb } from "./process.ts";
import { type FigureName, type Report, Samples } from "./report.ts";
import { CheckingUpstream } from "./right_responses.ts";
import { Stage, type StageOptions, type Subject } from "./stage.ts";
import { warmedUp } from "./warm_up.ts";

/** How often and how long is measured. */
export interface ComparisonOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Names of groups of candidates. Undefined: all. */
  readonly groups?: readonly string[];
}

/**
 * What a load takes besides its seconds: the start of its program, and the time until the proxy is idle
 * again.
 */
const LOAD_EXTRA_SECONDS = 0.4;
/** How many loads a warm-up takes, roughly. */
const WARM_UP_LOADS = 5;
/** What start, memory and large bodies of one candidate take. */
const MEMORY_SECONDS = 11;

type RoundFigures = Partial<Record<FigureName, number>>;

const UPLOADS: Bulk = { direction: "up", megabytes: 10, count: 100, parallel: 16 };
const DOWNLOADS: Bulk = { direction: "down", megabytes: 50, count: 20, parallel: 4 };

/** Measures everything and gives the report. Says what is missing, and goes on. */
export async function compare({ rounds, seconds, groups }: ComparisonOptions): Promise<Report> {
  await using stage = await Stage.open();
  const comparison = new Comparison(stage, { rounds, seconds });
  await comparison.run(await allCandidates(stage.folder, groups));
  return comparison.report();
}

class Comparison {
  readonly #stage: Stage;
  readonly #rounds: number;
  readonly #seconds: number;
  readonly #samples = new Samples();
  readonly #missing = new Map<string, string>();
  #candidates: readonly Candidate[] = [];

  constructor(stage: Stage, { rounds, seconds }: { rounds: number; seconds: number }) {
    this.#stage = stage;
    this.#rounds = rounds;
    this.#seconds = seconds;
  }

  async run(candidates: readonly Candidate[]): Promise<void> {
    for (const { name, missing } of candidates) if (missing !== undefined) this.#leaveOut(name, missing);
    this.#candidates = candidates.filter(({ missing }) => missing === undefined);
    await this.#check();
    console.log(`this takes about ${this.#minutes().toFixed(0)} minutes`);
    const json = await this.#stage.jsonUpstream();
    await this.#json(json.plain);
    await this.#tls(json.tls);
    if (await exists("h2load")) await this.#https(json.plain);
    else {this.#leaveOut(
        "HTTPS and HTTP/2 to clients",
        "h2load is not installed (apt-get install nghttp2-client)",
      );}
    if (!await exists("go")) return this.#leaveOut("event streams and large bodies", "go is not installed");
    const origin = await this.#stage.streamUpstream();
    await this.#streams(origin);
    for (const candidate of this.#proxies()) await this.#memory(candidate, origin);
  }

  report(): Report {
    return {
      date: new Date().toISOString(),
      machine: machine(),
      rounds: this.#rounds,
      seconds: this.#seconds,
      noise: this.#samples.noise(),
      results: this.#samples.results(
        this.#candidates.map(({ name }) => name).filter((name) => name !== TWIN_NAME),
      ),
      missing: [...this.#missing].map(([name, reason]) => ({ name, reason })),
    };
  }

  /** Drops candidates that do not answer rightly. */
  async #check(): Promise<void> {
    await using upstream = new CheckingUpstream();
    for (const subject of await this.#start(this.#candidates, { upstream: upstream.origin })) {
      const faults = await upstream.faultsOf(subject, this.#stage.client);
      if (faults.length > 0) this.#leaveOut(subject.name, `wrong: ${faults.join(", ")}`);
      await subject.stop();
    }
  }

  async #json(upstream: string): Promise<void> {
    const subjects = await this.#start(this.#candidates, { upstream });
    const load = { seconds: this.#seconds, folder: this.#stage.folder };
    await this.#interleaved("JSON requests", subjects, {
      warmUp: (subject) => measureWrk(subject, { ...load, connections: 32 }),
      measure: async (subject) => {
        const one = await measureWrk(subject, { ...load, connections: 1 });
        const { cpu, perSecond, p50, p99 } = await measureWrk(subject, { ...load, connections: 32 });
        const many = await measureWrk(subject, { ...load, connections: 128 });
        const inTurn = await measureInTurn(subject, { ...load, connections: 1 });
        return {
          cpu,
          perSecond,
          p50c1: one.p50,
          p99c1: one.p99,
          p50c32: p50,
          p99c32: p99,
          p50c128: many.p50,
          p99c128: many.p99,
          inTurnCpu: inTurn.cpu,
          inTurnP50: inTurn.p50,
          inTurnP99: inTurn.p99,
          afterLoadMb: memoryMb(subject.pid),
        };
      },
    });
  }

  async #tls(upstream: string): Promise<void> {
    const load = { seconds: this.#seconds, folder: this.#stage.folder, connections: 32 };
    await this.#interleaved(
      "JSON over TLS to the upstream",
      await this.#start(this.#proxies(), { upstream }),
      {
        warmUp: (subject) => measureWrk(subject, load),
        measure: async (subject) => ({ tlsCpu: (await measureWrk(subject, load)).cpu }),
      },
    );
  }

  async #https(upstream: string): Promise<void> {
    const candidates = this.#proxies().filter(({ hasTls }) => hasTls === true);
    const load = { seconds: this.#seconds, folder: this.#stage.folder };
    await this.#interleaved("HTTPS to clients", await this.#start(candidates, { upstream, isSecure: true }), {
      warmUp: (subject) => measureHttps(subject, { ...load, protocol: "h1" }),
      measure: async (subject) => {
        const one = await measureHttps(subject, { ...load, protocol: "h1" });
        const two = await measureHttps(subject, { ...load, protocol: "h2" });
        return { httpsCpu: one.cpu, http2Cpu: two.cpu };
      },
    });
  }

  async #streams(upstream: string): Promise<void> {
    const load = { streams: 50, rate: 100, seconds: this.#seconds + 1, client: this.#stage.streamClient };
    await this.#interleaved("event streams", await this.#start(this.#proxies(), { upstream }), {
      warmUp: (subject) => measureStreams(subject, load),
      measure: async (subject) => {
        const { cpu, p50, p99, first } = await measureStreams(subject, load);
        return { chunkCpu: cpu, chunkP50: p50, chunkP99: p99, firstEvent: first };
      },
    });
  }

  /** Start, memory and large bodies, each in a new process. */
  async #memory(candidate: Candidate, upstream: string): Promise<void> {
    console.log(`memory, start and large bodies: ${candidate.name}`);
    for (const subject of await this.#start([candidate], { upstream })) {
      const idleMb = memoryMb(subject.pid);
      const figures: RoundFigures = { startMs: subject.startMs, idleMb };
      await this.#try(`${subject.name}, 1,000 streams`, async () => {
        const load = { streams: 1_000, rate: 1, seconds: 4, client: this.#stage.streamClient };
        const { openMb, whole } = await measureStreams(subject, load);
        Object.assign(figures, {
          streamsMb: openMb,
          streamKb: (openMb - idleMb) * 1.024,
          wholeOf1000: whole,
        });
      });
      await subject.stop();
      this.#samples.add(candidate.name, figures);
    }
    if (candidate.limitsBodies === true) return;
    for (const subject of await this.#start([candidate], { upstream })) {
      await this.#try(`${subject.name}, large bodies`, async () => {
        const idleMb = memoryMb(subject.pid);
        const upload = await measureBulk(subject, UPLOADS);
        const uploadPeakMb = memoryMb(subject.pid, "VmHWM") - idleMb;
        this.#samples.add(candidate.name, {
          upload,
          uploadPeakMb,
          download: await measureBulk(subject, DOWNLOADS),
        });
      });
      await subject.stop();
    }
  }

  /**
   * Warms each subject up, then measures each once in each round. Another one begins each round, so that no
   * place in the order counts. A subject that fails takes no further part.
   */
  async #interleaved(
    what: string,
    subjects: readonly Subject[],
    { warmUp, measure }: {
      warmUp: (subject: Subject) => Promise<{ readonly cpu: number }>;
      measure: (subject: Subject) => Promise<RoundFigures>;
    },
  ): Promise<void> {
    let present = subjects;
    for (let round = 0; round <= this.#rounds; round++) {
      console.log(round === 0 ? `${what}, warming up` : `${what}, round ${round} of ${this.#rounds}`);
      const begin = round % Math.max(present.length, 1);
      for (const subject of [...present.slice(begin), ...present.slice(0, begin)]) {
        const isDone = await this.#try(`${subject.name}, ${what}`, async () => {
          if (round === 0) await warmedUp(async () => (await warmUp(subject)).cpu);
          else this.#samples.add(subject.name, await measure(subject));
        });
        if (!isDone) present = present.filter((other) => other !== subject);
      }
    }
    for (const subject of subjects) await subject.stop();
  }

  /** Whether a measurement succeeded. If not, the report has the reason. */
  async #try(what: string, measure: () => Promise<void>): Promise<boolean> {
    try {
      await measure();
      return true;
    } catch (error) {
      this.#leaveOut(what, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async #start(candidates: readonly Candidate[], options: StageOptions): Promise<Subject[]> {
    const present = candidates.filter(({ name }) => !this.#missing.has(name));
    const onMissing = (name: string, reason: string) => this.#leaveOut(name, reason);
    return await this.#stage.startAll(present, { ...options, onMissing });
  }

  /** How long the measurements take, by their number. Each load needs a moment besides its seconds. */
  #minutes(): number {
    const proxies = this.#proxies();
    const secure = proxies.filter(({ hasTls }) => hasTls === true);
    const gateways = this.#candidates.length - proxies.length - this.#missing.size;
    const loads = (proxies.length + gateways) * (4 * this.#rounds + WARM_UP_LOADS) + // JSON
      proxies.length * (this.#rounds + WARM_UP_LOADS) + // TLS to upstreams
      secure.length * (2 * this.#rounds + WARM_UP_LOADS) + // TLS to clients
      proxies.length * (this.#rounds + WARM_UP_LOADS) * 1.3; // streams
    return (loads * (this.#seconds + LOAD_EXTRA_SECONDS) + proxies.length * MEMORY_SECONDS) / 60;
  }

  #proxies(): Candidate[] {
    return this.#candidates.filter(({ name, kind }) => kind === "proxy" && !this.#missing.has(name));
  }

  #leaveOut(name: string, reason: string): void {
    this.#missing.set(name, reason);
    console.log(`missing: ${name}: ${reason}`);
  }
}
