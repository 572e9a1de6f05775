/** The replicas under the soak, each with a port that it keeps over kills and restarts. */

import { freePort } from "../../../support/processes/port.ts";
import { proxyCommand, ProxyProcess } from "../../../support/processes/proxy_process.ts";
import { SECRETS } from "../../../support/data/secrets.ts";
import { until } from "../../../support/time/deadline.ts";

/** Debian's library that moves the clock of a program. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;
/** A load balancer has seen by then that a replica is going to stop. In milliseconds. */
const SEEN_MS = 500;
const STARTED_MS = 60_000;

/** From the start of a process to its end. Times are those of `performance.now`, in milliseconds. */
export interface Life {
  readonly from: number;
  /** When it took no more requests. */
  leftAt: number;
  /** When it was killed. `Infinity` if it was not. */
  killedAt: number;
}

/** What the replicas have in common. */
export interface ReplicaSettings {
  readonly folder: string;
  readonly provider: string;
  readonly database: string;
  /** A Redis server. `undefined` for limits in the database. */
  readonly limits: string | undefined;
  /** The program at the start. Without it, the tested one. */
  readonly program?: ReplicaProgram;
}

/** The command that runs a program, in a folder. */
export type ReplicaProgram = (env: Record<string, string>, folder: string) => Deno.Command;

/** Why no replica can have another clock. */
export function withoutOtherClock(): string | undefined {
  try {
    Deno.statSync(FAKETIME);
    return undefined;
  } catch {
    return "libfaketime is not installed";
  }
}

/** One replica. */
export class SoakedReplica {
  readonly port = freePort();
  /** Whether its clock is an hour ahead. */
  readonly isAhead: boolean;
  readonly lives: Life[] = [];
  /** What the next start runs. */
  program: ReplicaProgram;
  readonly #command: () => Deno.Command;
  #process: ProxyProcess | undefined;
  /** What earlier processes wrote. */
  output = "";

  constructor(
    file: string,
    { isAhead, program = (env, folder) => proxyCommand([], env, folder) }: {
      readonly isAhead: boolean;
      readonly program?: ReplicaProgram | undefined;
    },
  ) {
    this.isAhead = isAhead;
    this.program = program;
    const env = {
      CONFIG_PATH: file,
      PORT: String(this.port),
      ...(isAhead && { LD_PRELOAD: FAKETIME, FAKETIME: "+1h", FAKETIME_DONT_FAKE_MONOTONIC: "1" }),
    };
    // A file in the working folder says that it runs.
    const folder = file.slice(0, file.lastIndexOf("/"));
    this.#command = () => this.program(env, folder);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The present or last life. */
  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  /** Whether a load balancer would send requests to it. */
  get isUp(): boolean {
    return this.life?.leftAt === Infinity;
  }

  async start(): Promise<void> {
    this.#process = await ProxyProcess.startCommand(this.#command());
    const isReady = async (): Promise<boolean> => {
      const response = await fetch(`${this.url}/readyz`);
      await response.body?.cancel();
      return response.ok;
    };
    await until(isReady, "a ready replica", STARTED_MS);
    this.lives.push({ from: performance.now(), leftAt: Infinity, killedAt: Infinity });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const { life } = this;
    // Requests that fail from now on have a reason.
    const now = performance.now();
    if (life !== undefined) [life.leftAt, life.killedAt] = [now, now];
    this.#process?.kill("SIGKILL");
    await this.#ended();
  }

  /** Takes it out of the load balancer, and lets it end what runs. */
  async stop(): Promise<void> {
    if (this.life !== undefined) this.life.leftAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, SEEN_MS));
    const code = await this.#process?.stop();
    await this.#ended();
    if (code !== 0) throw new Error(`a replica ended with ${code}: ${this.output.slice(-2_000)}`);
  }

  /** Ends it in any case. */
  async dispose(): Promise<void> {
    if (this.#process !== undefined) await this.#process.stop();
    await this.#ended();
  }

  async #ended(): Promise<void> {
    await this.#process?.exited();
    this.output += `${this.#process?.output ?? ""}\n`;
    this.#process = undefined;
  }
}

/** Starts replicas. The clock of the last one is an hour ahead, if it can be. */
export async function startReplicas(count: number, settings: ReplicaSettings): Promise<SoakedReplica[]> {
  const file = `${settings.folder}/config.toml`;
  await Deno.writeTextFile(file, configText(settings));
  const canMove = withoutOtherClock() === undefined;
  const replicas = Array.from(
    { length: count },
    (_, index) =>
      new SoakedReplica(file, { isAhead: canMove && index === count - 1, program: settings.program }),
  );
  for (const replica of replicas) await replica.start();
  return replicas;
}

function configText({ provider, database, limits }: ReplicaSettings): string {
  return `[server]
host = "127.0.0.1"
models_refresh = "none"
trusted_proxies = ["127.0.0.1"]
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "${database}"
encryption_key = "${new Uint8Array(32).fill(7).toBase64()}"
on_limits_loss = "refuse"
${limits === undefined ? "" : `limits_url = "${limits}"`}
[log]
format = "json"
[endpoints.openai]
base_url = "${provider}"
provider = "openai"
price_provider = "openai"
api_key = "${SECRETS.openaiKey}"
`;
}
