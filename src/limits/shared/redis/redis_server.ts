/**
 * Shared counts in Redis or Valkey. Each operation is one call of a script, which the server runs without a
 * pause.
 */

import { createClient } from "@redis/client";
import { StoreError } from "../../../storage/store.ts";
import type { RedisPlace } from "../../../network/redis_url.ts";
import type { Answer, LimitsServer } from "../remote_limits.ts";
import { systemClock } from "../../../time/clock.ts";
import { protocolVersion } from "../protocol_version.ts";
import { LateAnswer, within } from "../within.ts";
import { AnswerBound } from "./answer_bound.ts";
import script from "./limits.lua" with { type: "text" };

/** The version of the counts in Redis. */
export function redisVersion(): Promise<string> {
  return protocolVersion(script);
}

/**
 * The beginning of all keys. The braces put all keys into one slot of a cluster, because a request changes
 * the counts of its token and of its project together. Keys of other versions expire.
 */
export async function defaultPrefix(): Promise<string> {
  return `{llm-proxy}:${await redisVersion()}:`;
}

/** The time between a connection that broke and the next one, in milliseconds. */
const RECONNECT_MS = 250;
/**
 * A connection without a byte for this time, in milliseconds, is dead: each replica sends a message every two
 * seconds.
 */
const SILENCE_MS = 5_000;
const CONNECT_MS = 3_000;
/**
 * How long a call may take, in milliseconds. A connection without an answer for this time is replaced.
 * Requests wait for a shorter time, but a late call still changes the counts.
 */
const TIMEOUT_MS = 2_000;

/** The options of {@link RedisLimitsServer.open}. */
export interface RedisOptions {
  /** The beginning of all keys. */
  readonly prefix?: string;
  /** The time in milliseconds since 1970. `undefined` for that of the server. */
  readonly now?: () => number;
  /** How long a call may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A connection. If it breaks, another one replaces it. */
interface Connection {
  readonly client: {
    readonly isReady: boolean;
    readonly isOpen: boolean;
    readonly sendCommand: (args: readonly string[]) => Promise<unknown>;
    readonly destroy: () => void;
  };
  readonly bound: AnswerBound;
  /** Resolves when the first try to connect has succeeded or failed. */
  readonly tried: Promise<void>;
}

/** A Redis or Valkey server with shared counts. */
export class RedisLimitsServer implements LimitsServer {
  readonly #place: RedisPlace;
  readonly #ca: string | undefined;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #digest: string;
  readonly #now: (() => number) | undefined;
  /** Whether the server has the script. */
  #isLoaded = false;
  #failure = "not connected";
  /** `undefined` from a break of the connection until the next connection. */
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    place: RedisPlace,
    { digest, prefix, ca }: {
      readonly digest: string;
      readonly prefix: string;
      readonly ca: string | undefined;
    },
    { now, timeoutMs = TIMEOUT_MS }: RedisOptions,
  ) {
    this.#place = place;
    this.#ca = ca;
    this.#prefix = prefix;
    this.#digest = digest;
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#connection = this.#connect();
  }

  /**
   * Connects in the background. If the server cannot be reached, the client tries again until it can. Throws
   * a `StoreError` if the file with the certificate authorities cannot be read.
   */
  static async open(place: RedisPlace, options: RedisOptions = {}): Promise<RedisLimitsServer> {
    const prefix = options.prefix ?? await defaultPrefix();
    const digest = await digestOf(script);
    return new RedisLimitsServer(place, { digest, prefix, ca: await readCa(place) }, options);
  }

  close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#connection !== undefined) destroy(this.#connection);
    this.#connection = undefined;
    return Promise.resolve();
  }

  async call(operation: string, input: unknown): Promise<Answer> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error(this.#failure);
    const args = ["1", this.#prefix, operation, JSON.stringify(input)];
    if (this.#now !== undefined) args.push(String(this.#now()));
    try {
      const call = this.#callOn(connection, args);
      const answer = await within(call, { clock: systemClock, timeoutMs: this.#timeoutMs });
      connection.bound.answered();
      return Array.isArray(answer) ? answer : [];
    } catch (error) {
      if (error instanceof LateAnswer) this.#replace(connection, error.message);
      throw error;
    }
  }

  /**
   * Returns the `maxmemory-policy` of the server. `undefined` if the server cannot be reached, or does not
   * report it.
   */
  async evictionPolicy(): Promise<string | undefined> {
    const connection = this.#connection;
    await connection?.tried;
    if (connection?.client.isReady !== true) return undefined;
    try {
      const asked = connection.client.sendCommand(["INFO", "memory"]);
      const info = String(await within(asked, { clock: systemClock, timeoutMs: this.#timeoutMs }));
      connection.bound.answered();
      return /^maxmemory_policy:(\w[\w-]{0,40})/m.exec(info)?.[1];
    } catch {
      // The server does not answer, or the user may not use this command.
      return undefined;
    }
  }

  #connect(): Connection {
    const { username, password, database } = this.#place;
    const client = createClient({
      RESP: 2,
      ...username !== undefined && { username },
      ...password !== undefined && { password },
      ...database !== undefined && { database },
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: "disabled",
      socket: {
        ...socketOf(this.#place, this.#ca),
        connectTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        // The client would wait for its next attempt even after `destroy`.
        reconnectStrategy: false,
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    client.on("ready", resolve);
    const bound = new AnswerBound(client, () => this.#replace(connection, "the answer is too long"));
    const connection: Connection = { client, bound, tried: promise };
    const failed = (error: unknown) => {
      this.#replace(connection, reasonOf(error));
      resolve();
    };
    // A call that fails rejects. Only `failed` gets the reason why a connection failed.
    client.on("error", failed);
    client.connect().catch(failed);
    return connection;
  }

  /** Closes a connection, and opens another one after {@link RECONNECT_MS}. */
  #replace(connection: Connection, reason: string): void {
    if (this.#connection !== connection) return;
    this.#failure = reason;
    this.#connection = undefined;
    destroy(connection);
    this.#timer = setTimeout(() => this.#connection = this.#connect(), RECONNECT_MS);
  }

  async #callOn({ client, tried }: Connection, args: readonly string[]): Promise<unknown> {
    if (!client.isReady) await tried;
    if (!client.isReady) throw new Error(this.#failure);
    return this.#isLoaded ? await this.#callLoaded(client, args) : await this.#load(client, args);
  }

  async #callLoaded(client: Connection["client"], args: readonly string[]): Promise<unknown> {
    try {
      return await client.sendCommand(["EVALSHA", this.#digest, ...args]);
    } catch (error) {
      // The server has lost the script, because it was restarted or flushed.
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await this.#load(client, args);
    }
  }

  /** Loads the script and calls it in one round trip. Calls that follow send only the digest. */
  async #load(client: Connection["client"], args: readonly string[]): Promise<unknown> {
    const answer = await client.sendCommand(["EVAL", script, ...args]);
    this.#isLoaded = true;
    return answer;
  }
}

/** Closes a connection. The client throws if it has closed the connection already. */
function destroy({ client }: Connection): void {
  if (client.isOpen) client.destroy();
}

async function digestOf(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex();
}

/**
 * Returns the text of a connection error. The error may have several causes, one for each address of a host
 * name.
 */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== "" ? error.message : "not connected";
}

/** The options of a socket to a server. `ca`: the authorities to trust; `undefined` for those of Mozilla. */
function socketOf({ at }: RedisPlace, ca: string | undefined) {
  if ("path" in at) return { path: at.path, tls: false } as const;
  const { hostname: host, port, tls } = at;
  if (!tls) return { host, port, tls: false } as const;
  return { host, port, tls: true, servername: host, ...ca !== undefined && { ca } } as const;
}

async function readCa({ at }: RedisPlace): Promise<string | undefined> {
  if ("path" in at || at.caFile === undefined) return undefined;
  try {
    return await Deno.readTextFile(at.caFile);
  } catch (error) {
    throw new StoreError("failed", `the file of ssl_ca_certs (${at.caFile}) cannot be read`, {
      cause: error,
    });
  }
}
