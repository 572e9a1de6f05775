/** Processes under measurement, on Linux: pinned to a core, their CPU time and memory out of /proc. */

const TICKS_PER_SECOND = 100;

export interface Running {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** The core it is pinned to. */
  readonly core?: number;
}

/** Starts a program; its output is dropped, but for errors with BENCH_DEBUG set. */
export function start(command: readonly string[], { env = {}, core }: StartOptions = {}): Running {
  const whole = core === undefined ? command : ["taskset", "-c", String(core), ...command];
  const [program = "", ...args] = whole;
  const child = new Deno.Command(program, {
    args,
    env,
    stdin: "null",
    stdout: "null",
    stderr: Deno.env.has("BENCH_DEBUG") ? "inherit" : "null",
  })
    .spawn();
  let ended = false;
  child.status.then(() => ended = true);
  return {
    pid: child.pid,
    async stop() {
      if (!ended) child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** Waits until a URL answers with 200; gives the milliseconds since the call. */
export async function answers(
  url: string,
  { headers = {} }: { headers?: HeadersInit } = {},
): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < 15_000) {
    try {
      const response = await fetch(url, { headers });
      await response.body?.cancel();
      if (response.status === 200) return performance.now() - begin;
    } catch {
      // not yet
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`${url} does not answer`);
}

/** User and system time of a process, in microseconds. */
export function cpuMicros(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * (1_000_000 / TICKS_PER_SECOND);
}

/** Waits until a process does nothing, for some seconds at most. */
export async function settled(pid: number): Promise<void> {
  for (let look = 0; look < 50; look++) {
    const before = cpuMicros(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (cpuMicros(pid) === before) return;
  }
}

/** Resident memory in megabytes: now, or the most so far. */
export function memoryMb(pid: number, field: "VmRSS" | "VmHWM" = "VmRSS"): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1024;
}

/** Runs a program to its end and gives what it printed. */
export async function output(command: readonly string[], { core }: StartOptions = {}): Promise<string> {
  const whole = core === undefined ? command : ["taskset", "-c", String(core), ...command];
  const [program = "", ...args] = whole;
  const { stdout, stderr, success } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${whole.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Whether a program can be found. */
export async function exists(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .output();
  return success;
}

/** A port that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port; // a listener on TCP has a NetAddr
}
