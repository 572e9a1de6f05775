/** What the program may not do, by trying: a module with its rights attempts what a proxy has no need of. */

import { assertEquals } from "@std/assert";
import { shellWord } from "../../../src/text/shell_word.ts";
import { firstOf, unless, withoutProc } from "../../support/runner/left_out.ts";
import { narrowLine, shellCommand, withoutNarrowFlags } from "../../support/processes/narrow_command.ts";
import type { ProbeFacts } from "../../support/processes/permission_probe.ts";
import { fromSource, pipedCommand, proxyEnv } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const PROBE = `${ROOT}tests/support/processes/permission_probe.ts`;

/** The probe itself, compiled as the program is. */
const COMPILED = Deno.env.get("LLM_PROXY_PROBE");

/**
 * What holds for each attempt: under the permission set `run`, which the compiled program has too, and under
 * the flags of `check --permissions`, here with the management plane. What SECURITY.md promises is tried
 * here.
 */
const TABLE: readonly (readonly [attempt: string, run: Outcome, narrow: Outcome])[] = [
  ["start a program", "refused", "refused"],
  ["start a program, as Node does", "refused", "refused"],
  ["start a program within a worker", "refused", "refused"],
  ["send a signal", "refused", "refused"],
  ["load native code", "refused", "refused"],
  ["load native code, as Node does", "refused", "refused"],
  ["load an extension of SQLite", "refused", "refused"],
  ["import from a host that the runtime trusts", "refused", "refused"],
  ["import from a registry", "refused", "refused"],
  ["import from loopback", "refused", "refused"],
  ["run a worker from loopback", "refused", "refused"],
  ["run a worker from a host that the runtime trusts", "refused", "refused"],
  ["ask for more rights", "refused", "refused"],
  ["read /proc/self/environ", "refused", "refused"],
  ["read /proc/self/mem", "refused", "refused"],
  ["set the name of the machine", "refused", "refused"],
  ["open the inspector", "refused", "refused"],
  ["ask for the account", "refused", "refused"],
  ["ask for the machine's memory", "refused", "refused"],
  // From here on the set is as wide as it has to be for every configuration; the flags know the one.
  ["import a file from outside", "done", "refused"],
  ["read /etc/passwd", "done", "refused"],
  ["read a file outside", "done", "refused"],
  ["list a folder outside", "done", "refused"],
  ["read a source of its own", "done", "refused"],
  ["change the folder", "done", "refused"],
  ["write a file outside", "done", "refused"],
  ["make a temporary file", "done", "refused"],
  ["write a source of its own", "done", "refused"],
  ["write its configuration", "done", "refused"],
  ["make a database outside", "done", "refused"],
  ["connect to another port", "done", "refused"],
  ["fetch from another port", "done", "refused"],
  ["connect to a socket of this machine", "done", "refused"],
  ["resolve a name", "done", "refused"],
  ["listen on another port", "done", "refused"],
  ["listen on every address", "done", "refused"],
  ["bind a datagram socket", "done", "refused"],
  ["read a variable that is not its own", "done", "refused"],
  ["list the variables", "done", "refused"],
  ["set a variable", "done", "refused"],
  ["ask for the name of the machine", "done", "refused"],
  // The start prints them.
  ["ask for the machine's addresses", "done", "done"],
];
type Outcome = "done" | "refused";

/** What the table says of one of the two. */
function expected(column: 1 | 2): Record<string, string> {
  return Object.fromEntries(TABLE.map((row) => [row[0], row[column]]));
}

/** Runs the probe by a command that gets its facts; gives what it says, sorted as the table is. */
async function probe(
  command: (facts: string, place: { env: Record<string, string>; cwd: string }) => Promise<Deno.Command>,
  leavesOut: readonly string[] = [],
): Promise<Record<string, string>> {
  const parent = await Deno.makeTempDir();
  const [outside, own] = [`${parent}/outside`, `${parent}/own`];
  for (const folder of [outside, own]) await Deno.mkdir(folder);
  await Deno.writeTextFile(`${outside}/file.txt`, "outside");
  await Deno.writeTextFile(`${outside}/module.js`, "export {};\n");
  await Deno.writeTextFile(`${own}/config.toml`, "[log]\nformat = 'json'\n");
  await using _socket = listenTo(Deno.listen({ transport: "unix", path: `${outside}/unix.sock` }));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("postMessage('done')", { headers: { "content-type": "text/javascript" } }),
  );
  const facts: ProbeFacts = {
    outside,
    config: `${own}/config.toml`,
    source: `${ROOT}src/main.ts`,
    port: server.addr.port,
    leavesOut,
  };
  const env = {
    ...proxyEnv({ upstream: "http://127.0.0.1:9" }),
    PORT: "33000",
    MANAGEMENT_TOKEN: SECRETS.managementToken,
    HOME: Deno.env.get("HOME") ?? "",
  };
  const ran = await command(JSON.stringify(facts), { env, cwd: own });
  const { code, stdout, stderr } = await ran.output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, err);
  await Deno.remove(parent, { recursive: true });
  return JSON.parse(out);
}

/** Takes connections and ends them. */
function listenTo(listener: Deno.Listener): AsyncDisposable {
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}

Deno.test({
  ...unless(
    withoutProc(),
    "permissions: under the set that source and binary have, nothing is started, loaded or imported",
  ),
  async fn() {
    const said = await probe((facts, { env, cwd }) =>
      Promise.resolve(pipedCommand([...fromSource(PROBE), facts], env, cwd))
    );
    assertEquals(said, expected(1));
  },
});

Deno.test({
  ...unless(
    firstOf(withoutProc(), withoutNarrowFlags()),
    "permissions: under the flags of check --permissions, nothing but what the configuration names",
  ),
  async fn() {
    const said = await probe(async (facts, place) => {
      const { line } = await narrowLine(place);
      return shellCommand(
        line.replace(shellWord(`${ROOT}src/main.ts`), `${shellWord(PROBE)} ${shellWord(facts)}`),
        place,
      );
    });
    assertEquals(said, expected(2));
  },
});

Deno.test({
  ...unless(
    COMPILED === undefined
      ? "LLM_PROXY_PROBE names no probe that was compiled with the program's flags"
      : undefined,
    "permissions: compiled with the program's flags, the probe may do what it may do from source",
  ),
  async fn() {
    // Base runtimes before 2.9 have no right for the inspector, and some end with a panic if it was open. The
    // program does not open it.
    const leftOut = "open the inspector";
    const said = await probe(
      (facts, { env, cwd }) => Promise.resolve(pipedCommand([COMPILED ?? "", facts], env, cwd)),
      [leftOut],
    );
    const { [leftOut]: _, ...others } = expected(1);
    assertEquals(said, others);
  },
});
