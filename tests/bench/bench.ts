/**
 * `deno task bench`: this proxy beside others, end to end on loopback, all in one interleaved run.
 * Options: --rounds N (5), --seconds N (3), --quick (this proxy and nginx only, against the recorded ratio), --managed
 * (only this proxy plain, beside itself with a managed token, limits and accounting on), --engine (this
 * proxy beside itself with engine = "deno"), --dashboard (the queries of
 * the admin page), --timing (whether the time of a token's check tells how much of a guess was right), --hostile
 * (what a well-behaved client notices while others attack), --accounting (a provider's bill against the proxy's
 * accounts; --exchanges N (10,000), --clients N (160)).
 * Linux, with wrk and nginx; Go, HAProxy and npm bring more. What is missing is said to be missing.
 */

import { parseArgs } from "node:util";
import { benchAccounting } from "./accounting.ts";
import { benchDashboard } from "./dashboard.ts";
import {
  type Candidate,
  candidates,
  denoEngineCandidate,
  managedCandidate,
  ownCandidate,
  TOKEN,
} from "./candidates.ts";
import { benchHostile } from "./hostile.ts";
import {
  type JsonFigures,
  LOAD_CORE,
  measureBulk,
  measureJson,
  measureStreams,
  median,
  type StreamFigures,
  type Subject,
} from "./measure.ts";
import { answers, exists, freePort, memoryMb, output, type Running, settled, start } from "./process.ts";
import { checkAgainstRecord, type Result, writeReport } from "./report.ts";
import { benchTiming } from "./token_timing.ts";

const PROXY_CORE = 0;
const ROOT = new URL("../../", import.meta.url).pathname;
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini",
  choices: [{
    index: 0,
    message: { role: "assistant", content: "An answer of a usual small size. ".repeat(8) },
    finish_reason: "stop",
  }],
  usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
});

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    managed: { type: "boolean", default: false },
    engine: { type: "boolean", default: false },
    dashboard: { type: "boolean", default: false },
    timing: { type: "boolean", default: false },
    hostile: { type: "boolean", default: false },
    accounting: { type: "boolean", default: false },
    exchanges: { type: "string", default: "10000" },
    clients: { type: "string", default: "160" },
  },
});
const quick = options.quick;
const rounds = quick ? 3 : Number(options.rounds);
const seconds = quick ? 2 : Number(options.seconds);

for (
  const program of options.timing || options.hostile || options.accounting ? [] : ["wrk", "nginx", "taskset"]
) {
  if (!await exists(program)) {
    console.error(`${program} is missing: apt-get install wrk nginx-light`);
    Deno.exit(1);
  }
}
const folder = await Deno.makeTempDir({ prefix: "llm-proxy-bench-" });
const stack = new AsyncDisposableStack();
stack.defer(() => Deno.remove(folder, { recursive: true }));
try {
  if (options.timing) await benchTiming();
  else if (options.accounting) await benchAccounting(options);
  else if (options.hostile) await benchHostile(folder);
  else if (options.dashboard) await benchDashboard();
  else if (options.managed) {
    await benchPair([ownCandidate(), managedCandidate(folder)], ["plain", "managed"]);
  } else if (options.engine) await benchPair([ownCandidate(), denoEngineCandidate()], ["own", "deno"]);
  else await bench();
} finally {
  await stack.disposeAsync();
}

async function bench(): Promise<void> {
  const json = await jsonUpstream();
  const all = await candidates(folder, { quick });
  const present = all.filter(({ missing }) => missing === undefined);
  const results = new Map<string, Result>();
  const subjects = await startAll(present, json.plain);
  for (const { name, missing } of all) {
    if (missing !== undefined) console.log(`missing: ${name}: ${missing}`);
  }
  await checkAnswers(subjects);
  const figures = new Map(present.map(({ name }) => [name, new Map<string, JsonFigures[]>()]));
  const measure = async (key: string, candidate: Candidate, subject: Subject, connections: number) => {
    const value = await measureJson(subject, { connections, seconds, folder });
    // What still works on the last one's load must not take from the next one's time.
    await settled(subject.pid);
    const byKey = figures.get(candidate.name);
    byKey?.set(key, [...byKey.get(key) ?? [], value]);
  };
  console.log("warming up");
  for (const subject of subjects.values()) {
    await measureJson(subject, { connections: 32, seconds, folder });
    await settled(subject.pid);
  }
  for (let round = 1; round <= rounds; round++) {
    console.log(`plain JSON, round ${round} of ${rounds}`);
    for (const [candidate, subject] of subjects) {
      await measure("c32", candidate, subject, 32);
      if (quick) continue;
      await measure("c1", candidate, subject, 1);
      await measure("c128", candidate, subject, 128);
    }
  }
  for (const [{ name }, { pid }] of subjects) results.set(name, { name, afterLoadMb: memoryMb(pid) });
  await stopAll(subjects);
  if (!quick) {
    const overTls = await startAll(present.filter(({ jsonOnly }) => jsonOnly !== true), json.tls);
    for (let round = 1; round <= rounds; round++) {
      console.log(`JSON over TLS to the upstream, round ${round} of ${rounds}`);
      for (const [candidate, subject] of overTls) await measure("tls", candidate, subject, 32);
    }
    await stopAll(overTls);
  }
  for (const [name, byKey] of figures) {
    const of = (key: string, figure: keyof JsonFigures) => {
      const values = byKey.get(key)?.map((value) => value[figure]);
      return values && median(values);
    };
    Object.assign(results.get(name) ?? {}, {
      perSecond: of("c32", "perSecond"),
      cpuMicros: of("c32", "cpuMicros"),
      tlsCpuMicros: of("tls", "cpuMicros"),
      p50c1: of("c1", "p50Micros"),
      p99c1: of("c1", "p99Micros"),
      p50c32: of("c32", "p50Micros"),
      p99c32: of("c32", "p99Micros"),
      p50c128: of("c128", "p50Micros"),
      p99c128: of("c128", "p99Micros"),
    });
  }
  if (quick) return await checkAgainstRecord([...results.values()]);
  if (await exists("go")) await measureStreaming(present, results);
  else console.log("missing: Go, for event streams");
  await writeReport([...results.values()], { rounds, seconds });
}

/** Builds what event streams are measured with, and starts their upstream; gives its origin. */
async function streamUpstream(): Promise<string> {
  for (const name of ["stream_upstream", "stream_client"]) {
    await output(["go", "build", "-o", `${folder}/${name}`, `${ROOT}tests/bench/peers/${name}.go`]);
  }
  const port = freePort();
  const upstream = start([`${folder}/stream_upstream`, `127.0.0.1:${port}`], { core: LOAD_CORE });
  stack.defer(() => upstream.stop());
  const origin = `http://127.0.0.1:${port}`;
  await answers(`${origin}/v1/bytes?n=1`);
  return origin;
}

async function measureStreaming(present: readonly Candidate[], results: Map<string, Result>): Promise<void> {
  const origin = await streamUpstream();
  const streaming = present.filter(({ jsonOnly }) => jsonOnly !== true);
  const subjects = await startAll(streaming, origin);
  const figures = new Map(streaming.map(({ name }) => [name, [] as StreamFigures[]]));
  for (let round = 1; round <= rounds; round++) {
    console.log(`event streams, round ${round} of ${rounds}`);
    for (const [{ name }, subject] of subjects) {
      figures.get(name)?.push(
        await measureStreams(subject, { streams: 50, rate: 100, seconds: seconds + 1, folder }),
      );
    }
  }
  await stopAll(subjects);
  for (const [name, values] of figures) {
    const of = (figure: keyof StreamFigures) => median(values.map((value) => value[figure]));
    Object.assign(results.get(name) ?? {}, {
      chunkCpuMicros: of("cpuMicros"),
      chunkP50: of("p50Micros"),
      chunkP99: of("p99Micros"),
      firstByteP50: of("firstByteP50Micros"),
    });
  }
  for (const candidate of streaming) {
    console.log(`memory, start and large bodies: ${candidate.name}`);
    const result = results.get(candidate.name);
    const begin = performance.now();
    const subject = await startOne(candidate, origin);
    const startMs = performance.now() - begin;
    const idleMb = memoryMb(subject.pid);
    const upMbPerSecond = await measureBulk(subject, {
      direction: "up",
      megabytes: 10,
      count: 100,
      parallel: 16,
    });
    const uploadPeakMb = memoryMb(subject.pid, "VmHWM") - idleMb;
    const downMbPerSecond = await measureBulk(subject, {
      direction: "down",
      megabytes: 50,
      count: 20,
      parallel: 4,
    });
    await subject.running.stop();
    const fresh = await startOne(candidate, origin);
    const quiet = measureStreams(fresh, { streams: 1_000, rate: 1, seconds: 8, folder });
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const streamsMb = memoryMb(fresh.pid);
    const { whole } = await quiet;
    await fresh.running.stop();
    const open = { streamsMb, wholeOf1000: whole };
    Object.assign(result ?? {}, { startMs, idleMb, uploadPeakMb, upMbPerSecond, downMbPerSecond, ...open });
  }
}

/** What accounting and limits cost, or the other engine: the ratio of the two, by JSON request and by chunk. */
async function benchPair(
  pair: readonly [Candidate, Candidate],
  [first, second]: readonly [string, string],
): Promise<void> {
  const json = await jsonUpstream();
  const medians = async (figure: (subject: Subject) => Promise<number>, upstream: string) => {
    const subjects = await startAll(pair, upstream);
    const figures = new Map(pair.map(({ name }) => [name, [] as number[]]));
    for (let round = 0; round <= rounds; round++) {
      for (const [{ name }, subject] of subjects) {
        const value = await figure(subject);
        await settled(subject.pid);
        // The first round warms up.
        if (round > 0) figures.get(name)?.push(value);
      }
    }
    const memory = [...subjects.values()].map(({ pid }) => memoryMb(pid).toFixed(0));
    await stopAll(subjects);
    // What disturbs a machine only ever adds: of many short rounds the least is the nearest to the truth.
    return { values: pair.map(({ name }) => Math.min(...figures.get(name) ?? [])), memory };
  };
  const report = (
    what: string,
    { values: [one = NaN, other = NaN], memory }: Awaited<ReturnType<typeof medians>>,
  ) =>
    console.log(
      `${what}: ${first} ${one.toFixed(1)} us, ${second} ${other.toFixed(1)} us, ratio ${
        (other / one).toFixed(2)
      }; ` +
        `${memory.join(" and ")} MB after load`,
    );
  report(
    "CPU per JSON request",
    await medians(
      async (subject) => (await measureJson(subject, { connections: 32, seconds, folder })).cpuMicros,
      json.plain,
    ),
  );
  if (!await exists("go")) return console.log("missing: Go, for event streams");
  const origin = await streamUpstream();
  report(
    "CPU per chunk",
    await medians(
      async (subject) =>
        (await measureStreams(subject, { streams: 50, rate: 100, seconds: seconds + 1, folder })).cpuMicros,
      origin,
    ),
  );
}

interface StartedSubject extends Subject {
  readonly running: Running;
}
type Started = Map<Candidate, StartedSubject>;

async function startAll(list: readonly Candidate[], upstream: string): Promise<Started> {
  const started: Started = new Map();
  for (const candidate of list) {
    try {
      started.set(candidate, await startOne(candidate, upstream));
    } catch (error) {
      console.log(`missing: ${candidate.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return started;
}

async function startOne(candidate: Candidate, upstream: string): Promise<StartedSubject> {
  const listen = `127.0.0.1:${freePort()}`;
  const { args, env = {}, token = TOKEN } = await candidate.command(listen, upstream);
  const running = start(args, { env, core: PROXY_CORE });
  stack.defer(() => running.stop());
  const headers = candidate.headers?.(upstream) ?? {};
  const url = `http://${listen}${candidate.prefix ?? ""}`;
  const probe = candidate.jsonOnly === true ? `http://${listen}/` : `${url}/v1/bytes?n=1`;
  await answers(probe, { headers: { authorization: `Bearer ${token}` } });
  return { url, pid: running.pid, headers, token, running };
}

async function stopAll(subjects: Started): Promise<void> {
  for (const { running } of subjects.values()) await running.stop();
}

/** A fast proxy that gives wrong answers is no candidate. */
async function checkAnswers(subjects: Started): Promise<void> {
  for (const [{ name }, { url, headers }] of subjects) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "authorization": `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] }),
    });
    const { choices } = await response.json();
    if (JSON.stringify(choices) !== JSON.stringify(JSON.parse(ANSWER).choices)) {
      throw new Error(`${name} answers wrongly`);
    }
  }
}

/** nginx, which answers every request with the same JSON if it carries the upstream's key; plain and over TLS. */
async function jsonUpstream(): Promise<{ plain: string; tls: string }> {
  const plain = freePort();
  const tls = freePort();
  const file = `${folder}/upstream.conf`;
  const pem = `${ROOT}tests/support/tls`;
  await Deno.writeTextFile(
    file,
    `master_process off; daemon off; error_log /dev/null; pid ${file}.pid; worker_rlimit_nofile 30000;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600; default_type application/json;
ssl_certificate ${pem}/cert.pem; ssl_certificate_key ${pem}/key.pem;
map $http_authorization $answer { "Bearer upstream-key" 1; "Bearer ${TOKEN}" 1; default 0; }
server { listen 127.0.0.1:${plain} backlog=4096; listen 127.0.0.1:${tls} ssl backlog=4096;
location / { if ($answer = 0) { return 401; } return 200 '${ANSWER}'; } } }`,
  );
  const running = start(["nginx", "-c", file], { core: LOAD_CORE });
  stack.defer(() => running.stop());
  await answers(`http://127.0.0.1:${plain}/`, { headers: { authorization: "Bearer upstream-key" } });
  return { plain: `http://127.0.0.1:${plain}`, tls: `https://localhost:${tls}` };
}
