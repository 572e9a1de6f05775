/** The load on raw sockets, and its upstream. Both need no program but Deno. */

import { freePort } from "../support/processes/port.ts";
import { cpuMicros, LOAD_CORE, output, settled, start } from "./process.ts";
import { QUESTION } from "./question.ts";
import type { Subject } from "./stage.ts";

const DENO = [Deno.execPath(), "run", "--quiet", "--no-config", "-A"];
const CONNECTIONS = 32;

/** The CPU time that one JSON request takes, in microseconds, over 32 connections. */
export async function cpuOfRequest({ url, headers, pid }: Subject, seconds: number): Promise<number> {
  const load = JSON.stringify({ url, headers, body: QUESTION, seconds, connections: CONNECTIONS });
  const client = new URL("clients/raw_client.ts", import.meta.url).pathname;
  const before = cpuMicros(pid);
  const responses = Number(await output([...DENO, client, load], { core: LOAD_CORE }));
  await settled(pid);
  return (cpuMicros(pid) - before) / responses;
}

/** An upstream that runs until it is disposed. */
export interface RunningUpstream extends AsyncDisposable {
  readonly origin: string;
}

/** Starts an upstream that answers each request with the same JSON. */
export function startRawUpstream(): RunningUpstream {
  const port = freePort();
  const program = new URL("upstreams/raw_upstream.ts", import.meta.url).pathname;
  const running = start([...DENO, program, String(port)], { core: LOAD_CORE });
  return { origin: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => running.stop() };
}
