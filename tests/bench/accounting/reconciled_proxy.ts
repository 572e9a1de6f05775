/** The proxy under the reconciliation: a process that is configured again, killed and started again. */

import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { Management } from "../soak/management.ts";
import { PRICES_TOML } from "./bill.ts";

/** How long the first backend of the pair may think: longer than a loaded machine takes for its answers. */
const FIRST_BYTE_TIMEOUT = "2s";

/** Where the provider is. */
export interface Origins {
  readonly origin: string;
  readonly failingOrigin: string;
}

export class ReconciledProxy implements AsyncDisposable {
  #process: ProxyProcess;
  readonly #folder: string;
  readonly #origins: Origins;
  readonly #log: { onReload: () => void };
  #reloads = 0;
  #isDown: Promise<void> = Promise.resolve();

  private constructor(
    process: ProxyProcess,
    { folder, origins, log }: { folder: string; origins: Origins; log: { onReload: () => void } },
  ) {
    this.#process = process;
    this.#folder = folder;
    this.#origins = origins;
    this.#log = log;
  }

  static async start(folder: string, origins: Origins): Promise<ReconciledProxy> {
    await write(folder, origins, 0);
    const log = { onReload: () => {} };
    return new ReconciledProxy(await startIn(folder, log), { folder, origins, log });
  }

  /** Where it is, once it is there. */
  async url(): Promise<string> {
    await this.#isDown;
    return this.#process.url;
  }

  /** How often it was configured again. */
  get reloads(): number {
    return this.#reloads;
  }

  /** The database's file. */
  get database(): string {
    return `${this.#folder}/proxy.db`;
  }

  async management(): Promise<Management> {
    return new Management(await this.url());
  }

  /** Writes another configuration, and has it read. */
  async reload(): Promise<void> {
    await write(this.#folder, this.#origins, ++this.#reloads);
    const reloaded = new Promise<void>((resolve) => this.#log.onReload = resolve);
    this.#process.kill("SIGHUP");
    await reloaded;
  }

  /** `kill -9`, and another start on the same database. */
  async kill(): Promise<void> {
    const down = Promise.withResolvers<void>();
    this.#isDown = down.promise;
    this.#process.kill("SIGKILL");
    await this.#process.exited();
    this.#process = await startIn(this.#folder, this.#log);
    down.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** Of what it logs only what is no line of an exchange is kept. */
function startIn(folder: string, log: { readonly onReload: () => void }): Promise<ProxyProcess> {
  return ProxyProcess.startCommand(
    proxyCommand([], { CONFIG_PATH: `${folder}/config.toml` }),
    (line) => {
      const [, event] = /"event":"(\w+)"/.exec(line) ?? [];
      if (event === "reloaded") log.onReload();
      return event !== undefined && event !== "started";
    },
  );
}

async function write(folder: string, { origin, failingOrigin }: Origins, reloads: number): Promise<void> {
  const endpoint = (name: string, provider: string, more: string): string =>
    `[endpoints.${name}]
provider = "${provider}"
api_key = "${SECRETS.openaiKey}"
${PRICES_TOML}
${more}
`;
  const one = `base_url = "${origin}"`;
  await Deno.writeTextFile(
    `${folder}/config.toml`,
    `[server]
models_refresh = "none"
host = "127.0.0.1"
port = 0
max_connections = ${4096 + reloads}
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "sqlite:${folder}/proxy.db"
[log]
level = "info"
format = "json"
access = false
${endpoint("openai", "openai", one)}
${endpoint("claude", "anthropic", one)}
${endpoint("gemini", "gemini", one)}
${endpoint("pair", "openai", "retry_statuses = [503]\nretries = 1")}
[[endpoints.pair.backends]]
name = "failing"
base_url = "${failingOrigin}"
first_byte_timeout = "${FIRST_BYTE_TIMEOUT}"
[[endpoints.pair.backends]]
name = "working"
base_url = "${origin}"
`,
  );
}
