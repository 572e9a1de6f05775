/** Shared counts in Redis or Valkey. Each operation is one call of a script, which the server runs without a pause. */

import { createClient } from "@redis/client";
import type { RedisPlace } from "../../../network/redis_url.ts";
import type { Answer, LimitsServer } from "../remote_limits.ts";
import script from "./limits.lua" with { type: "text" };

/**
 * The beginning of all keys. The braces put all keys into one slot of a cluster, because a request changes the counts of
 * its token and of its project together.
 */
const DEFAULT_PREFIX = "{llm-proxy}:";
/** How long the client waits before it connects again, in milliseconds. */
const RECONNECT_MS = 250;
/** A connection without a byte for this time is dead: replicas send something every two seconds. In milliseconds. */
const SILENCE_MS = 5_000;
const CONNECT_MS = 3_000;

/** The options of {@link RedisLimitsServer.open}. */
export interface RedisOptions {
  /** The beginning of all keys. */
  readonly prefix?: string;
  /** The time in milliseconds since 1970. `undefined` for that of the server. */
  readonly now?: () => number;
}

/** A Redis or Valkey server with shared counts. */
export class RedisLimitsServer implements LimitsServer {
  readonly #client: ReturnType<typeof createClient>;
  readonly #prefix: string;
  /** Resolves when the first connection is there, or has failed. */
  readonly #tried: Promise<void>;
  readonly #digest: string;
  readonly #now: (() => number) | undefined;
  /** Whether the server has the script. */
  #isLoaded = false;
  #failure = "not connected";

  private constructor(place: RedisPlace, digest: string, { prefix = DEFAULT_PREFIX, now }: RedisOptions) {
    this.#prefix = prefix;
    this.#digest = digest;
    this.#now = now;
    const { username, password, database } = place;
    this.#client = createClient({
      RESP: 2,
      ...username !== undefined && { username },
      ...password !== undefined && { password },
      ...database !== undefined && { database },
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: "disabled",
      socket: {
        ...socketOf(place),
        connectTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        reconnectStrategy: () => RECONNECT_MS,
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tried = promise;
    this.#client.on("ready", resolve);
    // Each call that fails rejects. The reason of a connection that failed is only here.
    this.#client.on("error", (error: Error) => {
      this.#failure = reasonOf(error);
      resolve();
    });
    this.#client.connect().catch((error) => this.#failure = reasonOf(error));
  }

  /** Connects in the background, also later when the server is back. */
  static async open(place: RedisPlace, options: RedisOptions = {}): Promise<RedisLimitsServer> {
    return new RedisLimitsServer(place, await digestOf(script), options);
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async call(operation: string, input: unknown): Promise<Answer> {
    if (!this.#client.isReady) await this.#tried;
    if (!this.#client.isReady) throw new Error(this.#failure);
    const args = ["1", this.#prefix, operation, JSON.stringify(input)];
    if (this.#now !== undefined) args.push(String(this.#now()));
    const answer = this.#isLoaded ? await this.#callLoaded(args) : await this.#load(args);
    return Array.isArray(answer) ? answer : [];
  }

  /** The `maxmemory-policy` of the server. `undefined` if the server cannot be reached, or does not say it. */
  async evictionPolicy(): Promise<string | undefined> {
    await this.#tried;
    if (!this.#client.isReady) return undefined;
    try {
      const info = String(await this.#client.sendCommand(["INFO", "memory"]));
      return /^maxmemory_policy:(\w[\w-]{0,40})/m.exec(info)?.[1];
    } catch {
      // The user may not have the right to this command.
      return undefined;
    }
  }

  async #callLoaded(args: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(["EVALSHA", this.#digest, ...args]);
    } catch (error) {
      // The server has started again, or was flushed.
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await this.#load(args);
    }
  }

  /** Loads the script and calls it in one round trip. Calls that follow send only the digest. */
  async #load(args: readonly string[]): Promise<unknown> {
    const answer = await this.#client.sendCommand(["EVAL", script, ...args]);
    this.#isLoaded = true;
    return answer;
  }
}

async function digestOf(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex();
}

/** An error of the connection. It may have several causes, one for each address of a name. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== "" ? error.message : "not connected";
}

/** The options of a socket to a server. */
export function socketOf({ at }: RedisPlace) {
  if ("path" in at) return { path: at.path, tls: false } as const;
  const { hostname: host, port, tls, ca } = at;
  if (!tls) return { host, port, tls: false } as const;
  return { host, port, tls: true, servername: host, ...ca !== undefined && { ca: [...ca] } } as const;
}
