/** A client on another machine: it has nothing but what `llm-proxy connect` prints, word for word. */

import { command } from "../processes/command.ts";
import { assertEquals } from "@std/assert";
import { FakeUpstream, type Script, type UpstreamRequest } from "../upstreams/fake_upstream.ts";
import { modelScript } from "../upstreams/model_upstream.ts";
import { proxyCommand, ProxyProcess } from "../processes/proxy_process.ts";
import { clientPath } from "./real_clients.ts";
import { Tap } from "./tap.ts";
import { SECRETS } from "../data/secrets.ts";

/** No client takes longer for one sentence on a busy machine, unless it retries something. */
const LONGEST_MS = 180_000;
/** The key of a client that does without the proxy. */
const PROVIDER_KEY = SECRETS.clientKey;

/** How a client is connected. */
export interface Connection {
  readonly client: string;
  readonly endpoint: string;
  readonly token?: string;
  readonly passthrough?: boolean;
  /** Without the proxy: the settings name the upstream, and the key of the provider. */
  readonly direct?: boolean;
  /** At the address of all endpoints, where the model of a request chooses one. */
  readonly oneAddress?: boolean;
}

/** Relays that see the bytes of a client, those of the proxy, and those of a client without the proxy. */
export interface Taps {
  readonly client: Tap;
  readonly proxy: Tap;
  readonly direct: Tap;
}

/** What a client said, and how it ended. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly all: string;
}

interface BenchOptions {
  readonly https?: boolean;
  /** Whether relays record all bytes. */
  readonly tapped?: boolean;
  /** What the upstream answers. */
  readonly script?: Script;
  /** More lines of the configuration, for the address of the upstream. */
  readonly more?: (upstream: string) => string;
}

/** A proxy by HTTP and by HTTPS in front of every provider, and a home for clients. */
export class ClientBench implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly #proxy: ProxyProcess;
  readonly #folder: string;
  readonly #taps: Taps | undefined;

  private constructor(upstream: FakeUpstream, proxy: ProxyProcess, folder: string, taps: Taps | undefined) {
    this.upstream = upstream;
    this.#proxy = proxy;
    this.#folder = folder;
    this.#taps = taps;
  }

  static async start(
    { https = false, tapped = false, script = modelScript(), more = () => "" }: BenchOptions = {},
  ): Promise<ClientBench> {
    const folder = await Deno.makeTempDir();
    const upstream = new FakeUpstream({ script });
    const behind = tapped ? new Tap(upstream.origin) : undefined;
    let tls = "";
    if (https) {
      const { code } = await proxyCommand(["tls", "init", "--folder", `${folder}/tls`], {}).output();
      assertEquals(code, 0);
      tls = `tls_cert_file = "tls/cert.pem"\ntls_key_file = "tls/key.pem"`;
    }
    const origin = behind?.origin ?? upstream.origin;
    await Deno.writeTextFile(`${folder}/config.toml`, configText(origin, tls) + more(origin));
    await Deno.mkdir(`${folder}/home/work`, { recursive: true });
    const proxy = await ProxyProcess.startWith({ CONFIG_PATH: `${folder}/config.toml` });
    const taps = behind &&
      { client: new Tap(proxy.url), proxy: behind, direct: new Tap(upstream.origin) };
    return new ClientBench(upstream, proxy, folder, taps);
  }

  /** The relays of a bench that was started with `tapped`. */
  get taps(): Taps {
    if (this.#taps === undefined) throw new TypeError("not started with tapped");
    return this.#taps;
  }

  /** The address that clients use. */
  get #address(): string {
    // A relay cannot read TLS.
    const isSecure = this.#proxy.url.startsWith("https:");
    return isSecure ? this.#proxy.url : this.#taps?.client.origin ?? this.#proxy.url;
  }

  /** Deletes the files of the client, as if it was never used. */
  async emptyHome(): Promise<void> {
    await Deno.remove(this.home, { recursive: true });
    await Deno.mkdir(`${this.home}/work`, { recursive: true });
  }

  /** The requests of clients as they reached the upstream, without those of the proxy for lists of models. */
  get requests(): readonly UpstreamRequest[] {
    return this.upstream.requests.filter((request) => request.header("user-agent") !== "llm-proxy");
  }

  /** Whether a text reached the upstream, in a head or in a body that is not long. */
  saw(text: string): boolean {
    return this.upstream.received.includes(text) ||
      this.upstream.requests.some(({ raw }) => raw.includes(text));
  }

  /** Where the clients' files are. */
  get home(): string {
    return `${this.#folder}/home`;
  }

  /** Runs `llm-proxy run` with these arguments, as a person on the machine of the client does. */
  async start(
    args: readonly string[],
    { folders = [], env = {} }: { folders?: readonly string[]; env?: Record<string, string> } = {},
  ): Promise<Said> {
    const url = this.#address;
    const trust = url.startsWith("https:") ? ["--ca", `${this.#folder}/tls/ca.pem`] : [];
    const own = {
      HOME: this.home,
      PATH: [...folders, clientPath()].join(":"),
      TERM: "dumb",
      TMPDIR: this.#folder,
      // The packages of the program from source are in a folder of the developer's home.
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
      LLM_PROXY_URL: url,
      LLM_PROXY_TOKEN: SECRETS.proxyToken,
      ...env,
    };
    const child = proxyCommand(["run", ...trust, ...args], own, `${this.home}/work`).spawn();
    const timer = setTimeout(() => child.kill("SIGTERM"), LONGEST_MS);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(timer);
    const decoder = new TextDecoder();
    const out = decoder.decode(stdout);
    return { code, out, all: out + decoder.decode(stderr) };
  }

  /** The files of the client's home, and what the programs left in the folder for temporary files. */
  async files(): Promise<string[]> {
    const found: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        if (isDirectory) await walk(`${folder}/${name}`);
        else found.push(`${folder}/${name}`);
      }
    };
    await walk(this.#folder);
    return found;
  }

  /** Prints the settings of a client, puts its files where they belong, and gives what is left. */
  async connect(
    { client, endpoint, token = SECRETS.proxyToken, passthrough = false, direct = false, oneAddress = false }:
      Connection,
  ): Promise<{ exports: string; commands: string[]; program: string }> {
    const url = this.#address;
    const flags = [
      ...(url.startsWith("https:") ? ["--ca", `${this.#folder}/tls/ca.pem`] : []),
      ...(passthrough ? ["--passthrough"] : []),
    ];
    const args = ["connect", client, "--url", url, "--endpoint", endpoint, ...flags];
    const { code, stdout, stderr } = await proxyCommand(args, { LLM_PROXY_TOKEN: token }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    let printed = new TextDecoder().decode(stdout).replace("<key for the provider>", SECRETS.clientKey);
    if (oneAddress) printed = printed.replaceAll(`${url}/${endpoint}`, url);
    // The paths of the upstream are the names of the endpoints.
    if (direct) printed = printed.replaceAll(url, this.taps.direct.origin).replaceAll(token, PROVIDER_KEY);
    const left = { exports: "", commands: [] as string[], program: "" };
    for (const { where, text } of piecesOf(printed)) {
      if (where.startsWith("~/")) await this.#write(where.slice(2), text);
      else if (where.startsWith("in the shell")) left.exports += `${text}\n`;
      else if (where.endsWith("in a terminal")) left.commands.push(text);
      else if (where === "in the program") left.program = text;
      else throw new Error(`where is ${where}?`);
    }
    return left;
  }

  /** Runs a line of a shell behind the exports, with nothing else in the environment. */
  async run(
    line: string,
    { exports = "", folders = [] }: { exports?: string; folders?: readonly string[] } = {},
  ): Promise<Said> {
    const { code, stdout, stderr } = await command("sh", {
      args: ["-c", `${exports}\n${line}`],
      env: {
        HOME: this.home,
        PATH: [...folders, clientPath()].join(":"),
        TERM: "dumb",
        TMPDIR: this.#folder,
      },
      cwd: `${this.home}/work`,
      stdin: "null",
      signal: AbortSignal.timeout(LONGEST_MS),
    }).output();
    const decoder = new TextDecoder();
    const out = decoder.decode(stdout);
    return { code, out, all: out + decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#taps !== undefined) {
      for (const tap of Object.values(this.#taps)) await tap[Symbol.asyncDispose]();
    }
    await this.#proxy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #write(path: string, text: string): Promise<void> {
    const whole = `${this.home}/${path}`;
    await Deno.mkdir(whole.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(whole, text);
  }
}

/** The pieces of what was printed: each behind a line `# Client: where`; the notes stand last. */
function piecesOf(printed: string): { where: string; text: string }[] {
  const parts = printed.split(/^# [^:\n]+: (~\/.*|in .*|run once .*)$/m).slice(1);
  const pieces: { where: string; text: string }[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const text = (parts[index + 1] ?? "").replace(/(?:^#.*\n)+$/m, "").trim();
    pieces.push({ where: parts[index] ?? "", text });
  }
  if (pieces.length === 0) throw new Error(`no settings in ${printed}`);
  return pieces;
}

function configText(upstream: string, tls: string): string {
  const endpoint = (name: string, provider: string, path: string, key: string) =>
    `[endpoints.${name}]\nprovider = "${provider}"\nbase_url = "${upstream}${path}"\napi_key = "${key}"\n`;
  return [
    `[server]\nhost = "127.0.0.1"\nport = 0\n${tls}`,
    `[log]\nformat = "json"\nlevel = "debug"\naccess = true`,
    `[auth]\ntoken = "${SECRETS.proxyToken}"`,
    endpoint("openai", "openai", "/openai/v1", SECRETS.openaiKey),
    endpoint("mistral", "openai", "/mistral/v1", SECRETS.openaiKey),
    endpoint("groq", "openai", "/openai/v1", SECRETS.openaiKey),
    endpoint("ollama", "openai", "", SECRETS.openaiKey),
    endpoint("anthropic", "anthropic", "/anthropic", SECRETS.anthropicKey),
    endpoint("gemini", "gemini", "/gemini", SECRETS.openaiKey),
    endpoint("own-openai", "openai", "/openai/v1", "passthrough"),
    endpoint("own-ollama", "openai", "", "passthrough"),
    endpoint("own-groq", "openai", "/openai/v1", "passthrough"),
    endpoint("own-anthropic", "anthropic", "/anthropic", "passthrough"),
    endpoint("own-gemini", "gemini", "/gemini", "passthrough"),
  ].join("\n");
}
