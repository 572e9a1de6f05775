import { ClientGone } from "../../cancellation.ts";
import { writeAll } from "../../http/writer.ts";
import type { HeldShare } from "../../limits/held_bytes.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import type { ConnectionParts } from "../connection.ts";
import type { ServedConnection } from "../served_connection.ts";
import { ClientFrames, STREAM_FIELD } from "./client_frames.ts";
import { Http2Exchange } from "./exchange.ts";
import { FrameRateLimit } from "./frame_rate_limit.ts";
import { ServerFrames } from "./server_frames.ts";
import { ResponseSlots } from "./response_slots.ts";

/** The two sockets of an HTTP/2 connection, and what its gateway shares with it. */
export interface Http2Sockets {
  /** The connection to the client. */
  readonly client: Deno.Conn;
  /** The connection to the HTTP/2 server of the runtime. */
  readonly loopback: Deno.Conn;
  /** The frame rate limit of all unauthenticated clients together. */
  readonly unauthenticatedRate: FrameRateLimit;
  /** Called after both sockets have ended. */
  readonly onEnd: () => void;
}

/** The memory of a running request in bytes, without its response. */
const REQUEST_BYTES = 16 * 1024;
/** The most unread response bytes of an unauthenticated client. Its connection is closed beyond them. */
const MAX_UNAUTHENTICATED_UNREAD_BYTES = 512 * 1024;
/** The most unread bytes of several responses together. The connection is closed beyond them. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** With more unread bytes, the proxy gives the runtime only a little of each response ahead of the client. */
const BACKLOG_BYTES = 256 * 1024;
/** The memory for responses is counted again after a change of so many bytes. */
const COUNT_STEP_BYTES = 64 * 1024;
/** The frames and header fields per second that an authenticated client may send on a connection. */
const COST_PER_SECOND = 100_000;
/** The most bytes of one read, from an unauthenticated client and from others. */
const UNAUTHENTICATED_PIECE_BYTES = 4 * 1024;
const PIECE_BYTES = 64 * 1024;
/** The most resets of streams to remember. The runtime closes a connection after fewer. */
const MAX_RESETS = 1_000;
/**
 * Header blocks with up to so many fields are decoded. A request with too many of them gets a response (431).
 */
const LEAST_BLOCK_FIELDS = 1_000;

/** An HTTP/2 connection of a client. Each of its streams is a request. */
export class Http2Connection implements ServedConnection {
  readonly #sockets: Http2Sockets;
  readonly #parts: ConnectionParts;
  /** The running requests, by the number of their stream. */
  readonly #running = new Map<number, Http2Exchange>();
  /** Streams that the client reset before the runtime delivered their requests. */
  readonly #resets = new Set<number>();
  #lastAnswered = 0;
  #idleSince: number;
  /** When the connection last stopped being idle. */
  #busySince = 0;
  #isAuthenticated = false;
  #isClosed = false;
  readonly #responseSlots = new ResponseSlots();
  readonly #clientFrames: ClientFrames;
  readonly #serverFrames: ServerFrames;
  #frameRate: FrameRateLimit;
  /** The response bytes in memory that the client has not read. */
  #unread = 0;
  /** The value of `#unread` at the last count of the memory. */
  #counted = 0;
  #share: HeldShare | undefined;

  constructor(sockets: Http2Sockets, parts: ConnectionParts) {
    this.#sockets = sockets;
    this.#parts = parts;
    this.#frameRate = sockets.unauthenticatedRate;
    this.#idleSince = parts.now();
    this.#clientFrames = new ClientFrames({
      onReset: (stream) => this.#reset(stream),
      onTooManyFields: () => this.close(),
      onMisleading: () => this.close(),
    }, { maxBlockFields: () => Math.max(LEAST_BLOCK_FIELDS, 2 * parts.limits().maxHeadFields) });
    this.#serverFrames = new ServerFrames({
      onData: (stream, bytes) => this.#running.get(stream)?.sent(bytes),
      onEnd: (stream) => this.#running.get(stream)?.delivered(),
    });
  }

  get idleSince(): number | undefined {
    return this.#running.size === 0 ? this.#idleSince : undefined;
  }

  get stateSince(): number {
    return this.#running.size === 0 ? this.#idleSince : this.#busySince;
  }

  /** The time of the response that has been waiting for longest. */
  get unreadSince(): number | undefined {
    let longest: number | undefined;
    for (const { unreadSince } of this.#running.values()) {
      if (unreadSince !== undefined && unreadSince < (longest ?? Infinity)) longest = unreadSince;
    }
    return longest;
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  endOverdue(): void {
    const limits = this.#parts.limits();
    if (this.#running.size === 0 && this.#parts.now() - this.#idleSince > limits.idleMs) this.close();
    for (const exchange of [...this.#running.values()]) exchange.endOverdue(limits);
  }

  /** Does nothing: the gateway drains all its connections together. */
  finish(): void {}

  close(): void {
    this.#isClosed = true;
    this.#responseSlots.close();
    this.#frameRate.release(this);
    for (const exchange of [...this.#running.values()]) exchange.abort(new ClientGone("the client left"));
    this.#share?.release();
    closeQuietly(this.#sockets.client);
    closeQuietly(this.#sockets.loopback);
  }

  /** Copies bytes in both directions until either side ends the connection. Never throws. */
  async serve(): Promise<void> {
    await Promise.all([this.#copyToRuntime(), this.#copyToClient()]);
    this.#parts.unauthenticatedBudget?.release(this);
    this.#sockets.onEnd();
  }

  async #copyToRuntime(): Promise<void> {
    const { client, loopback } = this.#sockets;
    let buffer = new Uint8Array(UNAUTHENTICATED_PIECE_BYTES);
    try {
      while (true) {
        if (this.#isAuthenticated && buffer.length < PIECE_BYTES) buffer = new Uint8Array(PIECE_BYTES);
        const count = await client.read(buffer);
        if (count === null) break;
        const frames = this.#clientFrames.pass(buffer.subarray(0, count));
        const turn = this.#frameRate.acquire(this, this.#clientFrames.takeCost());
        if (turn !== undefined) await turn;
        await writeAll(loopback, frames);
      }
    } catch {
      // A socket was closed or has failed. `close` closes the other one too.
    }
    this.close();
  }

  async #copyToClient(): Promise<void> {
    const { client, loopback } = this.#sockets;
    const buffer = new Uint8Array(PIECE_BYTES);
    try {
      for (let count = await loopback.read(buffer); count !== null; count = await loopback.read(buffer)) {
        const frames = buffer.subarray(0, count);
        await writeAll(client, frames);
        this.#serverFrames.pass(frames);
      }
    } catch {
      // A socket was closed or has failed. `close` closes the other one too.
    }
    this.close();
  }

  /** Answers a request of the connection. */
  async answer(request: Request): Promise<Response> {
    const stream = streamOf(request.headers);
    // A request without a number shows that the runtime understood a header block differently than the proxy.
    if (stream === undefined || this.#running.has(stream) || this.#isClosed) {
      this.close();
      return new Response(null, { status: 500 });
    }
    const { handler, peer, entry, limits, now } = this.#parts;
    const exchange = new Http2Exchange(request, {
      handler,
      peer,
      entry,
      limits,
      now,
      onAuthenticated: (holder) => this.#authenticated(holder),
      isAuthenticated: () => this.#isAuthenticated,
      acquireSlot: () => this.#responseSlots.acquire(),
      releaseSlot: () => this.#responseSlots.release(),
      isBacklogged: () => this.#unread > BACKLOG_BYTES,
      onUnread: (bytes) => this.#countUnread(bytes),
      onEnd: () => {
        this.#running.delete(stream);
        this.#idleSince = now();
        this.#countMemory();
      },
    });
    if (this.#running.size === 0) this.#busySince = now();
    this.#running.set(stream, exchange);
    if (this.#resets.has(stream)) exchange.reset();
    this.#lastAnswered = Math.max(this.#lastAnswered, stream);
    for (const reset of this.#resets) if (reset <= this.#lastAnswered) this.#resets.delete(reset);
    this.#countMemory();
    return await exchange.answer();
  }

  #reset(stream: number): void {
    const exchange = this.#running.get(stream);
    if (exchange !== undefined) exchange.reset();
    else if (stream > this.#lastAnswered && this.#resets.size < MAX_RESETS) this.#resets.add(stream);
  }

  #authenticated(holder: string): void {
    if (this.#isAuthenticated) return;
    this.#isAuthenticated = true;
    this.#parts.unauthenticatedBudget?.release(this);
    this.#share = this.#isClosed ? undefined : this.#parts.heldBytes?.share(holder, { mayBeSlow: true });
    this.#frameRate.release(this);
    this.#frameRate = new FrameRateLimit({ perSecond: COST_PER_SECOND, now: this.#parts.now });
    this.#responseSlots.admitAll();
    this.#countMemory();
  }

  #countUnread(bytes: number): void {
    this.#unread += bytes;
    if (Math.abs(this.#unread - this.#counted) >= COUNT_STEP_BYTES) this.#countMemory();
  }

  /** Counts the memory of the connection. Closes the connection if that is too much. */
  #countMemory(): void {
    if (this.#isClosed) return;
    this.#counted = this.#unread;
    const bytes = this.#running.size * REQUEST_BYTES + this.#unread;
    if (!this.#isAuthenticated) {
      this.#parts.unauthenticatedBudget?.holds(this, bytes);
      if (this.#unread > MAX_UNAUTHENTICATED_UNREAD_BYTES) this.close();
    } else {
      const isTooMuch = this.#unread > MAX_UNREAD_BYTES && this.#running.size > 1;
      if (isTooMuch || this.#share?.mayHold(bytes) === false) this.close();
    }
  }
}

/** Returns the number that the proxy added. It is the last value: values of the client come before it. */
function streamOf(headers: Headers): number | undefined {
  const value = headers.get(STREAM_FIELD)?.split(", ").at(-1) ?? "";
  return /^[0-9]{1,10}$/.test(value) ? Number(value) : undefined;
}
