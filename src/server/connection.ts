/** One connection of a client. It answers the requests on it one after the other (RFC 9112). */

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
import type { HeldBytes, HeldShare } from "../limits/held_bytes.ts";
import { ClientOutput } from "./client_output.ts";
import { headFault } from "./head_fault.ts";
import { stallFault, StallTimer } from "./stall_timer.ts";
import type { UnauthenticatedBudget } from "./unauthenticated_budget.ts";
import { replyMessage } from "./reply_head.ts";
import { type ExchangeOwner, RunningExchange } from "./running_exchange.ts";
import type { ServedConnection } from "./served_connection.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";

/** The state of a connection, which chooses the timeout. */
type ConnectionState = "idle" | "head" | "exchange" | "closed";

/**
 * How much of an upload the proxy still reads after an early response, so that the client can read the
 * response.
 */
const LINGER_BYTES = 1024 * 1024;
const LINGER_MS = 1_000;
/**
 * How much a client may send ahead during a running request. Clients do not pipeline more, and the buffer
 * needs a limit.
 */
const MAX_AHEAD_BYTES = 256 * 1024;
/** Read-ahead up to this size is not counted: each connection has such a buffer anyway. */
const FREE_AHEAD_BYTES = 4 * 1024;
/**
 * How much of an unread body is buffered to notice a departure. Beyond that, the departure shows at the next
 * read.
 */
const MAX_UNREAD_BYTES = 64 * 1024;
/**
 * The memory for an upload of which the upstream takes nothing: a departure shows behind what the client has
 * sent, of which systems usually buffer 4 to 6 MB. The buffer doubles, so that it reads at least half as much.
 */
const MAX_STUCK_BYTES = 16 * 1024 * 1024;
const CONTINUE = encodeLatin1("HTTP/1.1 100 Continue\r\n\r\n");

/** What a connection needs from the server. */
export interface ConnectionParts {
  readonly handler: Handler;
  /** The address of the peer. A reverse proxy in front is the peer. */
  readonly peer: string;
  /** Whether the connection is encrypted. */
  readonly isTls?: boolean | undefined;
  /** What the port of the connection serves. */
  readonly entry: Entry;
  readonly limits: () => ConnectionLimits;
  /** The memory budget of all unauthenticated connections. Undefined if their memory is not counted. */
  readonly unauthenticatedBudget?: UnauthenticatedBudget | undefined;
  /** The memory that connections of authenticated clients share. Undefined if their memory is not counted. */
  readonly heldBytes?: HeldBytes | undefined;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/** A connection of a client over HTTP/1.1. */
export class ClientConnection implements ServedConnection, ReaderOwner, ExchangeOwner {
  readonly #connection: Deno.Conn;
  readonly #reader: ConnectionReader;
  readonly #handler: Handler;
  readonly #output: ByteOutput;
  /** Runs while the proxy waits for the client to take what is written. */
  readonly #sending: StallTimer;
  readonly #limits: () => ConnectionLimits;
  readonly #unauthenticatedBudget: UnauthenticatedBudget | undefined;
  readonly #heldBytes: HeldBytes | undefined;
  /** The memory that the connection holds. Undefined if the client is not authenticated. */
  #share: HeldShare | undefined;
  readonly #peer: string;
  readonly #isTls: boolean;
  readonly #entry: Entry;
  readonly clock: () => number;
  // The timeout for the first head begins when the client connects.
  #state: ConnectionState = "head";
  #served = 0;
  #since: number;
  #lastRequest = false;
  #current: RunningExchange | undefined;
  readonly #onAuthenticated = (holder: string): void => this.#authenticated(holder);
  #wasStuck = false;
  /** How much of the connection was taken when the reader of a body last stood still. */
  #stuckAt: number | undefined;
  /** Whether the connection holds the memory to read on behind such a body. */
  #readsBehind = false;
  /** Whether the client will probably send nothing during the next response: the last one was a stream. */
  #expectsStream = true;
  #isAuthenticated = false;

  constructor(
    connection: Deno.Conn,
    { handler, peer, isTls = false, entry, limits, unauthenticatedBudget, heldBytes, now }: ConnectionParts,
  ) {
    this.#connection = connection;
    this.#reader = new ConnectionReader(connection, this);
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

  /** Takes no further request. Closes an idle connection now, and a busy one after its response. */
  finish(): void {
    this.#lastRequest = true;
    if (this.#state === "idle" || this.#state === "head") this.close();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#enter("closed");
    closeQuietly(this.#connection);
  }

  /** Ends what has taken too long. One timer calls it from time to time on all connections. */
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
    } else this.#watchUpload(this.#current);
  }

  /**
   * Reads on behind an upload whose reader has taken nothing since the last call, because the upstream takes
   * nothing: only a read notices that the client has left.
   */
  #watchUpload(exchange: RunningExchange): void {
    const { body, isReadingBody, isTunnel } = exchange;
    // A reader that waits for the client reads the connection itself.
    const isStuck = isReadingBody && !isTunnel && body?.stall.isRunning !== true;
    const isStill = isStuck && this.#stuckAt === this.#taken;
    this.#stuckAt = isStuck ? this.#taken : undefined;
    if (isStill && this.#mayReadBehind()) this.#readBehind(exchange);
    else if (!isStill && this.#readsBehind) this.#endReadingBehind();
  }

  /**
   * Whether there is memory to read on until the departure shows. All of it is held at once: many uploads with a
   * part each would all get nowhere. The sender keeps room for its other connections.
   */
  #mayReadBehind(): boolean {
    this.#readsBehind ||= this.#share === undefined ||
      this.#share.mayHold(2 * MAX_STUCK_BYTES) && this.#share.mayHold(MAX_STUCK_BYTES);
    return this.#readsBehind;
  }

  #endReadingBehind(): void {
    this.#readsBehind = false;
    this.#share?.mayHold(0);
  }

  /** How many bytes of the connection were taken. */
  get #taken(): number {
    return this.#reader.received - this.#reader.available;
  }

  /** Reads the next bytes of an upload that stands still, within {@link MAX_STUCK_BYTES}. */
  #readBehind({ cancellation }: RunningExchange): void {
    if (this.#reader.isOver) cancellation.cancel(new ClientGone("the client left during its upload"));
    else if (this.#reader.available < MAX_STUCK_BYTES / 2) void this.#reader.readableBehind();
  }

  /**
   * Whether the exchange was cancelled, and the client has not taken what was being written since the last
   * call.
   */
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
      // The client left or the connection was closed, so no response can reach the client.
    } finally {
      this.close();
    }
  }

  /** Answers one request. False: the connection is done. */
  async #serveOne(): Promise<boolean> {
    if (this.#served++ > 0) this.#enter("idle");
    // The body of the last request has been read.
    this.#countAhead();
    // Other connections get a turn between the requests that a client sends ahead.
    if (this.#reader.available > 0) await nextTurn();
    while (this.#reader.available === 0) {
      if (this.#reader.isOver) return false;
      await this.#reader.readable();
    }
    let head: RequestHead;
    try {
      let raw = takeHead(this.#reader, this.#limits());
      if (raw === undefined) {
        this.#enter("head");
        raw = await readHead(this.#reader, this.#limits());
      }
      if (raw === null) return false;
      head = parseRequestHead(raw);
    } catch (error) {
      if (error instanceof HttpSyntaxError) await this.#reject(error);
      return false;
    }
    this.#enter("exchange");
    if (this.#state === "closed") return false;
    const exchange = new RunningExchange(head, this.#reader, this);
    const { cancellation, body } = exchange;
    this.#current = exchange;
    this.#stuckAt = undefined;
    this.#readsBehind = false;
    // Read-ahead may now be part of the body, so count again.
    this.#countAhead();
    this.#readOn(exchange);
    const reply = await this.#handler({
      method: head.method,
      target: head.target,
      fields: head.fields,
      body,
      peer: this.#peer,
      isTls: this.#isTls,
      onAuthenticated: this.#onAuthenticated,
      entry: this.#entry,
      cancellation,
    });
    try {
      if (reply.tunnel !== undefined) return await this.#tunnel(reply, reply.tunnel);
      const isRead = body === null || body.skipUnread();
      const persistent = head.persistent && isRead && !this.#lastRequest;
      this.#expectsStream = isStream(reply);
      const { message, closes } = replyMessage(reply, head, { persistent });
      await writeMessage(this.#output, message);
      if (!isRead) await this.#linger();
      return !closes && !this.#lastRequest;
    } catch (error) {
      // The end of the connection shows the client that the response is incomplete.
      cancellation.cancel(new ClientGone("the client left"));
      throw error;
    } finally {
      this.#current = undefined;
      discardReply(reply);
    }
  }

  #authenticated(holder: string): void {
    this.#isAuthenticated = true;
    if (this.#state !== "closed") this.#share ??= this.#heldBytes?.share(holder, { mayBeSlow: true });
    this.#countAhead();
  }

  /** Counts the memory for unread bytes of the client. Closes the connection if that is too much. */
  #countAhead(): void {
    const bytes = this.#reader.available > FREE_AHEAD_BYTES ? this.#reader.capacity : 0;
    if (this.#share?.mayHold(bytes) !== false) return;
    this.#lastRequest = true;
    this.#current?.cancellation.cancel(new ClientGone("the client sent too much during running requests"));
    this.close();
  }

  /** What the memory of the connection grows to, for the budget of unauthenticated connections. */
  grows(capacity: number): void {
    if (this.#state !== "closed") this.#unauthenticatedBudget?.holds(this, capacity);
  }

  /** Bytes have arrived, or the connection is over. */
  hasRead(): void {
    const exchange = this.#current;
    if (exchange === undefined || exchange.isTunnel) return;
    if (exchange.isReadingBody) {
      if (this.#readsBehind && this.#stuckAt === this.#taken) this.#readBehind(exchange);
      return;
    }
    if (!this.#reader.isOver) this.#countAhead();
    this.#readOn(exchange);
  }

  bodyEnded(exchange: RunningExchange): void {
    if (exchange === this.#current) this.#readOn(exchange);
  }

  sendContinue(): Promise<void> {
    return writeAll(this.#output, CONTINUE);
  }

  /**
   * Reads on while a request is answered, because only a read notices that the client has left. Keeps what
   * arrives: the beginning of a body that waits for its reader, or the next requests within {@link
   * MAX_AHEAD_BYTES}.
   */
  #readOn(exchange: RunningExchange): void {
    if (exchange.isReadingBody || exchange.isTunnel) return;
    if (this.#reader.isOver) exchange.cancellation.cancel(new ClientGone("the client left"));
    else if (exchange.isUnread) {
      if (this.#reader.available < MAX_UNREAD_BYTES) this.#watch(exchange);
    } else if (this.#reader.available > MAX_AHEAD_BYTES) {
      this.#lastRequest = true;
      const reason = `the client sent more than ${MAX_AHEAD_BYTES} bytes during a running request`;
      exchange.cancellation.cancel(new ClientGone(reason));
    } else this.#watch(exchange);
  }

  /** A client of short responses soon sends its next request, which the usual buffer takes at once. */
  #watch(exchange: RunningExchange): void {
    if (this.#expectsStream && exchange.hasArrived(this.#reader.available)) {
      void this.#reader.readableQuietly();
    } else void this.#reader.readableBehind();
  }

  /** Hands the connection to another protocol. The connection ends with it. */
  async #tunnel(
    { status, reason, fields }: OutgoingReply,
    tunnel: Tunnel,
  ): Promise<false> {
    // From now on the tunnel reads, and notices when the client leaves.
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

  /**
   * Reads on before the close. The system resets a connection that is closed with unread bytes, and the
   * client would lose the response.
   */
  async #linger(): Promise<void> {
    const timer = setTimeout(() => this.close(), LINGER_MS);
    try {
      await this.#connection.closeWrite();
      const limit = this.#reader.received + LINGER_BYTES;
      while (this.#reader.received < limit && !this.#reader.isOver) {
        await this.#reader.readable();
        this.#reader.consume(this.#reader.available);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #enter(state: ConnectionState): void {
    if (this.#state === "closed") return;
    this.#state = state;
    this.#since = this.clock();
    if (state === "closed") {
      this.#unauthenticatedBudget?.release(this);
      this.#share?.release();
    } else this.#unauthenticatedBudget?.holds(this, this.#reader.capacity);
  }
}

/** Whether the response has no known length, as a stream has. */
function isStream({ body }: OutgoingReply): boolean {
  return body !== null && body.length === undefined;
}
