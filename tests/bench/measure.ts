/** One figure after the other, of one running candidate. */

import { TOKEN } from "./candidates.ts";
import { cpuMicros, output } from "./process.ts";

/** The core of the load and the upstreams; the proxy has the other one to itself. */
export const LOAD_CORE = 1;

/** One candidate as it can be reached. */
export interface Subject {
  readonly url: string;
  readonly pid: number;
  readonly headers: Record<string, string>;
  /** Instead of the usual one. */
  readonly token?: string;
}

export interface JsonFigures {
  readonly perSecond: number;
  /** The proxy's user and system time, in microseconds per request. */
  readonly cpuMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

const BODY = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "x".repeat(500) }] });

/** Loads `POST /v1/chat/completions` by wrk. Throws when an answer was not 200. */
export async function measureJson(
  { url, pid, headers, token = TOKEN }: Subject,
  { connections, seconds, folder }: { connections: number; seconds: number; folder: string },
): Promise<JsonFigures> {
  const script = `${folder}/post.lua`;
  const all: Record<string, string> = {
    "Authorization": `Bearer ${token}`,
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "OpenAI/JS 7.55.0",
    "X-Stainless-Lang": "js",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "node",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) =>
    `wrk.headers[${JSON.stringify(name)}]=${JSON.stringify(value)}`
  );
  await Deno.writeTextFile(script, `wrk.method="POST"\nwrk.body=[[${BODY}]]\n${lines.join("\n")}\n`);
  const before = cpuMicros(pid);
  const text = await output(
    [
      "wrk",
      "--latency",
      "-t1",
      `-c${connections}`,
      `-d${seconds}s`,
      "-s",
      script,
      `${url}/v1/chat/completions`,
    ],
    { core: LOAD_CORE },
  );
  const used = cpuMicros(pid) - before;
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`wrong answers under load:\n${text}`);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    cpuMicros: used / requests,
    p50Micros: duration(/ 50% +(\S+)/.exec(text)?.[1]),
    p99Micros: duration(/ 99% +(\S+)/.exec(text)?.[1]),
  };
}

function duration(text: string | undefined): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  return Number(number) * (unit === "us" ? 1 : unit === "ms" ? 1_000 : 1_000_000);
}

export interface StreamFigures {
  /** The proxy's time in microseconds per event. */
  readonly cpuMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly firstByteP50Micros: number;
  /** Streams that ended whole, and events that arrived. */
  readonly whole: number;
  readonly events: number;
}

/** Opens event streams at once and follows every event. */
export async function measureStreams(
  { url, pid, token = TOKEN }: Subject,
  { streams, rate, seconds, folder }: { streams: number; rate: number; seconds: number; folder: string },
): Promise<StreamFigures> {
  const before = cpuMicros(pid);
  const text = await output(
    [`${folder}/stream_client`, `${url}/v1/stream?rate=${rate}&seconds=${seconds}`, String(streams), token],
    { core: LOAD_CORE },
  );
  const used = cpuMicros(pid) - before;
  const { p50, p99, first50, whole, events } = JSON.parse(text);
  return {
    cpuMicros: used / events,
    p50Micros: p50,
    p99Micros: p99,
    firstByteP50Micros: first50,
    whole,
    events,
  };
}

/** Uploads or downloads of megabytes, several at once; gives megabytes per second. */
export async function measureBulk(
  { url }: Subject,
  { direction, megabytes, count, parallel }: {
    direction: "up" | "down";
    megabytes: number;
    count: number;
    parallel: number;
  },
): Promise<number> {
  const bytes = megabytes * 1024 * 1024;
  const headers = { authorization: `Bearer ${TOKEN}` };
  const body = direction === "up" ? new Uint8Array(bytes) : undefined;
  const begin = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (left-- > 0) {
      if (body !== undefined) {
        const response = await fetch(`${url}/v1/upload`, { method: "POST", headers, body });
        if ((await response.json()).bytes !== bytes) throw new Error("an upload was not whole");
      } else {
        const response = await fetch(`${url}/v1/bytes?n=${bytes}`, { headers });
        let got = 0;
        for await (const part of response.body ?? []) got += part.length;
        if (got !== bytes) throw new Error("a download was not whole");
      }
    }
  }));
  return megabytes * count / ((performance.now() - begin) / 1000);
}

/** The middle of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
