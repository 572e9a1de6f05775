/**
 * Tries what the proxy has no need of, under whatever rights it was started with, and prints a JSON object of
 * what came of each: `done`, `refused` by the runtime, or the failure. Nothing that succeeds leaves a trace.
 * The argument is a JSON object of {@link ProbeFacts}.
 */

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { open as openInspector } from "node:inspector";
import { userInfo } from "node:os";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { limitRights } from "../../../src/cli/run_right.ts";

/** Where the probe finds what it tries. */
export interface ProbeFacts {
  /**
   * A folder, outside of everything of the program's, with `file.txt`, `module.js` and the socket
   * `unix.sock`.
   */
  readonly outside: string;
  /** The configuration file. */
  readonly config: string;
  /** One of the program's sources. */
  readonly source: string;
  /** Something listens there, and it is no upstream. */
  readonly port: number;
  /** What is not tried. */
  readonly leavesOut: readonly string[];
}

/** What is tried, by what it is called in the table of the test. */
const ATTEMPTS: Readonly<Record<string, (facts: ProbeFacts) => unknown>> = {
  "start a program": () => new Deno.Command("/bin/true").outputSync(),
  "start a program, as Node does": () => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    spawn("/bin/true").on("error", reject).on("exit", resolve);
    return promise;
  },
  "send a signal": () => Deno.kill(Deno.ppid, "SIGURG"),
  "load native code": () => Deno.dlopen("libc.so.6", {}).close(),
  "load native code, as Node does": () => process.dlopen({ exports: {} }, "/no/such.node"),
  "load an extension of SQLite": () => new DatabaseSync(":memory:", { allowExtension: true }).close(),
  "import from a host that the runtime trusts": () => import("https://esm.sh/" + "x.js"),
  "import from a registry": () => import("jsr:" + "@std/assert"),
  "import from loopback": ({ port }) => import(`http://127.0.0.1:${port}/x.js`),
  "run a worker from loopback": ({ port }) => workerSays(`http://127.0.0.1:${port}/x.js`),
  "run a worker from a host that the runtime trusts": () => workerSays("https://esm.sh/x.js"),
  "start a program within a worker": () => workerSays(SPAWNING_WORKER),
  "import a file from outside": ({ outside }) => import(`file://${outside}/module.js`),
  "ask for more rights": async () => {
    const { state } = await Deno.permissions.request({ name: "run" });
    if (state !== "granted") throw new Deno.errors.NotCapable(state);
  },
  "read /proc/self/environ": () => Deno.readTextFileSync("/proc/self/environ"),
  "read /proc/self/mem": () => Deno.openSync("/proc/self/mem").close(),
  "set the name of the machine": () => Deno.openSync("/proc/sys/kernel/hostname", { write: true }).close(),
  "read /etc/passwd": () => Deno.readTextFileSync("/etc/passwd"),
  "read a file outside": ({ outside }) => Deno.readTextFileSync(`${outside}/file.txt`),
  "list a folder outside": ({ outside }) => Array.from(Deno.readDirSync(outside)),
  "read a source of its own": ({ source }) => Deno.readTextFileSync(source),
  "change the folder": () => Deno.chdir("/"),
  "write a file outside": ({ outside }) => {
    Deno.writeTextFileSync(`${outside}/new.txt`, "");
    Deno.removeSync(`${outside}/new.txt`);
  },
  "make a temporary file": () => Deno.removeSync(Deno.makeTempFileSync()),
  "write a source of its own": ({ source }) => Deno.openSync(source, { append: true }).close(),
  "write its configuration": ({ config }) => Deno.openSync(config, { append: true }).close(),
  "make a database outside": ({ outside }) => {
    new DatabaseSync(`${outside}/new.db`).close();
    Deno.removeSync(`${outside}/new.db`);
  },
  "connect to another port": async ({ port }) =>
    (await Deno.connect({ hostname: "127.0.0.1", port })).close(),
  "fetch from another port": async ({ port }) =>
    await (await fetch(`http://127.0.0.1:${port}/x.js`)).body?.cancel(),
  "connect to a socket of this machine": async ({ outside }) =>
    (await Deno.connect({ transport: "unix", path: `${outside}/unix.sock` })).close(),
  "resolve a name": () => lookup("localhost"),
  "listen on another port": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "listen on every address": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }).close(),
  "bind a datagram socket": () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The runtime tells a refusal to nobody in particular.
    process.once("uncaughtException", reject);
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => socket.close(resolve));
    return promise;
  },
  "open the inspector": () => openInspector(0, "127.0.0.1", false)[Symbol.dispose](),
  "read a variable that is not its own": () => Deno.env.get("HOME"),
  "list the variables": () => Deno.env.toObject(),
  "set a variable": () => Deno.env.set("LLM_PROXY_PROBE_OF_RIGHTS", "1"),
  "ask for the name of the machine": () => Deno.hostname(),
  "ask for the account": () => userInfo(),
  "ask for the machine's memory": () => Deno.systemMemoryInfo(),
  "ask for the machine's addresses": () => Deno.networkInterfaces(),
};

const SPAWNING_WORKER = `data:text/javascript,${
  encodeURIComponent(`try {
    new Deno.Command("/bin/true").outputSync();
    postMessage("done");
  } catch (error) {
    postMessage(error.name);
  }`)
}`;

/** Throws what the worker says was refused to it. */
async function workerSays(url: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  try {
    const said = await promise;
    if (said === "NotCapable") throw new Deno.errors.NotCapable("within the worker");
  } finally {
    worker.terminate();
  }
}

const REFUSAL = /Requires (?:\w+ )?access to|--no-remote is specified|Module not found: (?:https?|jsr):/;

/** What the runtime says where it refuses: an error of its own, or its words within that of an import. */
function outcomeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isRefusal = error instanceof Deno.errors.NotCapable ||
    REFUSAL.test(error.message) || "code" in error && error.code === "EPERM";
  return isRefusal ? "refused" : `${error.name}: ${error.message}`;
}

if (import.meta.main) {
  // As `src/main.ts` does first.
  limitRights(["serve"]);
  // What the test passes.
  const facts: ProbeFacts = JSON.parse(Deno.args[0] ?? "{}");
  const outcomes: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    if (facts.leavesOut.includes(name)) continue;
    try {
      await attempt(facts);
      outcomes[name] = "done";
    } catch (error) {
      outcomes[name] = outcomeOf(error);
    }
  }
  console.log(JSON.stringify(outcomes));
  Deno.exit(0); // a worker that was refused may linger
}
