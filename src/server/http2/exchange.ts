/** A request over HTTP/2: converts it for the handler, and the response for the runtime. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/config.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import { type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { bodyOf } from "../../streams/bytes.ts";
import { type Field, fieldValue } from "../../http/fields.ts";
import { separateFraming } from "../../http/framing.ts";
import { checkedField } from "../../http/head.ts";
import { decodeLatin1 } from "../../http/latin1.ts";
import { discardReply, type IncomingRequest, type OutgoingReply } from "../../http/message.ts";
import { frameReply, statedLength } from "../../http/reply_framing.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import { FramingError } from "../../http/framing_error.ts";
import type { ConnectionParts } from "../connection.ts";
import { headFault } from "../head_fault.ts";
import { checkHeadSize, parseRequestHead } from "../request_head.ts";
import { stallFault, StallTimer } from "../stall_timer.ts";
import { STREAM_FIELD } from "./client_frames.ts";
import { StreamBody } from "./stream_body.ts";
import type { QueuedRequest } from "./response_slots.ts";

/** What an {@link Http2Exchange} needs from its connection. */
interface Http2ExchangeParts extends Pick<ConnectionParts, "handler" | "peer" | "entry" | "limits" | "now"> {
  /** Called when the request is authenticated, or needs no token. */
  readonly onAuthenticated: (holder: string) => void;
  /** Whether a request on the connection was authenticated before. */
  readonly isAuthenticated: () => boolean;
  /**
   * Takes a slot for a whole response. Returns the place in the queue, or undefined if the request has the
   * slot.
   */
  readonly acquireSlot: () => QueuedRequest | undefined;
  /** Releases the slot for a whole response. */
  readonly releaseSlot: () => void;
  /** Whether many response bytes of the connection are unread. */
  readonly isBacklogged: () => boolean;
  /** Called when the number of unread bytes of the response changes, with the difference. */
  readonly onUnread: (bytes: number) => void;
  /** Called once, when the client has read the whole response or the exchange has failed. */
  readonly onEnd: () => void;
}

/** Methods whose requests state a length of 0 if they have no body (RFC 9110, 8.6). */
const STATES_EMPTY_BODY: readonly string[] = ["POST", "PUT", "PATCH"];
/**
 * How many bytes of a response the runtime gets before the client has read them. The runtime itself would
 * buffer even more, also if the flow-control window of the client is closed. With a backlog, the runtime gets
 * a piece only after the client has read the piece before.
 */
const AHEAD_BYTES = 64 * 1024;
const BACKLOG_AHEAD_BYTES = 1;
/** The longest piece for the runtime, without and with a backlog. */
const PIECE_BYTES = 32 * 1024;
const BACKLOG_PIECE_BYTES = 4 * 1024;

/** One stream of an HTTP/2 connection: a request and its response. */
export class Http2Exchange {
  readonly #request: Request;
  readonly #parts: Http2ExchangeParts;
  readonly #cancellation = new Cancellation();
  #body: StreamBody | null = null;
  /** Runs while the proxy waits for the client to read the response. */
  readonly #sending: StallTimer;
  #failBody: (error: Error) => void = () => {};
  #hasEnded = false;
  #wasReset = false;
  #hasSlot = false;
  #isAborted = false;
  /** Whether the handler has returned the response. */
  #isAnswered = false;
  /** Whether the runtime has the whole response. */
  #hasWholeResponse = false;
  /** The bytes of the body that were passed to the runtime, and those that were written to the client. */
  #passed = 0;
  #sent = 0;
  /** The bytes in memory for this response. */
  #unread = 0;
  #wake = (): void => {};

  constructor(request: Request, parts: Http2ExchangeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#sending = new StallTimer(parts.now);
    request.signal.addEventListener("abort", () => this.abort(new ClientGone("the client left")));
  }

  /** Since when the response waits for the client. Undefined if the response does not wait. */
  get unreadSince(): number | undefined {
    return this.#sending.since;
  }

  /** Ends the exchange if the client keeps the proxy waiting for too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = stallFault({ sending: this.#sending, uploading: this.#body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.stall.reject(overdue);
    } else if (overdue !== undefined) this.abort(overdue);
  }

  /**
   * Notes that the client has reset the stream. The runtime may report the same as the end of the request
   * body.
   */
  reset(): void {
    this.#wasReset = true;
    // The runtime does not report the reset if it already has the whole response.
    if (this.#isAnswered) this.abort(new ClientGone("the client reset its stream"));
  }

  /** Counts bytes of the response body that were written to the client. */
  sent(bytes: number): void {
    this.#sent += bytes;
    this.#countUnread(Math.max(0, this.#unread - bytes));
    if (this.#sending.isRunning) this.#sending.begin();
    if (this.#passed <= this.#sent && !this.#hasWholeResponse) this.#sending.end();
    this.#wake();
  }

  /** Ends the exchange after the last frame of the response, or its reset, was written to the client. */
  delivered(): void {
    if (this.#isAnswered) this.#end();
  }

  /** Ends the exchange. Resets the stream if the client is still connected. */
  abort(reason: ClientGone): void {
    this.#isAborted = true;
    this.#cancellation.cancel(reason);
    this.#sending.reject(reason);
    this.#body?.stall.reject(reason);
    this.#body?.cancel();
    this.#failBody(reason);
    if (this.#isAnswered) this.#end();
  }

  /** Answers the request. Never throws. */
  async answer(): Promise<Response> {
    if (!this.#parts.isAuthenticated() && !await this.#acquireSlot()) {
      this.#end();
      return new Response(null, { status: 503 });
    }
    let reply: OutgoingReply;
    try {
      reply = await this.#reply();
    } catch {
      this.#end();
      return new Response(null, { status: 500 });
    }
    this.#isAnswered = true;
    if (this.#isAborted || this.#wasReset) {
      discardReply(reply);
      this.#end();
      return new Response(null, { status: 499 });
    }
    const { status, body, fields } = reply;
    // HTTP/2 has no `upgrade`, so there is no tunnel.
    if (reply.tunnel !== undefined) {
      discardReply(reply);
      return new Response(null, { status: 500 });
    }
    const headers = new Headers();
    for (const { lower, value } of fields) headers.append(lower, value);
    const framing = frameReply(reply, this.#request.method);
    const length = statedLength(framing);
    if (length !== undefined) headers.set("content-length", String(length));
    if (framing.kind === "none" || framing.kind === "omitted" || body === null || length === 0) {
      // The end of an empty body has to be read: the log would call a cancelled one a client that left.
      if (framing.kind === "counted") await nextPiece(framing.source).catch(() => {});
      discardReply(reply);
      this.#hasWholeResponse = true;
      this.#sending.begin();
      return new Response(null, { status, headers });
    }
    if (!(body instanceof Uint8Array)) {
      // A stream is not in memory as a whole, and may last for hours.
      this.#releaseSlot();
      return new Response(this.#stream(body), { status, headers });
    }
    // The body is in memory until the client has read it.
    this.#countUnread(body.length);
    if (body.length > PIECE_BYTES) {
      return new Response(this.#stream(bodyOf(body), { isCounted: true }), { status, headers });
    }
    this.#hasWholeResponse = true;
    this.#sending.begin();
    return new Response(body.slice(), { status, headers });
  }

  /** Waits for a slot for a whole response. False: the client has left, or the connection has ended. */
  async #acquireSlot(): Promise<boolean> {
    // Only GET and HEAD: a slow upload would keep the slot from others.
    if (this.#hasSlot || !["GET", "HEAD"].includes(this.#request.method)) return true;
    const queued = this.#parts.acquireSlot();
    if (queued !== undefined) {
      const isAdmitted = await this.#sending.for(queued.admitted).catch(() => {
        queued.cancel();
        return false;
      });
      if (!isAdmitted) return false;
    }
    this.#hasSlot = true;
    return true;
  }

  #releaseSlot(): void {
    if (!this.#hasSlot) return;
    this.#hasSlot = false;
    this.#parts.releaseSlot();
  }

  async #reply(): Promise<OutgoingReply> {
    let request: IncomingRequest;
    try {
      request = this.#incoming();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      return faultReply(headFault(error, "HTTP/2"), { dialect: "generic", requestId: "none" });
    }
    return await this.#parts.handler(request);
  }

  /**
   * Returns the body for the runtime. Reads the source as the client reads. A failed source resets the
   * stream.
   */
  #stream(source: MessageBody, { isCounted = false } = {}): ReadableStream<Uint8Array> {
    let left = source.length ?? Infinity;
    /** The rest of the last piece. */
    let rest: Uint8Array = new Uint8Array();
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#failBody = (error) => {
          if (this.#hasEnded) return;
          source.cancel();
          this.#end();
          controller.error(error);
        };
      },
      pull: async (controller) => {
        try {
          if (rest.length === 0) {
            await this.#untilRead();
            if (this.#hasEnded) return;
            const piece = await nextPiece(source);
            if (this.#hasEnded) return;
            if (piece === null && (source.length === undefined || left === 0)) {
              this.#hasWholeResponse = true;
              this.#sending.begin();
              return controller.close();
            }
            left -= piece?.length ?? 0;
            if (piece === null || left < 0) {
              throw new FramingError("the body does not have the stated length");
            }
            rest = piece;
          } else await this.#untilRead();
          if (this.#hasEnded) return;
          // The runtime keeps the piece beyond the next read of the source, so it gets a copy.
          const piece = rest.slice(0, this.#parts.isBacklogged() ? BACKLOG_PIECE_BYTES : PIECE_BYTES);
          rest = rest.subarray(piece.length);
          this.#passed += piece.length;
          if (!isCounted) this.#countUnread(this.#unread + piece.length);
          this.#sending.begin();
          controller.enqueue(piece);
        } catch (error) {
          if (this.#hasEnded) return;
          source.cancel();
          this.#end();
          controller.error(error);
        }
      },
      cancel: () => this.abort(new ClientGone("the client left")),
    }, { highWaterMark: 0 });
  }

  /** Waits until the client has read enough for the runtime to get more, or until the exchange has ended. */
  async #untilRead(): Promise<void> {
    const isFull = (): boolean =>
      !this.#hasEnded &&
      this.#passed - this.#sent >= (this.#parts.isBacklogged() ? BACKLOG_AHEAD_BYTES : AHEAD_BYTES);
    while (isFull()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #countUnread(bytes: number): void {
    const more = bytes - this.#unread;
    this.#unread = bytes;
    if (more !== 0) this.#parts.onUnread(more);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sending.end();
    this.#body?.cancel();
    this.#countUnread(0);
    this.#wake();
    this.#releaseSlot();
    this.#parts.onEnd();
  }

  /** Converts the request by the rules of HTTP/1.1, as it is forwarded. Throws an {@link HttpSyntaxError}. */
  #incoming(): IncomingRequest {
    const { url, method, headers } = this.#request;
    const { authority, target } = partsOf(url);
    const received: Field[] = [];
    for (const [name, value] of headers) {
      if (name !== STREAM_FIELD) received.push(checkedField(name, value));
    }
    checkHeadSize(received, this.#parts.limits());
    if (fieldValue(received, "host") === undefined) received.unshift(checkedField("host", authority));
    const { fields, framing } = parseRequestHead({
      startLine: `${method} ${target} HTTP/1.1`,
      ...separateFraming(received),
    });
    if (framing.kind === "chunked") throw new HttpSyntaxError("transfer-encoding is not allowed");
    const length = framing.kind === "counted" ? framing.length : undefined;
    const { body: stream } = this.#request;
    // The runtime hides the body of a GET or HEAD. With the length but without the body, the upstream would
    // read the request of another client as the body.
    if (stream === null && length !== undefined && length > 0) {
      throw new HttpSyntaxError(`${method} with a body`);
    }
    const body = this.#body = stream && new StreamBody(stream, {
      length,
      signal: this.#request.signal,
      mayBeReset: () => this.#wasReset,
      now: this.#parts.now,
      onBroken: (error) => this.#cancellation.cancel(error),
    });
    return {
      method,
      target,
      fields,
      body: body ?? (length === 0 ? bodyOf(new Uint8Array()) : null),
      settledBody: body === null || length !== undefined
        ? undefined
        : async () =>
          await body.hasContent()
            ? body
            : STATES_EMPTY_BODY.includes(method)
            ? bodyOf(new Uint8Array())
            : null,
      peer: this.#parts.peer,
      // The proxy serves HTTP/2 only over TLS.
      isTls: true,
      onAuthenticated: this.#parts.onAuthenticated,
      acquireResponseSlot: async () => {
        if (!await this.#acquireSlot()) throw this.#cancellation.reason ?? new ClientGone("the client left");
      },
      entry: this.#parts.entry,
      cancellation: this.#cancellation,
    };
  }
}

/**
 * Splits a URL of the runtime, which is `http://authority/path?query` with the bytes that the client sent.
 */
function partsOf(text: string): { authority: string; target: string } {
  // The runtime decodes UTF-8. The handler gets one character for each byte, as over HTTP/1.1.
  const url = /^[\x20-\x7e]*$/.test(text) ? text : decodeLatin1(new TextEncoder().encode(text));
  const begin = url.indexOf("://") + 3;
  const path = url.slice(begin).search(/[/?#]/);
  return path === -1
    ? { authority: url.slice(begin), target: "/" }
    : { authority: url.slice(begin, begin + path), target: url.slice(begin + path) };
}
