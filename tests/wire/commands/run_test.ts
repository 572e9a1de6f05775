/** `llm-proxy run` with a program of the test in place of a client: what it gets, and how both end. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  assertEnded,
  atTerminal,
  type TerminalStep,
  withoutTerminal,
} from "../../support/processes/at_terminal.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { within } from "../../support/time/deadline.ts";

const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
/** Prints its arguments and the variables that matter here. */
const TELLS = `printf 'arg<%s>\\n' "$@"; env | grep -E '^(LLM_|OPENAI_|ANTHROPIC_|OTHER)' | sort`;

/** A folder with a home, a folder for programs, and a working folder. */
class Place implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly proxy: ProxyProcess,
    readonly upstream: FakeUpstream,
  ) {}

  static async open(): Promise<Place> {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    for (const name of ["home", "programs", "work", "tmp"]) await Deno.mkdir(`${folder}/${name}`);
    const upstream = new FakeUpstream();
    const endpoint = (name: string, lines: string) =>
      `[endpoints.${name}]\nbase_url = "${upstream.origin}"\n${lines}\n`;
    await Deno.writeTextFile(
      `${folder}/proxy.toml`,
      [
        `[server]\nhost = "127.0.0.1"\nport = 0\n[log]\nformat = "json"\naccess = true`,
        `[auth]\ntoken = "${SECRETS.proxyToken}"`,
        endpoint("openai", `api_key = "${SECRETS.openaiKey}"`),
        endpoint("team", `provider = "anthropic"\napi_key = "${SECRETS.anthropicKey}"`),
        endpoint("own", `provider = "anthropic"\napi_key = "passthrough"`),
      ].join("\n"),
    );
    await Deno.writeTextFile(
      `${folder}/open.toml`,
      `[server]\nhost = "127.0.0.1"\nport = 0\n[auth]\nmode = "none"\n${
        endpoint("openai", 'api_key = "none"')
      }`,
    );
    const proxy = await ProxyProcess.startWith({ CONFIG_PATH: `${folder}/proxy.toml` });
    return new Place(folder, proxy, upstream);
  }

  /** Makes a program of this name out of lines for a shell. */
  async program(name: string, lines: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/programs/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }

  /** The variables of the user: nothing says where the proxy is. */
  get env(): Record<string, string> {
    return {
      HOME: `${this.folder}/home`,
      PATH: `${this.folder}/programs:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
      TMPDIR: `${this.folder}/tmp`,
      DENO_DIR,
    };
  }

  /** The same, with the address and the token. */
  get known(): Record<string, string> {
    return { ...this.env, LLM_PROXY_URL: this.proxy.url, LLM_PROXY_TOKEN: SECRETS.proxyToken };
  }

  get saved(): string {
    return `${this.folder}/home/.config/llm-proxy/client.json`;
  }

  async run(args: readonly string[], env = this.known): Promise<{ code: number; out: string; err: string }> {
    const { code, stdout, stderr } = await proxyCommand(["run", ...args], env, `${this.folder}/work`)
      .output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  async runAtTerminal(
    args: readonly string[],
    steps: readonly TerminalStep[],
    env = this.env,
  ): Promise<{ code: number; shown: string }> {
    const around = atTerminal(steps);
    const started = proxyCommand(["run", ...args], env, `${this.folder}/work`, { around });
    const { code, stdout } = await started.output();
    const shown = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
    assertEnded({ code, shown });
    return { code, shown };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
    assertEquals(await Array.fromAsync(Deno.readDir(`${this.folder}/tmp`), ({ name }) => name), []);
    await Deno.remove(this.folder, { recursive: true });
  }
}

function runTest(name: string, test: (place: Place) => Promise<void>, reason = withoutUnix()): void {
  Deno.test({
    ...unless(reason, `run: ${name}`),
    async fn() {
      await using place = await Place.open();
      await test(place);
    },
  });
}

runTest(
  "the client gets its settings, its arguments and the token, and alone writes to the output",
  async (place) => {
    await place.program("codex", TELLS);
    const { code, out, err } = await place.run(["codex", "--", "exec", "--json", "two words", "--"]);
    assertEquals([code, err], [0, ""]);
    const args = [...out.matchAll(/^arg<(.*)>$/gm)].map(([, arg]) => arg);
    assertEquals(args.slice(-4), ["exec", "--json", "two words", "--"]);
    assertStringIncludes(
      args.join("\n"),
      `model_providers.llm-proxy.base_url="${place.proxy.url}/openai/v1"`,
    );
    assertEquals(args.join("\n").includes(SECRETS.proxyToken), false, "other users see the arguments");
    assertStringIncludes(out, `LLM_PROXY_TOKEN=${SECRETS.proxyToken}\n`);
    // The check of the token is no request to a provider. The proxy itself reads the list of models.
    const requested = place.upstream.requests.map(({ target }) => target)
      .filter((target) => !target.startsWith("/v1/models"));
    assertEquals(requested, []);
  },
);

runTest("the endpoint is found by its dialect, under any name, and by --endpoint", async (place) => {
  await place.program("claude", TELLS);
  const env = { ...place.known, ANTHROPIC_API_KEY: SECRETS.clientKey, OTHER: "stays" };
  const { code, out, err } = await place.run(["claude"], env);
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(
    out,
    `ANTHROPIC_AUTH_TOKEN=${SECRETS.proxyToken}\nANTHROPIC_BASE_URL=${place.proxy.url}/team\n`,
  );
  assertEquals(out.includes(SECRETS.clientKey), false, "the key of the user goes to no proxy");
  assertStringIncludes(out, "OTHER=stays\n");
  const named = await place.run(["claude", "--endpoint", "openai"], env);
  assertStringIncludes(named.out, `ANTHROPIC_BASE_URL=${place.proxy.url}/openai\n`);
  const unknown = await place.run(["claude", "--endpoint", "nowhere"], env);
  assertEquals([unknown.code, unknown.out], [2, ""]);
  assertStringIncludes(unknown.err, 'There is no endpoint "nowhere". The endpoints are openai, team, own.');
});

runTest(
  "with --passthrough the client keeps its key, and the token goes into a separate header",
  async (place) => {
    await place.program("claude", `${TELLS}; printf 'headers<%s>' "$ANTHROPIC_CUSTOM_HEADERS"`);
    const env = {
      ...place.known,
      ANTHROPIC_API_KEY: SECRETS.clientKey,
      ANTHROPIC_CUSTOM_HEADERS: "x-mine: 1",
    };
    const { code, out, err } = await place.run(["claude", "--passthrough"], env);
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(
      out,
      `ANTHROPIC_API_KEY=${SECRETS.clientKey}\nANTHROPIC_BASE_URL=${place.proxy.url}/own\n`,
    );
    assertStringIncludes(
      out,
      `headers<x-mine: 1\nx-llm-proxy-token: ${SECRETS.proxyToken}>`,
    );
    assertEquals(out.includes("ANTHROPIC_AUTH_TOKEN"), false);
    const wrong = await place.run(["claude", "--passthrough", "--endpoint", "team"], env);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "The endpoint team sends a key of the proxy");
    const missing = await place.run(["claude", "--endpoint", "own"], env);
    assertStringIncludes(missing.err, "forwards the client's own key or login. To use these: --passthrough");
    await place.program("aider", TELLS);
    const cannot = await place.run(["aider", "--passthrough"], env);
    assertStringIncludes(cannot.err, "Aider cannot send the proxy token beside its own key");
  },
);

runTest(
  "the exit code is that of the client, and 128 and the number of the signal that ended it",
  async (place) => {
    await place.program("codex", "exit 7");
    assertEquals((await place.run(["codex"])).code, 7);
    await place.program("codex", "kill -KILL $$");
    assertEquals((await place.run(["codex"])).code, 137);
  },
);

runTest("a signal reaches the client, which decides how to end", async (place) => {
  await place.program("codex", `trap 'echo got TERM; exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done`);
  const child = proxyCommand(["run", "codex"], place.known, `${place.folder}/work`).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let out = "";
  while (!out.includes("ready\n")) {
    const { value, done } = await within(reader.read(), "the client", 30_000);
    if (done) break;
    out += value;
  }
  child.kill("SIGTERM");
  const rest = async (): Promise<void> => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) out += piece.value;
  };
  await within(rest(), "the end of the client", 30_000);
  assertEquals([(await child.status).code, out], [5, "ready\ngot TERM\n"]);
  await child.stderr.cancel();
});

runTest("the client reads the input of the command", async (place) => {
  await place.program("codex", "cat");
  const line = `printf 'from a pipe' | "$@"`;
  const { code, stdout } = await proxyCommand(["run", "codex"], place.known, `${place.folder}/work`, {
    around: ["sh", "-c", line, "sh"],
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "from a pipe"]);
});

runTest("a missing program: the error says how to install it", async (place) => {
  const { code, out, err } = await place.run(["qwen"], { ...place.known, PATH: `${place.folder}/programs` });
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, "Qwen Code is not installed: there is no program qwen in PATH.\n");
  assertStringIncludes(err, "To install it: npm install -g @qwen-code/qwen-code\n");
});

runTest("a program of the working folder is never taken, also if PATH names the folder", async (place) => {
  await Deno.writeTextFile(`${place.folder}/work/codex`, "#!/bin/sh\necho stranger\n", { mode: 0o755 });
  const { code, out } = await place.run(["codex"], { ...place.known, PATH: `.::${place.folder}/programs` });
  assertEquals([code, out], [1, ""]);
});

runTest("a .env and a config.toml of the working folder decide nothing", async (place) => {
  await place.program("codex", TELLS);
  await Deno.writeTextFile(
    `${place.folder}/work/.env`,
    "LLM_PROXY_URL=http://127.0.0.1:9\nLLM_PROXY_TOKEN=other\n",
  );
  await Deno.writeTextFile(`${place.folder}/work/config.toml`, "this is [not TOML");
  const { code, out } = await place.run(["codex"]);
  assertEquals(code, 0);
  assertStringIncludes(out, `LLM_PROXY_TOKEN=${SECRETS.proxyToken}\n`);
});

runTest(
  "what is wrong with the address or the token is said, and the client does not start",
  async (place) => {
    await place.program("codex", "echo started");
    const { known, env } = place;
    const cases: readonly (readonly [Record<string, string>, readonly string[], number, string])[] = [
      [{ ...known, LLM_PROXY_TOKEN: "a-wrong-token" }, [], 1, "is not valid for this proxy"],
      [{ ...env, LLM_PROXY_URL: place.proxy.url }, [], 1, "Set LLM_PROXY_TOKEN, or name a file"],
      [env, [], 2, "The address of the proxy is missing: --address http://PROXY:33000"],
      [known, ["--address", "http://127.0.0.1:9"], 1, "Cannot reach the proxy at http://127.0.0.1:9: "],
      [known, ["--address", place.upstream.origin], 1, "is not llm-proxy"],
      [
        known,
        ["--address", `http://user:${SECRETS.clientKey}@127.0.0.1`],
        2,
        "This is not the address of a proxy.",
      ],
      [known, ["--token-file", "/no/such/file"], 2, "Cannot read /no/such/file: "],
      [{ ...known, LLM_PROXY_TOKEN: "two words" }, [], 2, "LLM_PROXY_TOKEN is empty, or has spaces"],
    ];
    for (const [variables, words, code, message] of cases) {
      const said = await place.run([...words, "codex"], variables);
      assertEquals([said.code, said.out], [code, ""], said.err);
      assertStringIncludes(said.err, message);
      for (const secret of ["a-wrong-token", SECRETS.proxyToken, SECRETS.clientKey]) {
        assertEquals(said.err.includes(secret), false, said.err);
      }
    }
  },
);

runTest("unknown clients: the error lists the clients", async (place) => {
  const { code, err } = await place.run(["cladue"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "Did you mean claude?\nThe clients are claude, codex, gemini, ");
  assertStringIncludes((await place.run([])).err, "The client is missing.");
});

runTest("a token in a file wins over the environment", async (place) => {
  await place.program("codex", TELLS);
  await Deno.writeTextFile(`${place.folder}/token`, `${SECRETS.proxyToken}\n`);
  const { code, out } = await place.run(["codex", "--token-file", `${place.folder}/token`], {
    ...place.known,
    LLM_PROXY_TOKEN: "a-wrong-token",
  });
  assertEquals(code, 0);
  assertStringIncludes(out, `LLM_PROXY_TOKEN=${SECRETS.proxyToken}\n`);
});

runTest("at a terminal it asks once, saves for the user alone, and forgets", async (place) => {
  await place.program("codex", `[ -t 0 ] && [ -t 1 ] && echo "at a terminal"; ${TELLS}`);
  const first = await place.runAtTerminal(["codex"], [
    ["Address of the proxy, like http://192.168.1.20:33000: ", "ftp://x\n"],
    ["This is not the address of a proxy.", ""],
    ["Address of the proxy, like http://192.168.1.20:33000: ", `${place.proxy.url.replace("http://", "")}\n`],
    ["Proxy token for ", "a-wrong-token\n"],
    ["is not valid for this proxy", ""],
    ["Proxy token for ", `${SECRETS.proxyToken}\n`],
  ]);
  assertEquals(first.code, 0, first.shown);
  assertStringIncludes(first.shown, "at a terminal\n");
  assertStringIncludes(first.shown, `Saved in ${place.saved}, which only you can read.`);
  assertEquals(JSON.parse(await Deno.readTextFile(place.saved)), {
    url: place.proxy.url,
    token: SECRETS.proxyToken,
  });
  const modes = [place.saved, place.saved.replace(/\/[^/]*$/, "")].map((path) =>
    Deno.statSync(path).mode ?? 0
  );
  assertEquals(modes.map((mode) => mode & 0o777), [0o600, 0o700]);

  const second = await place.run(["codex"], place.env);
  assertEquals([second.code, second.err], [0, ""]);
  assertStringIncludes(second.out, `LLM_PROXY_TOKEN=${SECRETS.proxyToken}\n`);

  await using other = await Place.open();
  const elsewhere = await place.run(["codex", "--address", other.proxy.url], place.env);
  assertEquals(elsewhere.code, 1, "a saved token goes only to its proxy");
  assertStringIncludes(elsewhere.err, "Set LLM_PROXY_TOKEN");

  assertEquals(await place.run(["--forget"], place.env), {
    code: 0,
    out: `Deleted ${place.saved}.\n`,
    err: "",
  });
  assert((await place.run(["codex"], place.env)).err.includes("The address of the proxy is missing"));
}, withoutTerminal());

runTest("Ctrl-C at a terminal reaches the client once, and the command waits for its end", async (place) => {
  // While the shell waits, it counts each signal at once.
  const counts =
    "n=0; trap 'n=$((n+1))' INT; sleep 1 & echo ready; while kill -0 $! 2>&-; do wait $!; done; echo INT $n";
  await place.program("codex", `${counts}; exit 4`);
  const { code, shown } = await place.runAtTerminal(["codex"], [["ready", "\x03"]], place.known);
  assertEquals([code, /INT \d/.exec(shown)?.[0]], [4, "INT 1"], shown);
}, withoutTerminal());

runTest("clients behind a forward proxy reach the proxy directly, as the check has done", async (place) => {
  await place.program("codex", `echo "$HTTPS_PROXY $NO_PROXY $no_proxy"`);
  const env = { ...place.known, HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "example.com" };
  assertEquals((await place.run(["codex"], env)).out, "http://127.0.0.1:9 example.com,127.0.0.1 127.0.0.1\n");
  await place.program("codex", `echo "<$NO_PROXY>"`);
  assertEquals((await place.run(["codex"])).out, "<>\n");
});

runTest(
  "a proxy that requires no token: nothing is asked, and the client gets a placeholder",
  async (place) => {
    await place.program("codex", TELLS);
    await using open = await ProxyProcess.startWith({
      CONFIG_PATH: `${place.folder}/open.toml`,
      LOG_FORMAT: "json",
    });
    const { code, out, err } = await place.run(["codex"], { ...place.env, LLM_PROXY_URL: open.url });
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, "LLM_PROXY_TOKEN=no-token\n");
  },
);
