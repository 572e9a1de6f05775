/** A real Redis server for tests, in a temporary folder. */

import { readRedisUrl } from "../../../src/network/redis_url.ts";
import { command } from "./command.ts";
import { freePort, listening } from "./port.ts";
import { firstOf, type Reason, without, withoutUnix } from "../runner/left_out.ts";

/** The program of the server, such as Valkey or an older Redis. */
const PROGRAM = Deno.env.get("LLM_PROXY_TEST_REDIS") ?? "redis-server";

/** Why tests with a Redis server cannot run here. */
export function withoutRedis(): Reason {
  return firstOf(withoutUnix(), without(PROGRAM));
}

/** The paths of a certificate and its key, in PEM. */
export interface RedisTls {
  readonly cert: string;
  readonly key: string;
}

/** A running server. It keeps nothing on disk. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #tls: RedisTls | undefined;
  #process: Deno.ChildProcess;

  private constructor(port: number, folder: string, tls: RedisTls | undefined) {
    this.port = port;
    this.#folder = folder;
    this.#tls = tls;
    this.#process = spawn(port, folder, tls);
  }

  /** Starts a server on a free port. With `tls` it answers only with TLS. */
  static async start({ tls }: { tls?: RedisTls } = {}): Promise<RedisServer> {
    const server = new RedisServer(freePort(), await Deno.makeTempDir({ prefix: "redis_" }), tls);
    await listening(server.port, PROGRAM);
    return server;
  }

  /** The URL for `LIMITS_URL`. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The same as a place. */
  get place(): NonNullable<ReturnType<typeof readRedisUrl>> {
    const place = readRedisUrl(this.url);
    if (place === undefined) throw new TypeError("not a URL of Redis");
    return place;
  }

  /** Kills the server. Its data are gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Stops the process, so that it answers nothing, or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process.kill(signal);
  }

  /** Starts it again on the same port, after {@link kill}. */
  async restart(): Promise<void> {
    this.#process = spawn(this.port, this.#folder, this.#tls);
    await listening(this.port, PROGRAM);
  }

  /** Sends a command without arguments and reads the first line of the answer. */
  async send(text: string): Promise<string> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    await connection.write(new TextEncoder().encode(`${text}\r\n`));
    const bytes = new Uint8Array(256);
    const length = await connection.read(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, length)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function spawn(port: number, folder: string, tls: RedisTls | undefined): Deno.ChildProcess {
  return command(PROGRAM, {
    args: [
      ...tls === undefined ? ["--port", String(port)] : [
        ...["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"],
        ...["--tls-cert-file", tls.cert, "--tls-key-file", tls.key],
      ],
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      folder,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}
