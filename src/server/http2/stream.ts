/** A stream of an HTTP/2 connection: a request and its response. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/config.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import { separateFraming } from "../../http/framing.ts";
import { FramingError } from "../../http/framing_error.ts";
import { HeadTooLarge } from "../../http/head.ts";
import { discardReply, type IncomingRequest, type OutgoingReply } from "../../http/message.ts";
import { frameReply, statedLength } from "../../http/reply_framing.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import type { ByteSource } from "../../streams/byte_source.ts";
import { bodyOf } from "../../streams/bytes.ts";
import type { ConnectionParts } from "../connection.ts";
import { headFault } from "../head_fault.ts";
import { checkHeadSize, parseRequestHead } from "../request_head.ts";
import { stallFault, StallTimer } from "../stall_timer.ts";
import type { FrameOutput } from "./frame_output.ts";
import { ERROR, MAX_31_BITS, MAX_FRAME_BYTES } from "./frames.ts";
import type { RequestFields } from "./request_fields.ts";
import { responseBlock } from "./response_block.ts";
import type { QueuedRequest } from "./response_slots.ts";
import type { SendingRoom } from "./sending_room.ts";
import { StreamBody } from "./stream_body.ts";

/** What an {@link Http2Stream} needs from its connection. */
export interface StreamOwner extends Pick<ConnectionParts, "handler" | "peer" | "entry" | "limits" | "now"> {
  readonly output: FrameOutput;
  readonly room: SendingRoom;
  /** Called when the request is authenticated, or needs no token. */
  readonly onAuthenticated: (holder: string) => void;
  /** Whether a request on the connection was authenticated before. */
  readonly isAuthenticated: () => boolean;
  /**
   * Takes a slot for a whole response. Returns the place in the queue. Undefined: the request has the slot.
   */
  readonly acquireSlot: () => QueuedRequest | undefined;
  /** Releases the slot for a whole response. */
  readonly releaseSlot: () => void;
  /** Called when the number of unread bytes of the response changes, with the difference. */
  readonly onUnread: (bytes: number) => void;
  /** Called when bytes of the request body are no longer held. */
  readonly onReleased: (stream: Http2Stream, bytes: number) => void;
  /** Resets a stream. */
  readonly reset: (stream: number, code: number) => void;
  /** Called once, when the response is complete or the exchange has failed. */
  readonly onEnd: (stream: Http2Stream) => void;
}

/** What begins an {@link Http2Stream}. */
export interface StreamBeginning {
  readonly id: number;
  readonly head: RequestFields;
  /** Whether the head was longer than its limit, so that fields are missing. */
  readonly isTooLong: boolean;
  /** Whether the client has ended the stream with the head. */
  readonly endsStream: boolean;
  /** The bytes of DATA that the client takes at the begin. */
  readonly window: number;
  /** The bytes of DATA that the client may send at the begin. */
  readonly receiveWindow: number;
}

/** Methods whose requests state a length of 0 if they have no body (RFC 9110, 8.6). */
const STATES_EMPTY_BODY: readonly string[] = ["POST", "PUT", "PATCH"];
/** Methods whose bodies are dropped, or rejected if the request states their length. */
const WITHOUT_BODY: readonly string[] = ["GET", "HEAD"];

/** One stream. Its connection calls it with what arrives. */
export class Http2Stream {
  readonly id: number;
  readonly #owner: StreamOwner;
  readonly #head: RequestFields;
  readonly #isTooLong: boolean;
  readonly #cancellation = new Cancellation();
  /** Undefined: the head has ended the stream. */
  readonly #body: StreamBody | undefined;
  /** Runs while the proxy waits for the client to read the response. */
  readonly #sending: StallTimer;
  /** How many bytes of DATA the client takes. Negative after a change of its settings. */
  #window: number;
  /** How many bytes of DATA the client may send. */
  #receiveWindow: number;
  /** How many bytes of the body may still come. */
  #left: number;
  /** Bytes of the body that the reader has taken, and that are not yet given back to the client's window. */
  #released = 0;
  #hasEnded = false;
  #hasSlot = false;
  /** The response that is being sent. */
  #reply: OutgoingReply | undefined;
  #unread = 0;
  #wake = (): void => {};

  constructor(
    { id, head, isTooLong, endsStream, window, receiveWindow }: StreamBeginning,
    owner: StreamOwner,
  ) {
    this.id = id;
    this.#head = head;
    this.#isTooLong = isTooLong;
    this.#owner = owner;
    this.#window = window;
    this.#receiveWindow = receiveWindow;
    this.#left = head.length ?? Infinity;
    this.#sending = new StallTimer(owner.now);
    this.#body = endsStream ? undefined : new StreamBody({
      length: head.length,
      now: owner.now,
      onReleased: (bytes) => {
        this.#released += bytes;
        owner.onReleased(this, bytes);
      },
    });
  }

  /** Since when the response waits for the client. Undefined: it does not wait. */
  get unreadSince(): number | undefined {
    return this.#sending.since;
  }

  /** Whether the client has ended its side of the stream. */
  get hasWholeRequest(): boolean {
    return this.#body === undefined || this.#body.hasEnded;
  }

  /** Ends the exchange if the client keeps the proxy waiting for too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = stallFault({ sending: this.#sending, uploading: this.#body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.fail(overdue);
    } else if (overdue !== undefined) {
      this.#owner.reset(this.id, ERROR.cancel);
      this.abort(overdue);
    }
  }

  /** Takes the length of a DATA frame, and of its padding. False: the window does not allow the frame. */
  receives(length: number, padding: number): boolean {
    this.#receiveWindow -= length;
    this.#released += padding;
    return this.#receiveWindow >= 0;
  }

  /** Takes bytes of the body. False: the body is longer than stated. */
  data(bytes: Uint8Array): boolean {
    this.#left -= bytes.length;
    if (this.#left < 0) return false;
    this.#body?.push(bytes);
    return true;
  }

  /** Takes the end of the request. False: the body is shorter than stated. */
  end(): boolean {
    if (this.#head.length !== undefined && this.#left > 0) return false;
    this.#body?.end();
    return true;
  }

  /** Gives the bytes to add to the client's window. Zero: there are fewer than `least`. */
  takeReleased(least: number): number {
    if (this.#released < least || this.hasWholeRequest) return 0;
    const bytes = this.#released;
    this.#released = 0;
    this.#receiveWindow += bytes;
    return bytes;
  }

  /** Opens the window for the response, or closes it. False: it would be too large. */
  open(bytes: number): boolean {
    if (this.#window + bytes > MAX_31_BITS) return false;
    this.#window += bytes;
    if (this.#window > 0) this.#wake();
    return true;
  }

  /** Ends the exchange, because the client has left, has reset the stream or has to leave. */
  abort(reason: ClientGone): void {
    if (this.#hasEnded) return;
    this.#cancellation.cancel(reason);
    this.#body?.fail(reason);
    this.#end();
  }

  /** Answers the request. Never rejects. */
  async run(): Promise<void> {
    if (this.#hasEnded) return;
    if (!this.#owner.isAuthenticated() && !await this.#acquireSlot()) return;
    let reply: OutgoingReply;
    try {
      reply = await this.#answer();
    } catch {
      reply = emptyReply(500);
    }
    this.#reply = reply;
    try {
      if (!this.#hasEnded) await this.#send(reply);
    } catch {
      // The source of the body has failed. A response that breaks off never looks complete.
      if (!this.#hasEnded) this.#owner.reset(this.id, ERROR.internal);
    }
    this.#end();
    discardReply(reply);
  }

  async #answer(): Promise<OutgoingReply> {
    let request: IncomingRequest;
    try {
      request = this.#incoming();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      return faultReply(headFault(error, "HTTP/2"), { dialect: "generic", requestId: "none" });
    }
    return await this.#owner.handler(request);
  }

  /** Sends the response. Throws what the source of the body throws, and for a body of another length. */
  async #send(reply: OutgoingReply): Promise<void> {
    // HTTP/2 has no `upgrade`, so there is no tunnel.
    const { status, fields, body, omittedLength } = reply.tunnel === undefined ? reply : emptyReply(500);
    const framing = frameReply({ status, body, omittedLength }, this.#head.method);
    const length = statedLength(framing);
    const source = framing.kind === "counted" || framing.kind === "chunked" ? framing.source : undefined;
    const isCounted = body instanceof Uint8Array;
    const endsStream = source === undefined || length === 0;
    if (isCounted && !endsStream) this.#countUnread(body.length);
    // A stream is not in memory as a whole, and may last for hours.
    else if (!endsStream) this.#releaseSlot();
    const { output } = this.#owner;
    while (output.isFull) {
      await this.#untilRoom();
      if (this.#hasEnded) return;
    }
    output.headers(this.id, responseBlock({ status, fields, length }), { endsStream });
    if (source === undefined) this.#finish();
    // The end of an empty body has to be read: the log would call a cancelled one a client that left.
    else if (endsStream) await this.#finishWith(source);
    else await this.#sendBody(source, { length, isCounted });
  }

  async #sendBody(
    source: ByteSource,
    { length, isCounted }: { readonly length: number | undefined; readonly isCounted: boolean },
  ): Promise<void> {
    let left = length ?? Infinity;
    while (true) {
      const piece = source.tryRead();
      if (piece === undefined) {
        await source.readable();
        if (this.#hasEnded) return;
        continue;
      }
      if (piece === null) {
        if (length !== undefined) break;
        this.#owner.output.endData(this.id);
        return this.#finish();
      }
      left -= piece.length;
      if (left < 0) break;
      const unsent = this.#sendFrames(piece, 0, { ends: left === 0 });
      if (unsent > 0) {
        await this.#sendRest(piece, { at: piece.length - unsent, isCounted, ends: left === 0 });
        if (this.#hasEnded) return;
      }
      if (left === 0) return await this.#finishWith(source);
    }
    throw new FramingError("the body does not have the stated length");
  }

  /**
   * Ends the exchange after the last byte of the stated length. The client must not wait until the source states
   * its end, because the system would delay a frame that comes later.
   */
  async #finishWith(source: ByteSource): Promise<void> {
    this.#reply = undefined;
    this.#finish();
    while (source.tryRead() === undefined) await source.readable();
  }

  /** Sends a piece from a position on as far as the client's windows allow. Returns how many bytes are left. */
  #sendFrames(piece: Uint8Array, from: number, { ends }: { readonly ends: boolean }): number {
    const { output, room } = this.#owner;
    let at = from;
    while (at < piece.length) {
      const count = Math.min(this.#window, room.bytes, MAX_FRAME_BYTES, piece.length - at);
      if (count <= 0) break;
      const isLast = ends && at + count === piece.length;
      const isWholePiece = count === piece.length;
      output.data(this.id, isWholePiece ? piece : piece.subarray(at, at + count), { endsStream: isLast });
      this.#window -= count;
      room.take(count);
      at += count;
      if (this.#unread > 0) this.#countUnread(this.#unread - count);
    }
    return piece.length - at;
  }

  /** Sends the rest of a piece as the client opens its windows. `isCounted`: it is counted as unread already. */
  async #sendRest(
    piece: Uint8Array,
    { at, isCounted, ends }: { readonly at: number; readonly isCounted: boolean; readonly ends: boolean },
  ): Promise<void> {
    for (let left = piece.length - at; left > 0;) {
      if (!isCounted) this.#countUnread(left);
      await this.#untilRoom();
      if (this.#hasEnded) return;
      left = this.#sendFrames(piece, piece.length - left, { ends });
    }
  }

  /** Waits until there may be room for a frame, or the exchange has ended. */
  async #untilRoom(): Promise<void> {
    this.#sending.begin();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#window > 0 || this.#owner.output.isFull) this.#owner.room.onAvailable(resolve);
    });
    if (!this.#hasEnded) this.#sending.end();
  }

  /** Ends the exchange after the last frame of the response. */
  #finish(): void {
    // The client should not send the rest of a body that is not read (RFC 9113, 8.1).
    if (!this.hasWholeRequest) this.#owner.reset(this.id, ERROR.none);
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sending.end();
    this.#body?.cancel();
    this.#countUnread(0);
    this.#releaseSlot();
    if (this.#reply !== undefined) discardReply(this.#reply);
    this.#wake();
    this.#owner.onEnd(this);
  }

  #countUnread(bytes: number): void {
    const more = bytes - this.#unread;
    this.#unread = bytes;
    if (more !== 0) this.#owner.onUnread(more);
  }

  /** Waits for a slot for a whole response. False: the exchange has ended. */
  async #acquireSlot(): Promise<boolean> {
    // Only GET and HEAD: a slow upload would keep the slot from others.
    if (this.#hasSlot || !["GET", "HEAD"].includes(this.#head.method)) return true;
    const queued = this.#owner.acquireSlot();
    if (queued !== undefined) {
      this.#sending.begin();
      const left = new Promise<false>((resolve) => this.#wake = () => resolve(false));
      const isAdmitted = await Promise.race([queued.admitted, left]);
      this.#sending.end();
      if (this.#hasEnded) queued.cancel();
      if (!isAdmitted || this.#hasEnded) return false;
    }
    this.#hasSlot = true;
    return true;
  }

  #releaseSlot(): void {
    if (!this.#hasSlot) return;
    this.#hasSlot = false;
    this.#owner.releaseSlot();
  }

  /** The request by the rules of HTTP/1.1, as it is forwarded. Throws an {@link HttpSyntaxError}. */
  #incoming(): IncomingRequest {
    const { method, target, fields: received } = this.#head;
    if (this.#isTooLong) throw new HeadTooLarge("more bytes than the limit");
    checkHeadSize(received, this.#owner.limits());
    const { fields, framing } = parseRequestHead({
      startLine: `${method} ${target} HTTP/1.1`,
      ...separateFraming(received),
    });
    const statesEmptyBody = framing.kind === "counted" && framing.length === 0;
    const hasNoBody = WITHOUT_BODY.includes(method);
    if (hasNoBody && framing.kind === "counted" && framing.length > 0) {
      throw new HttpSyntaxError(`${method} with a body`);
    }
    if (hasNoBody) this.#body?.cancel();
    const body = hasNoBody ? undefined : this.#body;
    return {
      method,
      target,
      fields,
      body: body ?? (statesEmptyBody || STATES_EMPTY_BODY.includes(method) ? bodyOf(new Uint8Array()) : null),
      settledBody: body === undefined || body.length !== undefined
        ? undefined
        : async () =>
          await body.hasContent()
            ? body
            : STATES_EMPTY_BODY.includes(method)
            ? bodyOf(new Uint8Array())
            : null,
      peer: this.#owner.peer,
      // The proxy serves HTTP/2 only over TLS.
      isTls: true,
      onAuthenticated: this.#owner.onAuthenticated,
      acquireResponseSlot: async () => {
        if (!await this.#acquireSlot()) throw this.#cancellation.reason ?? new ClientGone("the client left");
      },
      entry: this.#owner.entry,
      cancellation: this.#cancellation,
    };
  }
}

function emptyReply(status: number): OutgoingReply {
  return { status, reason: "", fields: [], body: null };
}
