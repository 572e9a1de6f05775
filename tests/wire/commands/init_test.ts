/** `llm-proxy init` as a person or a script runs it, and the proxy that comes of it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_HOST, DEFAULT_PORT } from "../../../src/config/values/defaults.ts";
import {
  assertEnded,
  atTerminal,
  type TerminalStep,
  withoutTerminal,
} from "../../support/processes/at_terminal.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { command } from "../../support/processes/command.ts";
import { until } from "../../support/time/deadline.ts";
import { firstOf, unless, without, withoutUnix } from "../../support/runner/left_out.ts";
import { freePort } from "../../support/processes/port.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

const PATH = { PATH: Deno.env.get("PATH") ?? "" };
/** What a start in a test needs besides the files. */
const SERVING = { HOST: "127.0.0.1", PORT: "0", LOG_FORMAT: "json" };
const ROOT_ONLY = 0o600;
/** Any program may have the default port: the system gives ports of that range to connections as well. */
const PORT_QUESTION = "Port for the proxy [";
const PORT_IF_TAKEN: TerminalStep = [PORT_QUESTION, "\n", "maybe"];

interface Run {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly around?: readonly string[];
  /** Whether the commands that it prints are run. */
  readonly printsOwnCommand?: boolean;
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs `init` in a new folder. Whatever it says, no key and no token of the written files may stand in it.
 */
async function inFolder(test: (folder: string, init: (run: Run) => Promise<Outcome>) => Promise<void>) {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test(folder, async ({ args, env = {}, around = [], printsOwnCommand = false }) => {
      const options = { around, printsOwnCommand };
      const started = proxyCommand(["init", ...args], { ...PATH, ...env }, folder, options);
      const { code, stdout, stderr } = await started.output();
      const [out, err] = [new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
      if (around[0] === "python3") assertEnded({ code, shown: out });
      assertNoSecrets(out + err, `the output of init ${args.join(" ")}`);
      for (const secret of generatedSecrets(folder)) {
        assert(!(out + err).includes(secret), "a secret that was made stands in the output");
      }
      return { code, out, err };
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function generatedSecrets(folder: string): string[] {
  try {
    const text = Deno.readTextFileSync(`${folder}/.env`);
    return [...text.matchAll(/^(?:PROXY_TOKEN|MANAGEMENT_TOKEN|ENCRYPTION_KEY)=(.+)$/gm)].map((
      [, value = ""],
    ) => value);
  } catch {
    return [];
  }
}

/** Takes the default port, if no other program has it already: for `init` both are the same. */
async function holdDefaultPort(): Promise<Disposable> {
  const held: { listener?: Deno.Listener } = {};
  // A connection that ends soon may have it; a program keeps it.
  const giveUp = performance.now() + 1_000;
  await until(() => {
    try {
      held.listener = Deno.listen({ hostname: DEFAULT_HOST, port: DEFAULT_PORT });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      return performance.now() > giveUp;
    }
    return true;
  }, "the default port");
  return { [Symbol.dispose]: () => held.listener?.close() };
}

function variable(folder: string, name: string): string {
  const text = Deno.readTextFileSync(`${folder}/.env`);
  return new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
}

async function written(folder: string): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

const listsModels: Script = (exchange) => exchange.write(plainAnswer('{"data":[{"id":"llama"}]}'));

Deno.test("init: one provider and its key from a file, and the proxy serves it", () =>
  inFolder(async (folder, init) => {
    await using upstream = new FakeUpstream();
    await Deno.writeTextFile(`${folder}/openai.key`, `${SECRETS.openaiKey}\n`);
    const base = `${upstream.origin}/openai/v1`;
    const { code, out } = await init({
      args: ["--provider", "openai", "--key-file", "openai.key", "--base-url", base],
    });
    assertEquals([code, await written(folder)], [0, [".env", "openai.key"]]);
    assertStringIncludes(out, "connect openai-sdk");
    assertStringIncludes(out, '/openai/v1/models -H "Authorization: Bearer $LLM_PROXY_TOKEN"');
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(`${folder}/.env`)).mode! & 0o777, ROOT_ONLY);
    }
    await using proxy = await ProxyProcess.startCommand(proxyCommand([], SERVING, folder));
    const ask = (token: string) =>
      rawRequest(proxy.url, ["GET /openai/v1/models HTTP/1.1", `Authorization: Bearer ${token}`]);
    assertEquals((await ask(variable(folder, "PROXY_TOKEN"))).status, 200);
    assertEquals((await ask("another")).status, 401);
    assertEquals(upstream.requests.map((one) => one.header("authorization")), [
      `Bearer ${SECRETS.openaiKey}`,
    ]);
  }));

Deno.test({
  ...unless(
    firstOf(withoutUnix(), without("curl")),
    "init: the printed commands lead to the first answer",
  ),
  fn: () =>
    inFolder(async (folder, init) => {
      await using upstream = new FakeUpstream();
      const { out } = await init({
        args: [
          "--provider",
          "openai",
          "--base-url",
          `${upstream.origin}/openai/v1`,
          "--port",
          String(freePort()),
        ],
        env: { OPENAI_API_KEY: SECRETS.openaiKey },
        printsOwnCommand: true,
      });
      const [next = ""] = out.split("Print the settings of clients");
      const commands = next.split("\n").filter((line) => /^ {2}[^#]/.test(line)).map((line) => line.trim());
      const [serve = "", token = "", ask = ""] = commands;
      assertEquals(commands.length, 3);
      const start = command("sh", {
        args: ["-c", `exec ${serve}`],
        env: { HOST: "127.0.0.1", LOG_FORMAT: "json" },
        cwd: folder,
        stdout: "piped",
        stderr: "piped",
      });
      await using _proxy = await ProxyProcess.startCommand(start);
      const asked = command("sh", { args: ["-c", `${token}\n${ask}`], cwd: folder, stdout: "piped" });
      const answer = JSON.parse(new TextDecoder().decode((await asked.output()).stdout));
      assertEquals(answer.object, "list");
    }),
});

Deno.test("init: Ollama alone, without any key", () =>
  inFolder(async (folder, init) => {
    await using upstream = new FakeUpstream({ script: listsModels });
    const { code } = await init({ args: ["--provider", "ollama", "--base-url", upstream.origin] });
    assertEquals([code, await written(folder)], [0, [".env", "config.toml"]]);
    await using proxy = await ProxyProcess.startCommand(proxyCommand([], SERVING, folder));
    const token = variable(folder, "PROXY_TOKEN");
    const lines = ["GET /ollama/v1/models HTTP/1.1", `Authorization: Bearer ${token}`];
    assertEquals((await rawRequest(proxy.url, lines)).text, '{"data":[{"id":"llama"}]}');
    assertEquals(upstream.requests[0]?.header("authorization"), undefined);
  }));

Deno.test("init: several providers, keys from the environment and by standard input, with HTTPS", () =>
  inFolder(async (folder, init) => {
    const { code, out, err } = await init({
      args: [
        "--provider",
        "openai,groq",
        "--provider",
        "anthropic",
        "--key-file",
        "anthropic=-",
        "--https",
        "--name",
        "llm.example.com",
        "--folder",
        "lab",
      ],
      env: {
        OPENAI_API_KEY: SECRETS.openaiKey,
        GROQ_API_KEY: SECRETS.projectKey,
        TYPED: SECRETS.anthropicKey,
      },
      around: Deno.build.os === "windows" ? [] : ["sh", "-c", 'printf "%s\\n" "$TYPED" | "$@"', "sh"],
    });
    assertEquals([code, err.replaceAll(/warning: another program uses port .*\n/g, "")], [0, ""]);
    assertStringIncludes(out, "security add-trusted-cert");
    assertStringIncludes(out, "cd lab");
    const config = await Deno.readTextFile(`${folder}/lab/config.toml`);
    for (const name of ["OPENAI", "GROQ", "ANTHROPIC"]) {
      assertStringIncludes(config, `api_key = "\${${name}_API_KEY}"`);
    }
    assertEquals(variable(`${folder}/lab`, "ANTHROPIC_API_KEY"), SECRETS.anthropicKey);
    const check = await proxyCommand(["check"], {}, `${folder}/lab`).output();
    const shown = new TextDecoder().decode(check.stdout);
    assertEquals(check.code, 0);
    assert(/^server\.tls +on +\.env$/m.test(shown), shown);
  }));

Deno.test("init: managed tokens, whose first token works", () =>
  inFolder(async (folder, init) => {
    await using upstream = new FakeUpstream({ script: listsModels });
    const made = await init({ args: ["--provider", "ollama", "--base-url", upstream.origin, "--tokens"] });
    assertEquals(made.code, 0);
    assertStringIncludes(made.out, "project create home");
    await using proxy = await ProxyProcess.startCommand(
      proxyCommand([], { ...SERVING, ADMIN_PORT: "0" }, folder),
    );
    const say = async (...args: string[]) =>
      new TextDecoder().decode((await proxyCommand(args, {}, folder).output()).stdout);
    await say("project", "create", "home");
    const [token = ""] = /llmp_\w+/.exec(await say("token", "create", "me", "--project", "home")) ?? [];
    const lines = ["GET /ollama/v1/models HTTP/1.1", `Authorization: Bearer ${token}`];
    assertEquals((await rawRequest(proxy.url, lines)).status, 200);
    const again = await init({ args: ["--provider", "ollama", "--tokens", "--folder", "."] });
    assertEquals(again.code, 1);
    await Deno.remove(`${folder}/.env`);
    await Deno.remove(`${folder}/config.toml`);
    const sealed = await init({ args: ["--provider", "ollama", "--tokens"] });
    assertEquals([sealed.code, sealed.err.includes("the database of an earlier proxy")], [1, true]);
  }));

Deno.test("init: overwrites no file, and names the files that it found", () =>
  inFolder(async (folder, init) => {
    const before = `OPENAI_API_KEY=${SECRETS.openaiKey}\nsk-stray=1\n`;
    await Deno.writeTextFile(`${folder}/.env`, before);
    const { code, err } = await init({ args: ["--provider", "ollama"] });
    assertEquals([code, await Deno.readTextFile(`${folder}/.env`)], [1, before]);
    assertStringIncludes(err, "  .env, which sets OPENAI_API_KEY\n");
    assertStringIncludes(err, "--folder");
    await Deno.remove(`${folder}/.env`);
    await Deno.writeTextFile(`${folder}/config.toml`, "");
    assertEquals((await init({ args: ["--provider", "ollama"] })).code, 1);
    assertEquals(await written(folder), ["config.toml"]);
    const half = await init({ args: ["--provider", "ollama", "--https", "--folder", "a"] });
    assertEquals(half.code, 0);
    await Deno.remove(`${folder}/a/.env`);
    await Deno.remove(`${folder}/a/config.toml`);
    const certificate = await Deno.readTextFile(`${folder}/a/data/tls/cert.pem`);
    const reused = await init({ args: ["--provider", "ollama", "--https", "--folder", "a"] });
    assertEquals([reused.code, await Deno.readTextFile(`${folder}/a/data/tls/cert.pem`)], [0, certificate]);
  }));

Deno.test({
  ...unless(withoutUnix(), "init: a link that leads nowhere is a file too"),
  fn: () =>
    inFolder(async (folder, init) => {
      await Deno.symlink(`${folder}/elsewhere`, `${folder}/.env`);
      const { code, err } = await init({ args: ["--provider", "ollama"] });
      assertEquals([code, err.includes("there is already a configuration")], [1, true]);
      assertEquals(await written(folder), [".env"]);
    }),
});

Deno.test("init: all problems at once, exit code 2, and nothing is written", () =>
  inFolder(async (folder, init) => {
    await Deno.writeTextFile(`${folder}/bad.key`, `${SECRETS.openaiKey} and more`);
    const { code, err } = await init({
      args: [
        "--provider",
        "openai,antropic,azure",
        "--key-file",
        "openai=bad.key",
        "--key-file",
        SECRETS.clientKey,
        "--base-url",
        "openai=nowhere",
        "--name",
        "a",
        "--port",
        "x",
      ],
    });
    assertEquals([code, await written(folder)], [2, ["bad.key"]]);
    for (
      const part of [
        "did you mean anthropic?",
        "of openai contains a space",
        "needs the name of a provider",
        "of openai is not a URL",
        "is missing for azure: --base-url azure=",
        "set AZURE_API_KEY",
        "add --https",
        '"x" is not a port',
      ]
    ) assertStringIncludes(err, part);
    const nothing = await init({ args: [] });
    assertEquals([nothing.code, nothing.err.includes("--provider  is missing: at least one of openai")], [
      2,
      true,
    ]);
  }));

Deno.test("init: a key in the wrong place is not repeated", () =>
  inFolder(async (_folder, init) => {
    for (
      const args of [
        [`--openai-key=${SECRETS.openaiKey}`],
        ["--provider", SECRETS.openaiKey],
        ["--provider", "openai", "--key-file", SECRETS.openaiKey],
        ["--provider", "openai", "--key-file", `openai=${SECRETS.openaiKey}`],
        ["openai", SECRETS.openaiKey],
        [SECRETS.openaiKey],
      ]
    ) assertEquals((await init({ args })).code, 2);
  }));

Deno.test("init --online: writes nothing if a provider rejects the key", () =>
  inFolder(async (folder, init) => {
    await using upstream = new FakeUpstream();
    const args = ["--provider", "openai", "--base-url", `${upstream.origin}/openai/v1`];
    const refused = await init({ args: [...args, "--online"], env: { OPENAI_API_KEY: SECRETS.clientKey } });
    assertEquals([refused.code, await written(folder)], [1, []]);
    assertStringIncludes(refused.err, "openai: rejects the key (it answered 401).");
    const silent = await init({
      args: [...args, "--folder", "b"],
      env: { OPENAI_API_KEY: SECRETS.clientKey },
    });
    assertEquals([silent.code, upstream.requests.length], [0, 1]);
    const accepted = await init({ args: [...args, "--online"], env: { OPENAI_API_KEY: SECRETS.openaiKey } });
    assertEquals([accepted.code, await written(folder)], [0, [".env", "b"]]);
  }));

Deno.test("init: warns about a variable of the shell that overrides .env", () =>
  inFolder(async (_folder, init) => {
    const { err } = await init({
      args: ["--provider", "ollama"],
      env: { PROXY_TOKEN: SECRETS.proxyToken, HTTPS_PROXY: "http://127.0.0.1:1" },
    });
    assertStringIncludes(err, "this shell sets PROXY_TOKEN, which overrides .env");
  }));

Deno.test({
  ...unless(withoutTerminal(), "init at a terminal: questions, hidden keys, and a proxy that answers"),
  fn: () =>
    inFolder(async (folder, init) => {
      await using upstream = new FakeUpstream({ script: listsModels });
      const { code, out } = await init({
        args: [],
        around: atTerminal([
          ["Folder [.]: ", "\n"],
          ["[openai]: ", "anthropc, 11\n"],
          ["Did you mean anthropic?", ""],
          ["[openai]: ", "ollama, anthropic\n"],
          ["Base URL of ollama [http://127.0.0.1:11434]: ", `${upstream.origin}\n`],
          ["Key of anthropic (paste it; it is not shown): ", "two words\r"],
          ["That contains a space", ""],
          ["it is not shown): ", `wrong\u0015\u001b[200~${SECRETS.anthropicKey}x\u007f\u001b[201~\r`],
          [`Got ${SECRETS.anthropicKey.length} characters.`, ""],
          ["Number [1]: ", "\n"],
          ["has to trust this authority. [y/N]: ", "n\n"],
          PORT_IF_TAKEN,
          ["list of models. [y/N]: ", "n\n"],
          ["Write .env, config.toml? [Y/n]: ", "\n"],
        ]),
      });
      assertEquals([code, await written(folder)], [0, [".env", "config.toml"]], out);
      assertEquals(variable(folder, "ANTHROPIC_API_KEY"), SECRETS.anthropicKey);
      await using proxy = await ProxyProcess.startCommand(proxyCommand([], SERVING, folder));
      const lines = [
        "GET /ollama/v1/models HTTP/1.1",
        `Authorization: Bearer ${variable(folder, "PROXY_TOKEN")}`,
      ];
      assertEquals((await rawRequest(proxy.url, lines)).status, 200);
    }),
});

Deno.test({
  ...unless(
    withoutTerminal(),
    "init at a terminal: the default port is taken, and the answer is another one",
  ),
  fn: () =>
    inFolder(async (folder, init) => {
      using _held = await holdDefaultPort();
      const port = freePort();
      const { code, out } = await init({
        args: [],
        around: atTerminal([
          ["Folder [.]: ", "\n"],
          ["[openai]: ", "ollama\n"],
          ["Base URL of ollama [http://127.0.0.1:11434]: ", "\n"],
          ["Number [1]: ", "\n"],
          ["has to trust this authority. [y/N]: ", "n\n"],
          [PORT_QUESTION, "x\n"],
          ["not a free port (1 to 65534).", ""],
          [PORT_QUESTION, `${DEFAULT_PORT}\n`],
          ["not a free port (1 to 65534).", ""],
          [PORT_QUESTION, `${port}\n`],
          ["list of models. [y/N]: ", "n\n"],
          ["? [Y/n]: ", "\n"],
        ]),
      });
      assertEquals([code, variable(folder, "PORT")], [0, String(port)], out);
    }),
});

Deno.test({
  ...unless(
    withoutTerminal(),
    "init at a terminal: with --provider it asks only for the key; Ctrl-C writes nothing",
  ),
  fn: () =>
    inFolder(async (folder, init) => {
      const stopped = await init({
        args: ["--provider", "openai"],
        around: atTerminal([["it is not shown): ", `${SECRETS.openaiKey}\u0003`]]),
      });
      assertEquals([stopped.code, await written(folder)], [1, []]);
      assertStringIncludes(stopped.out, "Cancelled. Nothing was written.");
      const taken = await init({
        args: ["--provider", "openai"],
        around: atTerminal([["it is not shown): ", `${SECRETS.openaiKey}\r`]]),
      });
      assertEquals([taken.code, variable(folder, "OPENAI_API_KEY")], [0, SECRETS.openaiKey]);
    }),
});

Deno.test({
  ...unless(
    withoutTerminal(),
    "init at a terminal: a folder with a configuration is rejected before init asks for a key",
  ),
  fn: () =>
    inFolder(async (folder, init) => {
      await Deno.writeTextFile(`${folder}/.env`, "");
      const { code, out } = await init({ args: [], around: atTerminal([["Folder [.]: ", "\n"]]) });
      assertEquals([code, out.includes("there is already a configuration")], [1, true]);
    }),
});
