/**
 * Where the commands of a page are run: an empty folder, `llm-proxy` in the path, and a provider on this
 * machine that takes any key in place of those on the internet.
 */

import { createDemoUpstream } from "../../../src/demo/upstream.ts";
import { cleanEnv, command } from "./command.ts";
import { bundleOrSource } from "./proxy_process.ts";

const ROOT = new URL("../../../", import.meta.url);
const KEYS = { openai: "key-of-openai", anthropic: "key-of-anthropic" };
/** What a reader copies from the repository. */
const COPIED = [".env.example", "config.example.toml"];

/** The `.env` of a reader who has installed the program. */
const FILLED_IN = `OPENAI_BASE_URL=https://api.openai.com/v1
OPENAI_API_KEY=sk-of-the-sandbox-of-docs
ANTHROPIC_BASE_URL=https://api.anthropic.com
ANTHROPIC_API_KEY=sk-ant-of-the-sandbox-of-docs
PROXY_TOKEN=proxy-token-of-the-sandbox
MANAGEMENT_TOKEN=management-token-of-the-sandbox
`;

/** How a block of commands ended. */
export interface Outcome {
  readonly code: number;
  /** Standard output and error together, as a terminal shows them. */
  readonly output: string;
}

/** Runs the blocks of one page, one after the other. Disposing ends what still runs. */
export class DocsSandbox implements AsyncDisposable {
  readonly folder: string;
  readonly #upstream: Deno.HttpServer<Deno.NetAddr>;
  readonly #env: Record<string, string>;
  /** The managed token that was printed last. */
  #token: string | undefined;
  #serving: { readonly child: Deno.ChildProcess; readonly ended: Promise<void> } | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.#upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, anyKey());
    const { PATH = "", ...clean } = cleanEnv();
    this.#env = {
      ...clean,
      PATH: `${folder}/bin:${PATH}`,
      HOST: "127.0.0.1",
      PORT: "0",
      NO_COLOR: "1",
      // The addresses of the providers are replaced, and their prices apply nevertheless.
      OPENAI_PRICE_PROVIDER: "openai",
      ANTHROPIC_PRICE_PROVIDER: "anthropic",
    };
  }

  static async create(): Promise<DocsSandbox> {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "docs-" }));
    await Deno.mkdir(`${folder}/bin`);
    const words = bundleOrSource().map((word) => `'${word}'`);
    await Deno.writeTextFile(`${folder}/bin/llm-proxy`, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    for (const file of COPIED) await Deno.copyFile(new URL(file, ROOT), `${folder}/${file}`);
    const sandbox = new DocsSandbox(folder);
    await Deno.writeTextFile(`${folder}/.env`, sandbox.#local(FILLED_IN), { mode: 0o600 });
    return sandbox;
  }

  /** Runs a block to its end. */
  async run(text: string): Promise<Outcome> {
    const { code, stdout } = await this.#shell(`exec 2>&1\n. ./.env\n${this.#local(text)}`).output();
    const output = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
    this.#token = /\bllmp_\w+/.exec(output)?.[0] ?? this.#token;
    return { code, output };
  }

  /**
   * Starts a block whose last line serves until the end of the page; gives what it says by the time it
   * listens.
   */
  async serve(text: string): Promise<Outcome> {
    await this.#end();
    const before = text.split("\n");
    const last = before.pop() ?? "";
    this.#env["PORT"] = "0";
    const child = this.#shell([...before, `exec ${this.#local(last)} 2>&1`].join("\n")).spawn();
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const ended = (async () => {
      let output = "";
      for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
        output += part;
        // The endpoints stand behind the addresses.
        if (/^ +\/\w+ +→ /m.test(output)) resolve({ code: 0, output });
      }
      const { code } = await child.status;
      reject(new Error(`it ended with ${code} before it listened:\n${output}`));
    })();
    this.#serving = { child, ended };
    const outcome = await promise;
    const [, port] = /^ +https?:\/\/127\.0\.0\.1:(\d+)$/m.exec(outcome.output) ?? [];
    if (port !== undefined) this.#env["PORT"] = port;
    return outcome;
  }

  /** A command in the words of the page, with the addresses of this machine. */
  #local(text: string): string {
    const upstream = `http://127.0.0.1:${this.#upstream.addr.port}`;
    return text
      .replaceAll("https://api.openai.com", `${upstream}/openai`)
      .replaceAll("https://api.anthropic.com", `${upstream}/anthropic`)
      .replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):11434/g, `${upstream}/openai`)
      .replaceAll(/(?:PROXY|localhost|127\.0\.0\.1):33000/g, `127.0.0.1:${this.#env["PORT"]}`)
      .replaceAll(/(?<=PORT=)33\d{3}/g, "0")
      .replaceAll("./llm-proxy", "llm-proxy")
      .replaceAll("llmp_…", this.#token ?? "llmp_…");
  }

  #shell(text: string): Deno.Command {
    return command("sh", {
      args: ["-c", text],
      cwd: this.folder,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    });
  }

  async #end(): Promise<void> {
    const serving = this.#serving;
    if (serving === undefined) return;
    this.#serving = undefined;
    try {
      serving.child.kill("SIGTERM");
    } catch {
      // The page has stopped it itself.
    }
    await serving.ended.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#upstream.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The demo's provider, which any key opens. */
function anyKey(): (request: Request) => Promise<Response> {
  const answer = createDemoUpstream({ keys: KEYS, paceMs: 0 });
  return (request) => {
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${KEYS.openai}`);
    headers.set("x-api-key", KEYS.anthropic);
    return answer(new Request(request, { headers }));
  };
}
