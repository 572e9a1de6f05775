/** The proxy as its users run it: a process of its own, configured by its environment. */

import { assertEquals } from "@std/assert";
import { command } from "./command.ts";
import { DeadlinePassed, within } from "../time/deadline.ts";
import type { Reason } from "../runner/left_out.ts";
import { assertNoSecrets, SECRETS } from "../data/secrets.ts";

const ROOT = `${import.meta.dirname}/../../..`;

/** The compiled binary where one is to be tested, else the program under its own permission set. */
const BINARY = Deno.env.get("LLM_PROXY_BINARY");
/**
 * The main module of the program's bundle, which a run of many tests makes. Without it the program runs from
 * source.
 */
const BUNDLE = Deno.env.get("LLM_PROXY_BUNDLE");

/** What can be tried of the program from source alone. */
export function withBinary(): Reason {
  return BINARY === undefined ? undefined : "a compiled program is to be tested, not the one from source";
}

/** How long a test waits for a line of the log. In milliseconds. */
const LOG_LINE_MS = 30_000;
/** How long a proxy may take to end, its drain included. In milliseconds. */
const END_MS = 60_000;
/** How many lines of the log a failure shows. */
const LAST_LINES = 5;

/** The option of `check` that prints the command that runs the program. */
const PRINTS_OWN_COMMAND = "--permissions";

/** What stands before the program. */
export interface ProxyCommandOptions {
  /** A command that runs it. */
  readonly around?: readonly string[];
  /** Flags of the runtime, which a compiled binary does not take: with them it is the program from source. */
  readonly runtimeFlags?: readonly string[];
  /**
   * Whether it prints the command that runs it, as `check --permissions` always does: the program runs from
   * source then, because users do not run the bundle.
   */
  readonly printsOwnCommand?: boolean;
}

/** Runs the program with nothing in its environment but what is given. */
export function proxyCommand(
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string,
  { around = [], runtimeFlags = [], printsOwnCommand = false }: ProxyCommandOptions = {},
): Deno.Command {
  const own = runtimeFlags.length === 0 && BINARY !== undefined
    ? [BINARY]
    : runtimeFlags.length === 0 && !printsOwnCommand && !args.includes(PRINTS_OWN_COMMAND)
    ? bundleOrSource()
    : fromSource(`${ROOT}/src/main.ts`, runtimeFlags);
  return pipedCommand([...around, ...own, ...args], env, cwd);
}

/** What runs the program: from its bundle, or from source if the run of the tests has made no bundle. */
export function bundleOrSource(): string[] {
  return BUNDLE === undefined
    ? fromSource(`${ROOT}/src/main.ts`)
    : underOwnRights(BUNDLE, BUNDLE.replace(/[^/\\]+$/, "deno.json"));
}

/** What runs a module under the program's own permission set. */
export function fromSource(module: string, runtimeFlags: readonly string[] = []): string[] {
  return underOwnRights(module, `${ROOT}/deno.json`, runtimeFlags);
}

function underOwnRights(module: string, config: string, runtimeFlags: readonly string[] = []): string[] {
  const flags = ["--quiet", "--no-prompt", "--config", config, "-P=run", ...runtimeFlags];
  return [Deno.execPath(), "run", ...flags, module];
}

/** A command with a clean environment and with its output piped. */
export function pipedCommand(
  [program = "", ...args]: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): Deno.Command {
  return command(program, {
    args,
    env,
    cwd: cwd ?? emptyFolder(),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** A folder without a `.env`, so that a developer's keys never meet a test. */
function emptyFolder(): string {
  return `${ROOT}/tests/support`;
}

export interface ProxyEnv {
  /** Where the fake upstream is. */
  readonly upstream: string;
  readonly env?: Record<string, string>;
}

/** The environment of a proxy in front of a fake upstream, with everything logged that can be. */
export function proxyEnv({ upstream, env = {} }: ProxyEnv): Record<string, string> {
  return {
    OPENAI_BASE_URL: `${upstream}/openai/v1`,
    OPENAI_API_KEY: SECRETS.openaiKey,
    ANTHROPIC_BASE_URL: `${upstream}/anthropic`,
    ANTHROPIC_API_KEY: SECRETS.anthropicKey,
    PROXY_TOKEN: SECRETS.proxyToken,
    HOST: "127.0.0.1",
    PORT: "0",
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
    ACCESS_LOG: "1",
    ...env,
  };
}

/** A running proxy. Disposing stops it and checks its exit code and all that it wrote. */
export class ProxyProcess implements AsyncDisposable {
  readonly pid: number;
  #url = "";
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>[];
  readonly #lines: string[];
  readonly #take: (line: string) => boolean;
  #stopped: Promise<number> | undefined;
  #lineArrived: (() => void)[] = [];

  private constructor(child: Deno.ChildProcess, take: (line: string) => boolean) {
    this.#child = child;
    this.#take = take;
    this.pid = child.pid;
    this.#lines = [];
    this.#output = [this.#collect(child.stdout), this.#collect(child.stderr)];
  }

  get url(): string {
    return this.#url;
  }

  static start(options: ProxyEnv): Promise<ProxyProcess> {
    return ProxyProcess.startWith(proxyEnv(options));
  }

  /** Starts with exactly this environment. */
  static startWith(env: Record<string, string>, args: readonly string[] = []): Promise<ProxyProcess> {
    return ProxyProcess.startCommand(proxyCommand(args, env));
  }

  /**
   * Starts what {@link proxyCommand} made, or something around it. Lines that `take` returns true of are the
   * caller's to check, and not kept: hours of traffic would fill the memory.
   */
  static async startCommand(
    ready: Deno.Command,
    take: (line: string) => boolean = () => false,
  ): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(ready.spawn(), take);
    const started = await Promise.race([
      proxy.logged((line) => line["event"] === "started"),
      proxy.#child.status.then(({ code }) => {
        throw new Error(`the proxy ended with ${code}:\n${proxy.output}`);
      }),
    ]);
    proxy.#url = String(started["address"]);
    return proxy;
  }

  /** Everything written to standard output and error. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** The first log line, past or to come, that a test asks for. */
  async logged(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    let seen = 0;
    const end = performance.now() + LOG_LINE_MS;
    while (true) {
      for (; seen < this.#lines.length; seen++) {
        const line = parseLine(this.#lines[seen] ?? "");
        if (line !== undefined && wanted(line)) return line;
      }
      const arrived = new Promise<void>((resolve) => this.#lineArrived.push(resolve));
      const last = this.#lines.slice(-LAST_LINES).join("\n");
      await within(arrived, `a line of the log, behind:\n${last}\n`, end - performance.now());
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end of the process; gives its exit code. A process that does not end in time is killed. */
  async exited(): Promise<number> {
    try {
      const { code } = await within(this.#child.status, "the end of the proxy", END_MS);
      await Promise.all(this.#output);
      return code;
    } catch (error) {
      if (error instanceof DeadlinePassed) this.kill("SIGKILL");
      throw error;
    }
  }

  stop(): Promise<number> {
    return this.#stopped ??= (() => {
      try {
        this.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
      return this.exited();
    })();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const code = await this.stop();
    assertNoSecrets(this.output, "the proxy's output");
    assertEquals(code, 0, `exit code; the proxy wrote:\n${this.output}`);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines.filter((line) => !this.#take(line)));
      for (const resolve of this.#lineArrived.splice(0)) resolve();
    }
    if (rest !== "") this.#lines.push(rest);
  }
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
