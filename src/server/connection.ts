/** One HTTP/1.1 connection of a client. Its requests run one after the other (RFC 9112). */

import { type Cancellation, ClientGone } from "../cancellation.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { UntilCloseBody } from "../http/body.ts";
import { closeQuietly } from "../streams/close_quietly.ts";
import { readHead, takeHead } from "../http/head.ts";
import { discardReply, type Entry, type Handler, type OutgoingReply, type Tunnel } from "../http/message.ts";
import { ConnectionReader, type ReaderOwner } from "../http/reader.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";
import { nextTurn } from "../streams/turn.ts";
import { type ByteOutput, writeAll, writeMessage } from "../http/writer.ts";
import { encodeLatin1 } from "../http/latin1.ts";
import type { HeldBytes, HeldShare } from "../capacity/held_bytes.ts";
import { ClientOutput } from "./client_output.ts";
import { DepartureWatch, type WatchedConnection } from "./departure_watch.ts";
import { headFault } from "./head_fault.ts";
import { linger } from "./linger.ts";
import { stallFault, StallTimer } from "./stall_timer.ts";
import type { UnauthenticatedBudget } from "./unauthenticated_budget.ts";
import { replyMessage } from "./reply_head.ts";
import { ConnectionExchange, type ExchangeOwner } from "./connection_exchange.ts";
import { internalFault, internalReply, isBug } from "./server_error.ts";
import type { ServedConnection } from "./served_connection.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";

/** The state of a connection, which chooses the timeout. */
type ConnectionState = "idle" | "head" | "exchange" | "closed";

/**
 * Up to this size, bytes that were read ahead are not counted, because each connection has such a buffer
 * anyway.
 */
const FREE_AHEAD_BYTES = 4 * 1024;
const CONTINUE = encodeLatin1("HTTP/1.1 100 Continue\r\n\r\n");

/** The parts of the server that a {@link ClientConnection} uses. */
export interface ConnectionParts {
  readonly handler: Handler;
  /** The address of the peer. If a reverse proxy is in front, the peer is that proxy. */
  readonly peer: string;
  /** Whether the connection is encrypted. */
  readonly isTls?: boolean | undefined;
  /** The routes that the port of the connection serves. */
  readonly entry: Entry;
  readonly limits: () => ConnectionLimits;
  /** The memory budget of all unauthenticated connections. `undefined` if their memory is not counted. */
  readonly unauthenticatedBudget?: UnauthenticatedBudget | undefined;
  /**
   * The memory that connections of authenticated clients share. `undefined` if their memory is not counted.
   */
  readonly heldBytes?: HeldBytes | undefined;
  /** Returns milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Called with an error that is a bug. `undefined` if nothing is logged. */
  readonly onUnexpected?: ((error: unknown) => void) | undefined;
}

/** A connection of a client over HTTP/1.1. */
export class ClientConnection implements ServedConnection, ReaderOwner, ExchangeOwner, WatchedConnection {
  readonly #connection: Deno.Conn;
  readonly #reader: ConnectionReader;
  readonly #output: ByteOutput;
  /** Measures how long the client does not take what the proxy writes. */
  readonly #sending: StallTimer;
  readonly #watch: DepartureWatch;
  readonly #handler: Handler;
  readonly #limits: () => ConnectionLimits;
  readonly #unauthenticatedBudget: UnauthenticatedBudget | undefined;
  readonly #heldBytes: HeldBytes | undefined;
  readonly #peer: string;
  readonly #isTls: boolean;
  readonly #entry: Entry;
  readonly #onUnexpected: ((error: unknown) => void) | undefined;
  readonly #onAuthenticated = (holder: string): void => this.#authenticated(holder);
  readonly clock: () => number;
  // The timeout for the first head begins when the client connects.
  #state: ConnectionState = "head";
  /** When the present state began, in milliseconds of the monotonic clock. */
  #since: number;
  /** The number of requests so far. */
  #served = 0;
  #current: ConnectionExchange | undefined;
  /** Whether the connection is closed after the present request. */
  #isLast = false;
  #isAuthenticated = false;
  #share: HeldShare | undefined;
  /** The bytes of a long reply in memory that the client has not taken. */
  #replyBytes = 0;
  /**
   * Whether the response of a cancelled exchange made no progress before the last call of {@link endOverdue}.
   */
  #wasStuck = false;

  constructor(
    connection: Deno.Conn,
    parts: ConnectionParts,
  ) {
    const { handler, peer, isTls = false, entry, limits, unauthenticatedBudget, heldBytes, now } = parts;
    this.#onUnexpected = parts.onUnexpected;
    this.#connection = connection;
    this.#reader = new ConnectionReader(connection, this);
    this.#watch = new DepartureWatch(this.#reader, this);
    this.#sending = new StallTimer(now);
    this.#output = new ClientOutput(connection, this.#sending);
    this.#handler = handler;
    this.#limits = limits;
    this.#unauthenticatedBudget = unauthenticatedBudget;
    this.#heldBytes = heldBytes;
    this.#peer = peer;
    this.#isTls = isTls;
    this.#entry = entry;
    this.clock = now;
    this.#since = now();
  }

  get idleSince(): number | undefined {
    return this.#state === "exchange" ? undefined : this.#since;
  }

  get stateSince(): number {
    return this.#since;
  }

  get unreadSince(): number | undefined {
    return this.#sending.since;
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** Accepts no further request. Closes an idle connection now, and a busy one after its response. */
  finish(): void {
    this.#isLast = true;
    if (this.#state === "idle" || this.#state === "head") this.close();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#enter("closed");
    closeQuietly(this.#connection);
  }

  /**
   * Ends an exchange or a wait that has exceeded its timeout. One timer calls it at intervals for all
   * connections.
   */
  endOverdue(): void {
    const limits = this.#limits();
    const lasted = this.clock() - this.#since;
    if (this.#state === "idle" && lasted > limits.idleMs) return this.close();
    if (this.#state === "head" && lasted > limits.headMs) return this.close();
    if (this.#state !== "exchange" || this.#current === undefined) return;
    const { body, cancellation } = this.#current;
    const overdue = stallFault({ sending: this.#sending, uploading: body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      cancellation.cancel(overdue);
      body?.reject(overdue);
    } else if (overdue !== undefined) this.#leave(overdue);
    else if (this.#isStuck(cancellation)) {
      this.#leave(new ClientGone("the client did not read the end of the response"));
    } else this.#watch.checkUpload(this.#current);
  }

  /** Whether the exchange was cancelled, and the client has taken no bytes since the last call. */
  #isStuck(cancellation: Cancellation): boolean {
    const wasStuck = this.#wasStuck;
    this.#wasStuck = cancellation.reason !== undefined && this.#sending.isRunning;
    return wasStuck && this.#wasStuck;
  }

  #leave(reason: ClientGone): void {
    this.#current?.cancellation.cancel(reason);
    this.close();
  }

  /** Serves until either side ends the connection. Never throws. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveOne()) { /* the next request */ }
    } catch {
      // The client has left, or the connection was closed. So no response can reach the client. A bug was
      // already reported.
    } finally {
      this.close();
    }
  }

  /** Handles one request. Resolves to `false` if no further request can follow. */
  async #serveOne(): Promise<boolean> {
    if (this.#served++ > 0) this.#enter("idle");
    const head = await this.#nextHead();
    if (head === undefined) return false;
    this.#enter("exchange");
    if (this.#state === "closed") return false;
    const exchange = this.#begin(head);
    const { cancellation, body } = exchange;
    const reply = await this.#replyTo(head, exchange);
    try {
      if (reply.tunnel !== undefined) return await this.#tunnel(reply, reply.tunnel);
      const isRead = body === null || body.skipUnread();
      const persistent = head.persistent && isRead && !this.#isLast;
      this.#watch.expectsStream = isStream(reply);
      const { message, closes } = replyMessage(reply, head, { persistent });
      const { body: replyBody } = reply;
      if (replyBody instanceof Uint8Array && replyBody.length > FREE_AHEAD_BYTES) {
        this.#replyBytes = replyBody.length;
        this.#countAhead();
      }
      await writeMessage(this.#output, message);
      if (!isRead) await this.#linger();
      return !closes && !this.#isLast;
    } catch (error) {
      // The connection is closed, which shows the client that the response is incomplete.
      if (isBug(error)) {
        this.#onUnexpected?.(error);
        cancellation.cancel(internalFault(error));
      } else cancellation.cancel(new ClientGone("the client left"));
      throw error;
    } finally {
      this.#current = undefined;
      this.#replyBytes = 0;
      discardReply(reply);
    }
  }

  async #replyTo(
    { method, target, fields }: RequestHead,
    exchange: ConnectionExchange,
  ): Promise<OutgoingReply> {
    try {
      return await this.#handler({
        method,
        target,
        fields,
        body: exchange.body,
        peer: this.#peer,
        isTls: this.#isTls,
        onAuthenticated: this.#onAuthenticated,
        entry: this.#entry,
        cancellation: exchange.cancellation,
      });
    } catch (error) {
      this.#onUnexpected?.(error);
      this.#isLast = true;
      return internalReply(error);
    }
  }

  /**
   * Reads the head of the next request, and rejects an invalid one. Resolves to `undefined` if no valid head
   * follows.
   */
  async #nextHead(): Promise<RequestHead | undefined> {
    // The body of the previous request has been read, so the buffer has only bytes that the client sent
    // ahead.
    this.#countAhead();
    // Between requests that a client sends ahead, other connections get a turn.
    if (this.#reader.available > 0) await nextTurn();
    while (this.#reader.available === 0) {
      if (this.#reader.isOver) return undefined;
      await this.#reader.readable();
    }
    try {
      let raw = takeHead(this.#reader, this.#limits());
      if (raw === undefined) {
        this.#enter("head");
        raw = await readHead(this.#reader, this.#limits());
      }
      return raw === null ? undefined : parseRequestHead(raw);
    } catch (error) {
      if (error instanceof HttpSyntaxError) await this.#reject(error);
      return undefined;
    }
  }

  #begin(head: RequestHead): ConnectionExchange {
    const exchange = new ConnectionExchange(head, this.#reader, this);
    this.#current = exchange;
    this.#watch.reset();
    // Some of the bytes that were read ahead may belong to the body of this request, so they are counted
    // again.
    this.#countAhead();
    this.#watch.readOn(exchange);
    return exchange;
  }

  /** Hands the connection over to another protocol. The connection is closed when that protocol ends. */
  async #tunnel(
    { status, reason, fields }: OutgoingReply,
    tunnel: Tunnel,
  ): Promise<false> {
    // From now on, the tunnel reads the connection and notices when the client leaves.
    if (this.#current !== undefined) this.#current.isTunnel = true;
    const startLine = `HTTP/1.1 ${status} ${reason}`;
    await writeMessage(this.#output, { startLine, fields, body: { kind: "none" } });
    await tunnel.run({ source: new UntilCloseBody(this.#reader), output: this.#output });
    await this.#linger();
    return false;
  }

  async #reject(error: HttpSyntaxError): Promise<void> {
    const reply = faultReply(headFault(error, "HTTP/1.1"), { dialect: "generic", requestId: "none" });
    const { message } = replyMessage(reply, { method: "GET", minor: 1 }, { persistent: false });
    await writeMessage(this.#output, message);
    await this.#linger();
  }

  #linger(): Promise<void> {
    return linger(this.#connection, { reader: this.#reader, close: () => this.close() });
  }

  // The methods of ReaderOwner, which the reader calls:

  /** Counts the new size of the buffer in the budget of unauthenticated connections. */
  onGrow(capacity: number): void {
    if (this.#state !== "closed") this.#unauthenticatedBudget?.setHeld(this, capacity);
  }

  /** Called when bytes have arrived, or the connection is over. */
  onRead(): void {
    const exchange = this.#current;
    if (exchange === undefined || exchange.isTunnel) return;
    if (exchange.isReadingBody) return this.#watch.uploadArrived(exchange);
    if (!this.#reader.isOver) this.#countAhead();
    this.#watch.readOn(exchange);
  }

  // The methods of ExchangeOwner, which the exchange calls:

  bodyEnded(exchange: ConnectionExchange): void {
    if (exchange === this.#current) this.#watch.readOn(exchange);
  }

  sendContinue(): Promise<void> {
    return writeAll(this.#output, CONTINUE);
  }

  // The members of WatchedConnection, which the departure watch uses:

  /**
   * The memory that this connection holds. `undefined` if the client is not authenticated, or if memory is
   * not counted.
   */
  get share(): HeldShare | undefined {
    return this.#share;
  }

  onSentTooMuch(): void {
    this.#isLast = true;
  }

  #authenticated(holder: string): void {
    this.#isAuthenticated = true;
    if (this.#state !== "closed") this.#share ??= this.#heldBytes?.share(holder, { mayBeSlow: true });
    this.#countAhead();
  }

  /**
   * Counts the memory for bytes that the client sent ahead, and for a reply that it does not read. Closes the
   * connection if there are too many bytes.
   */
  #countAhead(): void {
    const ahead = this.#reader.available > FREE_AHEAD_BYTES ? this.#reader.capacity : 0;
    if (this.#share?.tryHold(ahead + this.#replyBytes) !== false) return;
    this.#isLast = true;
    this.#current?.cancellation.cancel(
      new ClientGone("the client sent too much, or read too little, during running requests"),
    );
    this.close();
  }

  #enter(state: ConnectionState): void {
    if (this.#state === "closed") return;
    this.#state = state;
    this.#since = this.clock();
    if (state === "closed") {
      this.#unauthenticatedBudget?.release(this);
      this.#share?.release();
    } else this.#unauthenticatedBudget?.setHeld(this, this.#reader.capacity);
  }
}

/** Whether the length of the response is not known, as in a stream. */
function isStream({ body }: OutgoingReply): boolean {
  return body !== null && body.length === undefined;
}
