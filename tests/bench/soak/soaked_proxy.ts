/**
 * The proxy under the soak: a process of its own with a probe in it, whose configuration changes while it
 * runs.
 */

import { V8_FLAGS } from "../../../src/cli/v8_flags.ts";
import { memoryMb, openSockets } from "../../support/processes/process_stats.ts";
import type { ProbeLine } from "../../support/processes/process_probe.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { ProxyLog } from "./proxy_log.ts";
import { GENERATION_HEADER, type SoakUpstream } from "./upstream.ts";

/** Figures of the process at one moment. */
export interface Figures extends Omit<ProbeLine, "event"> {
  readonly rssMb: number;
  readonly sockets: number;
}

const TLS = new URL("../../support/tls/", import.meta.url).pathname;
const PROBE = new URL("../../support/processes/process_probe.ts", import.meta.url).pathname;
/** Idle connections to the upstream are soon closed, so that what stays open is a leak. */
const POOL_IDLE = "1s";

export class SoakedProxy implements AsyncDisposable {
  readonly url: string;
  readonly tlsUrl: string;
  readonly log: ProxyLog;
  readonly #process: ProxyProcess;
  readonly #config: { readonly file: string; readonly upstream: SoakUpstream };
  #generation = 0;

  private constructor(
    process: ProxyProcess,
    { log, ...config }: { log: ProxyLog; file: string; upstream: SoakUpstream },
  ) {
    this.#process = process;
    this.log = log;
    this.#config = config;
    const [url, tlsUrl] = process.url.split(" ");
    if (url === undefined || tlsUrl === undefined) throw new Error(`two addresses expected: ${process.url}`);
    this.url = url;
    this.tlsUrl = tlsUrl;
  }

  static async start(folder: string, upstream: SoakUpstream): Promise<SoakedProxy> {
    const file = `${folder}/config.toml`;
    await Deno.writeTextFile(file, configText({ folder, upstream, generation: 0 }));
    const command = proxyCommand([], { CONFIG_PATH: file }, undefined, {
      runtimeFlags: [V8_FLAGS, `--preload=${PROBE}`],
    });
    const log = new ProxyLog();
    const process = await ProxyProcess.startCommand(command, (line) => log.take(line));
    return new SoakedProxy(process, { log, file, upstream });
  }

  /** Which configuration is in use at the least. */
  get generation(): number {
    return this.#generation;
  }

  /** Writes another configuration and has it read. */
  async reload(): Promise<void> {
    const { file, upstream } = this.#config;
    const generation = this.#generation + 1;
    const folder = file.slice(0, file.lastIndexOf("/"));
    await Deno.writeTextFile(file, configText({ folder, upstream, generation }));
    const reloaded = this.log.next("reloaded");
    this.#process.kill("SIGHUP");
    await reloaded;
    this.#generation = generation;
  }

  /** Delays are those since this was asked last. */
  async figures(): Promise<Figures> {
    const probed = this.log.next("probe");
    this.#process.kill("SIGUSR2");
    const line = await probed;
    const figure = (name: keyof ProbeLine): number => Number(line[name]);
    const { pid } = this.#process;
    return {
      timers: figure("timers"),
      loopP99Ms: figure("loopP99Ms"),
      loopMaxMs: figure("loopMaxMs"),
      heapBytes: figure("heapBytes"),
      rssMb: memoryMb(pid),
      sockets: openSockets(pid),
    };
  }

  /** Ends it in any case; what went wrong is for others to say. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  /** All that it wrote, but for what the log took. */
  get output(): string {
    return this.#process.output;
  }

  /** Ends it; gives how many exchanges were running then. Fails unless it ends well. */
  async stop(): Promise<number> {
    const draining = this.#process.logged(({ event }) => event === "draining");
    await this.#process[Symbol.asyncDispose]();
    return Number((await draining)["in_flight"]);
  }
}

function configText(
  { folder, upstream, generation }: { folder: string; upstream: SoakUpstream; generation: number },
): string {
  const shared = (more = "") =>
    `provider = "openai"
price_provider = "openai"
api_key = "${SECRETS.openaiKey}"
headers = { "${GENERATION_HEADER}" = "${generation}" }
pool_idle_timeout = "${POOL_IDLE}"
${more}`;
  return `[server]
host = "127.0.0.1"
port = 0
https_port = 0
tls_cert_file = "${TLS}cert.pem"
tls_key_file = "${TLS}key.pem"
trusted_proxies = ["127.0.0.1"]
max_body_bytes = "64K"
models_refresh = "none"
max_connections = ${4096 + generation}
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "sqlite:${folder}/soak.db"
[log]
level = "info"
format = "json"
access = true
[endpoints.openai]
base_url = "${upstream.origin}"
${shared()}
[endpoints.asking]
base_url = "${upstream.origin}"
${shared('stream_usage = true\nkeepalive_comments = "500ms"')}
[endpoints.reset]
base_url = "${upstream.resettingOrigin}"
${shared()}
[endpoints.refused]
base_url = "http://127.0.0.1:1"
${shared()}
[endpoints.pair]
${shared()}
[[endpoints.pair.backends]]
base_url = "http://127.0.0.1:1"
[[endpoints.pair.backends]]
base_url = "${upstream.origin}"
${generation % 2 === 0 ? "" : `[endpoints.spare]\nbase_url = "${upstream.origin}"\n${shared()}`}`;
}
