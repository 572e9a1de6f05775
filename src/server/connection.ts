/** One client's connection: requests in, answers out, one after the other (RFC 9112). */

import { Cancellation, ClientGone } from "../cancellation.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { ChunkedBody, CountedBody, UntilCloseBody } from "../http/body.ts";
import { closeQuietly } from "../streams/close_quietly.ts";
import { HeadTooLarge, readHead } from "../http/head.ts";
import { discardReply, type Entry, type Handler, type OutgoingReply, type Tunnel } from "../http/message.ts";
import { ConnectionReader } from "../http/reader.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";
import { nextTurn, TurnCount } from "../streams/turn.ts";
import { type ByteOutput, writeAll, writeMessage } from "../http/writer.ts";
import { encodeLatin1 } from "../http/latin1.ts";
import type { HeldBytes, HeldShare } from "../limits/held_bytes.ts";
import { ClientWait, overdueOf } from "./client_wait.ts";
import type { StrangerBudget } from "./stranger_budget.ts";
import { frameReply } from "./reply_head.ts";
import { RequestBody } from "./request_body.ts";
import type { ServedConnection } from "./served_connection.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";

/** What a connection is doing, which decides how long it may take. */
type ConnectionState = "idle" | "head" | "exchange" | "closed";

/** After an early answer so much of an upload is still taken, so that the client gets to read the answer. */
const LINGER_BYTES = 1024 * 1024;
const LINGER_MS = 1_000;
/** A client may send this much behind a running request; nobody pipelines more, and the buffer has to end somewhere. */
const MAX_AHEAD_BYTES = 256 * 1024;
/** So much of it is not counted: every connection has a buffer of that size. */
const FREE_AHEAD_BYTES = 4 * 1024;
/**
 * The most of a body that is buffered before the handler reads it. If a client sent more and left, the proxy
 * notices when it reads the body.
 */
const MAX_UNREAD_BYTES = 64 * 1024;
const CONTINUE = encodeLatin1("HTTP/1.1 100 Continue\r\n\r\n");

/** What a connection is served with. */
export interface ConnectionParts {
  readonly handler: Handler;
  /** The address it comes from. */
  readonly peer: string;
  /** The connection is encrypted. */
  readonly isTls?: boolean | undefined;
  /** What the port serves that it came by. */
  readonly entry: Entry;
  readonly limits: () => ConnectionLimits;
  /** Of all connections; undefined: nothing is counted. */
  readonly strangers?: StrangerBudget | undefined;
  /** The memory that connections of clients with a token share; undefined: nothing is counted. */
  readonly heldBytes?: HeldBytes | undefined;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/** A client's connection. */
export class ClientConnection implements ServedConnection {
  readonly #connection: Deno.Conn;
  readonly #reader: ConnectionReader;
  readonly #handler: Handler;
  readonly #output: ByteOutput;
  /** For the client to take what is written. */
  readonly #sending: ClientWait;
  readonly #limits: () => ConnectionLimits;
  readonly #strangers: StrangerBudget | undefined;
  readonly #heldBytes: HeldBytes | undefined;
  /** What the connection holds of the memory for clients. Undefined: its client has not shown a token. */
  #share: HeldShare | undefined;
  readonly #peer: string;
  readonly #isTls: boolean;
  readonly #entry: Entry;
  readonly #now: () => number;
  // Whoever connects has something to ask: the time for the first head begins now.
  #state: ConnectionState = "head";
  #served = 0;
  #since: number;
  #lastRequest = false;
  #current: { readonly cancellation: Cancellation; readonly body: RequestBody | null } | undefined;
  /** The exchange during which the connection is read for a departure alone. */
  #watched: Cancellation | undefined;
  #isWatching = false;
  #cutSeen = false;
  #isAuthenticated = false;

  constructor(
    connection: Deno.Conn,
    { handler, peer, isTls = false, entry, limits, strangers, heldBytes, now }: ConnectionParts,
  ) {
    this.#connection = connection;
    this.#reader = new ConnectionReader(connection, (capacity) => {
      if (this.#state !== "closed") strangers?.holds(this, capacity);
    });
    const sending = this.#sending = new ClientWait(now);
    const turn = new TurnCount();
    this.#output = {
      write: (bytes) => turn.after(sending.for(connection.write(bytes)), bytes.length),
    };
    this.#handler = handler;
    this.#limits = limits;
    this.#strangers = strangers;
    this.#heldBytes = heldBytes;
    this.#peer = peer;
    this.#isTls = isTls;
    this.#entry = entry;
    this.#now = now;
    this.#since = now();
  }

  get idleSince(): number | undefined {
    return this.#state === "exchange" ? undefined : this.#since;
  }

  get stateSince(): number {
    return this.#since;
  }

  get owesSince(): number | undefined {
    return this.#sending.since;
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** No further request is taken: an idle connection closes now, a busy one after its answer. */
  finish(): void {
    this.#lastRequest = true;
    if (this.#state === "idle" || this.#state === "head") this.close();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#enter("closed");
    closeQuietly(this.#connection);
  }

  /** Ends what has taken too long. Asked from time to time, for all connections by one timer. */
  endOverdue(): void {
    const limits = this.#limits();
    const lasted = this.#now() - this.#since;
    if (this.#state === "idle" && lasted > limits.idleMs) return this.close();
    if (this.#state === "head" && lasted > limits.headMs) return this.close();
    if (this.#state !== "exchange" || this.#current === undefined) return;
    const { body, cancellation } = this.#current;
    const overdue = overdueOf({ sending: this.#sending, uploading: body?.wait }, limits);
    if (overdue instanceof ProxyFault) {
      cancellation.cancel(overdue);
      body?.wait.giveUp(overdue);
    } else if (overdue !== undefined) this.#leave(overdue);
    else if (this.#isStuck(cancellation)) {
      this.#leave(new ClientGone("the client did not take the end of its answer"));
    }
  }

  /** Whether the exchange was cut and the client still has not taken what was being written, at the second look. */
  #isStuck(cancellation: Cancellation): boolean {
    const wasCut = this.#cutSeen;
    this.#cutSeen = cancellation.reason !== undefined && this.#sending.isUnderWay;
    return wasCut && this.#cutSeen;
  }

  #leave(reason: ClientGone): void {
    this.#current?.cancellation.cancel(reason);
    this.#sending.giveUp(reason);
    this.close();
  }

  /** Serves until the connection ends, by whichever side. Never throws. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveOne()) { /* the next request */ }
    } catch {
      // The client went away or the connection was closed: nobody is left to be told.
    } finally {
      this.close();
    }
  }

  /** One request and its answer; false when the connection is done. */
  async #serveOne(): Promise<boolean> {
    if (this.#served++ > 0) this.#enter("idle");
    // A client that sends requests ahead waits for others between them.
    if (this.#reader.buffered.length > 0) await nextTurn();
    if (this.#reader.buffered.length === 0 && !await this.#reader.fill()) return false;
    this.#enter("head");
    let head: RequestHead;
    try {
      const raw = await readHead(this.#reader, this.#limits());
      if (raw === null) return false;
      head = parseRequestHead(raw);
    } catch (error) {
      if (error instanceof HttpSyntaxError) await this.#refuse(error);
      return false;
    }
    this.#enter("exchange");
    if (this.#state === "closed") return false;
    const cancellation = new Cancellation();
    const body = this.#requestBody(head, cancellation);
    this.#current = { cancellation, body };
    // What was counted may have been read.
    this.#countAhead();
    if (body === null) this.#watchForDeparture(cancellation);
    else void this.#watchUnread(body, cancellation);
    const reply = await this.#handler({
      method: head.method,
      target: head.target,
      fields: head.fields,
      body,
      peer: this.#peer,
      isTls: this.#isTls,
      onAuthenticated: (holder) => this.#authenticated(holder),
      entry: this.#entry,
      cancellation,
    });
    try {
      return await this.#reply(reply, { head, body });
    } catch (error) {
      // The end of the connection is what tells the client that an answer is not whole.
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

  /** Counts what the client has sent that nobody reads yet. Ends the connection where that is too much. */
  #countAhead(): void {
    const bytes = this.#reader.buffered.length > FREE_AHEAD_BYTES ? this.#reader.capacity : 0;
    if (this.#share?.mayHold(bytes) !== false) return;
    this.#lastRequest = true;
    this.#current?.cancellation.cancel(new ClientGone("the client sent too much behind running requests"));
    this.close();
  }

  #requestBody({ framing, expectsContinue }: RequestHead, cancellation: Cancellation): RequestBody | null {
    if (framing.kind === "absent") return null;
    const [framed, length] = framing.kind === "chunked"
      ? [new ChunkedBody(this.#reader), undefined]
      : [new CountedBody(this.#reader, framing.length), framing.length];
    return new RequestBody(framed, length, {
      onWanted: () => expectsContinue ? writeAll(this.#output, CONTINUE) : Promise.resolve(),
      now: this.#now,
      onEnd: () => this.#watchForDeparture(cancellation),
      onBroken: (error) =>
        cancellation.cancel(
          error instanceof ProxyFault
            ? error
            : error instanceof HttpSyntaxError
            ? new ProxyFault("bad_request", `The request's body is malformed: ${error.message}.`)
            : new ClientGone("the client left within its upload"),
        ),
    });
  }

  /**
   * Reads on while a request is answered, since only a read notices that the client has left. What comes is kept for
   * the next request, within {@link MAX_AHEAD_BYTES}.
   */
  #watchForDeparture(cancellation: Cancellation): void {
    this.#watched = cancellation;
    if (!this.#isWatching) void this.#watch();
  }

  /**
   * Reads the beginning of the body while the request waits for a slot: only a read shows that the
   * client has left. Never rejects.
   */
  async #watchUnread(body: RequestBody, cancellation: Cancellation): Promise<void> {
    const isUnread = (): boolean => this.#current?.cancellation === cancellation && !body.isStarted;
    while (isUnread() && this.#reader.buffered.length < MAX_UNREAD_BYTES) {
      const more = await this.#reader.fillBehind().catch(() => false);
      if (more) {
        if (isUnread()) this.#countAhead();
        continue;
      }
      if (isUnread()) cancellation.cancel(new ClientGone("the client left"));
      return;
    }
  }

  /**
   * One for all requests: to wait for the same read once more for each of thousands that were sent ahead would
   * take many
   * times the memory of their bytes. Never rejects.
   */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    for (let watched = this.#watchedNow(); watched !== undefined; watched = this.#watchedNow()) {
      if (this.#reader.buffered.length > MAX_AHEAD_BYTES) {
        this.#lastRequest = true;
        const reason = `the client sent more than ${MAX_AHEAD_BYTES} bytes behind a running request`;
        watched.cancel(new ClientGone(reason));
        break;
      }
      const more = await this.#reader.fillBehind().catch(() => false);
      if (more) {
        if (this.#watchedNow() !== undefined) this.#countAhead();
        continue;
      }
      this.#watchedNow()?.cancel(new ClientGone("the client left"));
      break;
    }
    this.#isWatching = false;
  }

  /** The running exchange, if the connection is read for its sake. */
  #watchedNow(): Cancellation | undefined {
    return this.#current?.cancellation === this.#watched ? this.#watched : undefined;
  }

  async #reply(
    reply: OutgoingReply,
    { head, body }: { head: RequestHead; body: RequestBody | null },
  ): Promise<boolean> {
    if (reply.tunnel !== undefined) return await this.#tunnel(reply, reply.tunnel);
    const isRead = body === null || body.passOver();
    const persistent = head.persistent && isRead && !this.#lastRequest;
    const { message, closes } = frameReply(reply, head, { persistent });
    await writeMessage(this.#output, message);
    if (!isRead) await this.#linger();
    return !closes && !this.#lastRequest;
  }

  /** The connection goes over to another protocol, and ends with it. */
  async #tunnel(
    { status, reason, fields }: OutgoingReply,
    tunnel: Tunnel,
  ): Promise<false> {
    // The tunnel reads from now on, and notices by itself that the client has left.
    this.#watched = undefined;
    const startLine = `HTTP/1.1 ${status} ${reason}`;
    await writeMessage(this.#output, { startLine, fields, body: { kind: "none" } });
    await tunnel.run({ source: new UntilCloseBody(this.#reader), output: this.#output });
    await this.#linger();
    return false;
  }

  async #refuse(error: HttpSyntaxError): Promise<void> {
    const fault = error instanceof HeadTooLarge
      ? new ProxyFault("headers_too_large", `The request's head is too large: ${error.message}.`)
      : new ProxyFault("bad_request", `The request is not proper HTTP/1.1: ${error.message}.`);
    const reply = faultReply(fault, { dialect: "generic", requestId: "none" });
    const { message } = frameReply(reply, { method: "GET", minor: 1 }, { persistent: false });
    await writeMessage(this.#output, message);
    await this.#linger();
  }

  /** A connection closed with unread bytes is reset, which would take the answer from the client. */
  async #linger(): Promise<void> {
    const timer = setTimeout(() => this.close(), LINGER_MS);
    try {
      await this.#connection.closeWrite();
      const limit = this.#reader.received + LINGER_BYTES;
      while (this.#reader.received < limit && await this.#reader.fill()) {
        this.#reader.consume(this.#reader.buffered.length);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #enter(state: ConnectionState): void {
    if (this.#state === "closed") return;
    this.#state = state;
    this.#since = this.#now();
    if (state === "closed") {
      this.#strangers?.release(this);
      this.#share?.release();
    } else this.#strangers?.holds(this, this.#reader.capacity);
  }
}
