/** One measurement of one running candidate, by each kind of load. */

import { cpuMicros, exists, LOAD_CORE, memoryMb, output, outputWhile, settled } from "./process.ts";
import { QUESTION, STREAM_QUESTION } from "./question.ts";
import type { Subject } from "./stage.ts";

/** Figures by their names. Durations are in microseconds, memory in megabytes. */
export type Figures = Readonly<Record<string, number>>;

/** How long a load lasts, and over how many connections. */
export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** For temporary files. */
  readonly folder: string;
}

/** JSON requests by wrk: as many as possible over some connections. Throws if a response was not 200. */
export async function measureWrk(
  { url, pid, headers }: Subject,
  { connections, seconds, folder }: Load,
): Promise<{
  readonly cpu: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}> {
  const script = `${folder}/post.lua`;
  const lines = Object.entries(headers).map(([name, value]) =>
    `wrk.headers[${JSON.stringify(name)}]=${JSON.stringify(value)}`
  );
  await Deno.writeTextFile(script, `wrk.method="POST"\nwrk.body=[[${QUESTION}]]\n${lines.join("\n")}\n`);
  const command = ["wrk", "--latency", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url];
  const { text, cpu } = await withCpu(pid, () => output(command, { core: LOAD_CORE }));
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`wrong responses under load:\n${text}`);
  return {
    cpu: cpu / Number(/(\d+) requests in/.exec(text)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p50: duration(/ 50% +(\S+)/.exec(text)?.[1]),
    p99: duration(/ 99% +(\S+)/.exec(text)?.[1]),
  };
}

/**
 * JSON requests as SDKs send them, each after the answer to the one before. Node runs the client, or else
 * Deno.
 */
export async function measureInTurn(
  { url, pid, headers }: Subject,
  { connections, seconds }: Omit<Load, "folder">,
): Promise<{
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}> {
  const program = new URL("clients/in_turn.mjs", import.meta.url).pathname;
  const runtime = await exists("node") ? ["node"] : [Deno.execPath(), "run", "--quiet", "--no-config", "-A"];
  const load = JSON.stringify({ url, headers, body: QUESTION, seconds, connections });
  const { text, cpu } = await withCpu(pid, () => output([...runtime, program, load], { core: LOAD_CORE }));
  const { requests, p50, p99 } = JSON.parse(text);
  return { cpu: cpu / requests, p50, p99 };
}

/** JSON requests over HTTPS by h2load, in HTTP/1.1 or HTTP/2. Throws if a response was not 200. */
export async function measureHttps(
  { url, pid, headers }: Subject,
  { protocol, seconds, folder }: {
    readonly protocol: "h1" | "h2";
    readonly seconds: number;
    readonly folder: string;
  },
): Promise<{ readonly cpu: number; readonly perSecond: number }> {
  const body = `${folder}/question.json`;
  await Deno.writeTextFile(body, QUESTION);
  const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const connections = protocol === "h1" ? ["--h1", "-c32"] : ["-c8", "-m4"];
  const command = ["h2load", "-t1", ...connections, `-D${seconds}`, "-d", body, ...lines, url];
  const { text, cpu } = await withCpu(pid, () => output(command, { core: LOAD_CORE }));
  const succeeded = Number(/(\d+) 2xx/.exec(text)?.[1]);
  const others = /2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text)?.slice(1).map(Number) ?? [1];
  if (!(succeeded > 0) || others.some((count) => count > 0)) {
    throw new Error(`wrong responses under load:\n${text}`);
  }
  return { cpu: cpu / succeeded, perSecond: succeeded / seconds };
}

/** Which streams are opened. */
export interface Streams {
  readonly streams: number;
  /** Events per second of each stream. */
  readonly rate: number;
  readonly seconds: number;
  /** The program that `Stage.streamUpstream` builds. */
  readonly client: string;
}

/** Event streams that are open at the same time. `openMb` is the memory when all of them are open. */
export async function measureStreams(
  { url, pid, headers }: Subject,
  { streams, rate, seconds, client }: Streams,
): Promise<{
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
  readonly first: number;
  readonly whole: number;
  readonly openMb: number;
  /** How often each failure happened. */
  readonly failures: Readonly<Record<string, number>>;
}> {
  const load = { url: `${url}?rate=${rate}&seconds=${seconds}`, streams, headers, body: STREAM_QUESTION };
  let openMb = NaN;
  const onReady = () => openMb = memoryMb(pid);
  const { text, cpu } = await withCpu(
    pid,
    () => outputWhile([client, JSON.stringify(load)], { core: LOAD_CORE, ready: /^open$/m, onReady }),
  );
  const { p50, p99, first50, whole, events, failures } = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
  return { cpu: cpu / events, p50, p99, first: first50, whole, openMb, failures };
}

/** Which large bodies are moved. */
export interface Bulk {
  readonly direction: "up" | "down";
  readonly megabytes: number;
  readonly count: number;
  readonly parallel: number;
}

/**
 * Uploads or downloads, several at the same time. Gives megabytes per second. Throws if a body was not whole.
 */
export async function measureBulk(
  { url, headers }: Subject,
  { direction, megabytes, count, parallel }: Bulk,
): Promise<number> {
  const bytes = megabytes * 1024 * 1024;
  const body = direction === "up" ? new Uint8Array(bytes).fill(0x20) : QUESTION;
  const target = direction === "up" ? url : `${url}?bytes=${bytes}`;
  const begin = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (left-- > 0) {
      const response = await fetch(target, { method: "POST", headers, body });
      let received = 0;
      if (direction === "up") received = (await response.json()).bytes;
      else for await (const part of response.body ?? []) received += part.length;
      if (received !== bytes) throw new Error(`a body of ${bytes} bytes had ${received}`);
    }
  }));
  return megabytes * count / ((performance.now() - begin) / 1000);
}

/** The CPU time that a process uses while something runs, with what it still does behind. */
async function withCpu(pid: number, run: () => Promise<string>): Promise<{ text: string; cpu: number }> {
  const before = cpuMicros(pid);
  const text = await run();
  // Rows that are written later belong to this load, and must not take from the next candidate's time.
  await settled(pid);
  return { text, cpu: cpuMicros(pid) - before };
}

/** A duration of wrk, in microseconds. */
function duration(text: string | undefined): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  return Number(number) * (unit === "us" ? 1 : unit === "ms" ? 1_000 : 1_000_000);
}
