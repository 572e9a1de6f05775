import { ClientGone } from "../../cancellation.ts";
import { writeAll } from "../../http/writer.ts";
import type { HeldShare } from "../../limits/held_bytes.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import type { ConnectionParts } from "../connection.ts";
import type { ServedConnection } from "../served_connection.ts";
import { ClientFrames, STREAM_FIELD } from "./client_frames.ts";
import { Http2Exchange } from "./exchange.ts";
import { FrameTurns } from "./frame_turns.ts";
import { ServerFrames } from "./server_frames.ts";
import { AnswerRoom } from "./answer_room.ts";

/** A client's connection, and the one that leads it to the server over loopback. */
export interface Http2Ends {
  readonly client: Deno.Conn;
  readonly near: Deno.Conn;
  /** Shared by all clients that have shown no token. */
  readonly strangerTurns: FrameTurns;
  /** Called once both have ended. */
  readonly onEnd: () => void;
}

/** What a running request takes beside the bytes of its answer. */
const REQUEST_BYTES = 16 * 1024;
/** A connection whose client has shown no token is closed when it owes more than this. */
const MOST_STRANGER_BYTES = 512 * 1024;
/** A connection with several untaken answers is closed when they are more than this together. */
const MOST_KNOWN_BYTES = 16 * 1024 * 1024;
/** Beyond this the proxy gives the runtime only a little of each answer before the client has taken it. */
const CROWDED_BYTES = 256 * 1024;
/** The memory for answers is counted again after so many bytes. */
const COUNT_STEP_BYTES = 64 * 1024;
/** Frames and fields in a second that a client with a token may send on a connection. */
const KNOWN_COST_PER_SECOND = 100_000;
/** What is read at once of a client that has shown no token, and of others. */
const STRANGER_PIECE_BYTES = 4 * 1024;
const PIECE_BYTES = 64 * 1024;
/** The runtime ends a connection sooner than that. */
const MOST_RESETS = 1_000;
/** The most fields of a header block that is still counted and rejected with an answer. */
const USUAL_BLOCK_FIELDS = 1_000;

/** One client's connection over HTTP/2; each of its streams is a request. */
export class Http2Connection implements ServedConnection {
  readonly #ends: Http2Ends;
  readonly #parts: ConnectionParts;
  /** By the number of the stream. */
  readonly #running = new Map<number, Http2Exchange>();
  /** Streams that were reset before the runtime has brought their requests. */
  readonly #resets = new Set<number>();
  #lastAnswered = 0;
  #idleSince: number;
  /** When the first of the requests began that are running without a pause between them. */
  #busySince = 0;
  #isAuthenticated = false;
  #isClosed = false;
  readonly #room = new AnswerRoom();
  readonly #clientFrames: ClientFrames;
  readonly #serverFrames: ServerFrames;
  #turns: FrameTurns;
  /** Bytes of answers that the client has not taken. */
  #owed = 0;
  #counted = 0;
  #share: HeldShare | undefined;

  constructor(ends: Http2Ends, parts: ConnectionParts) {
    this.#ends = ends;
    this.#parts = parts;
    this.#turns = ends.strangerTurns;
    this.#idleSince = parts.now();
    this.#clientFrames = new ClientFrames({
      onReset: (stream) => this.#reset(stream),
      onTooManyFields: () => this.close(),
    }, { maxBlockFields: () => Math.max(USUAL_BLOCK_FIELDS, 2 * parts.limits().maxHeadFields) });
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

  /** The answer that waits the longest. */
  get owesSince(): number | undefined {
    let longest: number | undefined;
    for (const { owesSince } of this.#running.values()) {
      if (owesSince !== undefined && owesSince < (longest ?? Infinity)) longest = owesSince;
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

  /** The gateway says goodbye for all of them. */
  finish(): void {}

  close(): void {
    this.#isClosed = true;
    this.#room.close();
    this.#turns.leave(this);
    for (const exchange of [...this.#running.values()]) exchange.leave(new ClientGone("the client left"));
    this.#share?.release();
    closeQuietly(this.#ends.client);
    closeQuietly(this.#ends.near);
  }

  /** Carries bytes until the connection ends, by whichever side. Never throws. */
  async serve(): Promise<void> {
    await Promise.all([this.#carryIn(), this.#carryOut()]);
    this.#parts.strangers?.release(this);
    this.#ends.onEnd();
  }

  async #carryIn(): Promise<void> {
    const { client, near } = this.#ends;
    let buffer = new Uint8Array(STRANGER_PIECE_BYTES);
    try {
      while (true) {
        if (this.#isAuthenticated && buffer.length < PIECE_BYTES) buffer = new Uint8Array(PIECE_BYTES);
        const count = await client.read(buffer);
        if (count === null) break;
        const frames = this.#clientFrames.pass(buffer.subarray(0, count));
        const turn = this.#turns.take(this, this.#clientFrames.takeCost());
        if (turn !== undefined) await turn;
        await writeAll(near, frames);
      }
    } catch {
      // One of them has been closed or has failed: the other one follows.
    }
    this.close();
  }

  async #carryOut(): Promise<void> {
    const { client, near } = this.#ends;
    const buffer = new Uint8Array(PIECE_BYTES);
    try {
      for (let count = await near.read(buffer); count !== null; count = await near.read(buffer)) {
        const frames = buffer.subarray(0, count);
        await writeAll(client, frames);
        this.#serverFrames.pass(frames);
      }
    } catch {
      // One of them has been closed or has failed: the other one follows.
    }
    this.close();
  }

  /** Answers one of its requests. */
  async answer(request: Request): Promise<Response> {
    const stream = streamOf(request.headers);
    // Only a header block that the runtime understands in another way than the proxy has no number.
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
      isKnown: () => this.#isAuthenticated,
      enter: () => this.#room.enter(),
      onLeft: () => this.#room.ended(),
      isCrowded: () => this.#owed > CROWDED_BYTES,
      onOwed: (bytes) => this.#owes(bytes),
      onEnd: () => {
        this.#running.delete(stream);
        this.#idleSince = now();
        this.#hold();
      },
    });
    if (this.#running.size === 0) this.#busySince = now();
    this.#running.set(stream, exchange);
    if (this.#resets.has(stream)) exchange.wasReset();
    this.#lastAnswered = Math.max(this.#lastAnswered, stream);
    for (const reset of this.#resets) if (reset <= this.#lastAnswered) this.#resets.delete(reset);
    this.#hold();
    return await exchange.answer();
  }

  #reset(stream: number): void {
    const exchange = this.#running.get(stream);
    if (exchange !== undefined) exchange.wasReset();
    else if (stream > this.#lastAnswered && this.#resets.size < MOST_RESETS) this.#resets.add(stream);
  }

  #authenticated(holder: string): void {
    if (this.#isAuthenticated) return;
    this.#isAuthenticated = true;
    this.#parts.strangers?.release(this);
    this.#share = this.#isClosed ? undefined : this.#parts.heldBytes?.share(holder, { mayBeSlow: true });
    this.#turns.leave(this);
    this.#turns = new FrameTurns({ perSecond: KNOWN_COST_PER_SECOND, now: this.#parts.now });
    this.#room.open();
    this.#hold();
  }

  #owes(bytes: number): void {
    this.#owed += bytes;
    if (Math.abs(this.#owed - this.#counted) >= COUNT_STEP_BYTES) this.#hold();
  }

  /** Counts the memory that the connection takes, and closes the connection where it is too much. */
  #hold(): void {
    if (this.#isClosed) return;
    this.#counted = this.#owed;
    const bytes = this.#running.size * REQUEST_BYTES + this.#owed;
    if (!this.#isAuthenticated) {
      this.#parts.strangers?.holds(this, bytes);
      if (this.#owed > MOST_STRANGER_BYTES) this.close();
    } else {
      const isTooMuch = this.#owed > MOST_KNOWN_BYTES && this.#running.size > 1;
      if (isTooMuch || this.#share?.mayHold(bytes) === false) this.close();
    }
  }
}

/** The number that the proxy has added last, behind whatever the client itself has sent under this name. */
function streamOf(headers: Headers): number | undefined {
  const value = headers.get(STREAM_FIELD)?.split(", ").at(-1) ?? "";
  return /^[0-9]{1,10}$/.test(value) ? Number(value) : undefined;
}
