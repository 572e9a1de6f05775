/** Processes under measurement, on Linux: pinned to a core, their CPU time and memory out of /proc. */

const TICKS_PER_SECOND = 100;

/** The core of the proxy under measurement. */
export const PROXY_CORE = 0;
/** The core of the load and of the upstreams. A machine with one core has no other one. */
export const LOAD_CORE: number = Math.min(1, navigator.hardwareConcurrency - 1);
/** How many files a program may open: thousands of streams need two connections each. */
const MAX_FILES = 65_536;

/** A program that runs. */
export interface Running {
  readonly pid: number;
  /** Kills the program and waits for its end. */
  stop(): Promise<void>;
}

/** How a program runs. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The core that it is pinned to. Undefined: any core. */
  readonly core?: number;
}

/** How many files a program of the bench may open on this machine. */
export async function openFilesLimit(): Promise<number> {
  return Number((await output(["sh", "-c", "ulimit -n"])).replace("unlimited", String(MAX_FILES)));
}

/** Starts a program. Its output is dropped, but the errors are not if BENCH_DEBUG is set. */
export function start(command: readonly string[], { env = {}, core }: StartOptions = {}): Running {
  const [program = "", ...args] = pinned(command, core);
  const child = new Deno.Command(program, {
    args,
    env: { ...env },
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

/** The command on one core, with as many open files as the machine allows. The process keeps its id. */
function pinned(command: readonly string[], core: number | undefined): readonly string[] {
  const limited = ["sh", "-c", `ulimit -n ${MAX_FILES} 2>/dev/null; exec "$@"`, "sh", ...command];
  return core === undefined ? limited : ["taskset", "-c", String(core), ...limited];
}

/** Waits until a request is answered with 200, and gives the milliseconds since the call. */
export async function answers(
  url: string,
  request: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < 15_000) {
    try {
      const response = await fetch(url, request);
      await response.body?.cancel();
      if (response.status === 200) return performance.now() - begin;
    } catch {
      // It does not listen yet.
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

/** Waits until a process uses no CPU time for 100 ms, but no longer than some seconds. */
export async function settled(pid: number): Promise<void> {
  for (let look = 0; look < 50; look++) {
    const before = cpuMicros(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (cpuMicros(pid) === before) return;
  }
}

/** Resident memory in megabytes, now or the most so far. */
export function memoryMb(pid: number, field: "VmRSS" | "VmHWM" = "VmRSS"): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1024;
}

/** Runs a program to its end and gives what it printed. Throws if the program fails. */
export async function output(command: readonly string[], { core }: StartOptions = {}): Promise<string> {
  const [program = "", ...args] = pinned(command, core);
  const { stdout, stderr, success } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${command.slice(0, 3).join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/**
 * Runs a program to its end and gives what it printed. Calls `onReady` when the output matches `ready`, while
 * the program goes on. Throws if the program ends before.
 */
export async function outputWhile(
  command: readonly string[],
  { ready, onReady, core }: StartOptions & { readonly ready: RegExp; readonly onReady: () => void },
): Promise<string> {
  const [program = "", ...args] = pinned(command, core);
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  let text = "";
  let isReady = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (isReady || !ready.test(text)) continue;
    isReady = true;
    onReady();
  }
  const { success } = await child.status;
  if (!success || !isReady) throw new Error(`${command.slice(0, 2).join(" ")} failed: ${text}`);
  return text;
}

/** Whether a program is in the path. */
export async function exists(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .output();
  return success;
}
