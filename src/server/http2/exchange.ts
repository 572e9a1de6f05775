/** One request over HTTP/2 with its answer, in the plain values that the handler knows. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/config.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import { type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { bodyOf } from "../../streams/bytes.ts";
import { type Field, fieldValue } from "../../http/fields.ts";
import { separateFraming } from "../../http/framing.ts";
import { checkedField, HeadTooLarge } from "../../http/head.ts";
import { decodeLatin1 } from "../../http/latin1.ts";
import { discardReply, type IncomingRequest, type OutgoingReply } from "../../http/message.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import { FramingError } from "../../http/writer.ts";
import type { ConnectionParts } from "../connection.ts";
import { parseRequestHead } from "../request_head.ts";
import { stallFault, StallTimer } from "../stall_timer.ts";
import { STREAM_FIELD } from "./client_frames.ts";
import { StreamBody } from "./stream_body.ts";
import type { Waiting } from "./answer_room.ts";

/** What a request is answered with. */
interface Http2ExchangeParts extends Pick<ConnectionParts, "handler" | "peer" | "entry" | "limits" | "now"> {
  /** The request has been admitted. */
  readonly onAuthenticated: (holder: string) => void;
  /** Whether the client has shown a token. */
  readonly isKnown: () => boolean;
  /** Enters the room for answers. Undefined: it has entered at once. */
  readonly enter: () => Waiting | undefined;
  /** A request leaves the room. */
  readonly onLeft: () => void;
  /** Whether the client has left much of other answers untaken. */
  readonly isCrowded: () => boolean;
  /** The client has so many bytes more to take; fewer where it is negative. */
  readonly onOwed: (bytes: number) => void;
  /** Called once: the answer has been taken whole, or not. */
  readonly onEnd: () => void;
}

/** Answers that have no body, whatever the upstream says (RFC 9110, 15). */
const BODILESS: readonly number[] = [204, 205, 304];
/** Methods whose request states a length of 0 where it has no body (RFC 9110, 8.6). */
const STATES_EMPTY_BODY: readonly string[] = ["POST", "PUT", "PATCH"];
/**
 * The runtime takes 64 KiB of a body and more before its client has a window for them. So the proxy gives it the next
 * piece only when no more than this is on its way: bytes of an answer, and the same while the client takes nothing.
 */
const AHEAD_BYTES = 64 * 1024;
const CROWDED_AHEAD_BYTES = 1;
/** The longest piece that the runtime gets at once. */
const PIECE_BYTES = 32 * 1024;
const CROWDED_PIECE_BYTES = 4 * 1024;

/** One stream. */
export class Http2Exchange {
  readonly #request: Request;
  readonly #parts: Http2ExchangeParts;
  readonly #cancellation = new Cancellation();
  #body: StreamBody | null = null;
  /** For the client to take what is sent. */
  readonly #sending: StallTimer;
  #cut: (error: Error) => void = () => {};
  #hasEnded = false;
  #wasReset = false;
  #hasEntered = false;
  #hasLeft = false;
  /** The handler has answered. */
  #isAnswered = false;
  /** The runtime has got the whole answer. */
  #isGivenWhole = false;
  /** Bytes of the answer's body that the runtime has got, and that have been written to the client. */
  #given = 0;
  #sent = 0;
  /** Bytes that are in memory for this answer. */
  #owed = 0;
  #wake = (): void => {};

  constructor(request: Request, parts: Http2ExchangeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#sending = new StallTimer(parts.now);
    request.signal.addEventListener("abort", () => this.leave(new ClientGone("the client left")));
  }

  /** Since when its answer waits for the client; undefined: it does not. */
  get owesSince(): number | undefined {
    return this.#sending.since;
  }

  /** Ends what has taken too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = stallFault({ sending: this.#sending, uploading: this.#body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.stall.reject(overdue);
    } else if (overdue !== undefined) this.leave(overdue);
  }

  /** The client has reset the stream: the end of its body that the runtime is about to tell is none. */
  wasReset(): void {
    this.#wasReset = true;
  }

  /** So many bytes of the answer's body have been written to the client. */
  sent(bytes: number): void {
    this.#sent += bytes;
    this.#owes(Math.max(0, this.#owed - bytes));
    if (this.#sending.isRunning) this.#sending.begin();
    if (this.#given <= this.#sent && !this.#isGivenWhole) this.#sending.end();
    this.#wake();
  }

  /** The stream has ended for the client: all of the answer has been written, or its reset. */
  delivered(): void {
    if (this.#isAnswered) this.#end();
  }

  /** Ends it from this side; a client that is still there sees its stream reset. */
  leave(reason: ClientGone): void {
    this.#hasLeft = true;
    this.#cancellation.cancel(reason);
    this.#sending.reject(reason);
    this.#body?.stall.reject(reason);
    this.#body?.cancel();
    this.#cut(reason);
    if (this.#isAnswered) this.#end();
  }

  /** Never throws. */
  async answer(): Promise<Response> {
    if (!this.#parts.isKnown() && !await this.#enters()) {
      this.#end();
      return new Response(null, { status: 503 });
    }
    const reply = await this.#reply();
    this.#isAnswered = true;
    if (this.#hasLeft) {
      discardReply(reply);
      this.#end();
      return new Response(null, { status: 499 });
    }
    const { status, body, fields } = reply;
    // HTTP/2 has no upgrade: nothing uses a tunnel here.
    if (reply.tunnel !== undefined) {
      discardReply(reply);
      return new Response(null, { status: 500 });
    }
    const headers = new Headers();
    for (const { lower, value } of fields) headers.append(lower, value);
    const isHead = this.#request.method === "HEAD";
    const isBodiless = BODILESS.includes(status) || isHead;
    const length = isBodiless
      ? isHead ? reply.omittedLength ?? body?.length : reply.omittedLength
      : body?.length;
    if (length !== undefined && status !== 204) headers.set("content-length", String(length));
    if (isBodiless || body === null || body.length === 0) {
      discardReply(reply);
      this.#isGivenWhole = true;
      this.#sending.begin();
      return new Response(null, { status, headers });
    }
    if (!(body instanceof Uint8Array)) {
      // It is not in memory whole, and may last for hours.
      this.#leaveRoom();
      return new Response(this.#stream(body), { status, headers });
    }
    // It is in memory until the client has taken it.
    this.#owes(body.length);
    if (body.length > PIECE_BYTES) {
      return new Response(this.#stream(bodyOf(body), { isOwed: true }), { status, headers });
    }
    this.#isGivenWhole = true;
    this.#sending.begin();
    return new Response(body.slice(), { status, headers });
  }

  /** Waits for the client to take other answers. False: the exchange has ended meanwhile. */
  async #enters(): Promise<boolean> {
    // What has a body may keep the proxy waiting, and is nothing that others should wait for.
    if (this.#hasEntered || !["GET", "HEAD"].includes(this.#request.method)) return true;
    const waiting = this.#parts.enter();
    if (waiting !== undefined) {
      const isLetIn = await this.#sending.for(waiting.isLetIn).catch(() => {
        waiting.leave();
        return false;
      });
      if (!isLetIn) return false;
    }
    this.#hasEntered = true;
    if (this.#hasEnded) this.#leaveRoom();
    return !this.#hasEnded;
  }

  #leaveRoom(): void {
    if (!this.#hasEntered) return;
    this.#hasEntered = false;
    this.#parts.onLeft();
  }

  async #reply(): Promise<OutgoingReply> {
    let request: IncomingRequest;
    try {
      request = this.#incoming();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      const fault = error instanceof HeadTooLarge
        ? new ProxyFault("headers_too_large", `The request's head is too large: ${error.message}.`)
        : new ProxyFault("bad_request", `The request is not proper: ${error.message}.`);
      return faultReply(fault, { dialect: "generic", requestId: "none" });
    }
    return await this.#parts.handler(request);
  }

  /** The answer's body, read as the client takes it; one that breaks off resets its stream. */
  #stream(source: MessageBody, { isOwed = false } = {}): ReadableStream<Uint8Array> {
    let left = source.length ?? Infinity;
    /** Of the piece that was read last. */
    let rest: Uint8Array = new Uint8Array();
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#cut = (error) => {
          if (this.#hasEnded) return;
          source.cancel();
          this.#end();
          controller.error(error);
        };
      },
      pull: async (controller) => {
        try {
          if (rest.length === 0) {
            await this.#mayGive();
            if (this.#hasEnded) return;
            const piece = await nextPiece(source);
            if (this.#hasEnded) return;
            if (piece === null && (source.length === undefined || left === 0)) {
              this.#isGivenWhole = true;
              this.#sending.begin();
              return controller.close();
            }
            left -= piece?.length ?? 0;
            if (piece === null || left < 0) throw new FramingError("a body of another length than stated");
            rest = piece;
          } else await this.#mayGive();
          if (this.#hasEnded) return;
          // It is kept beyond the next read, where the piece is not valid any more.
          const piece = rest.slice(0, this.#parts.isCrowded() ? CROWDED_PIECE_BYTES : PIECE_BYTES);
          rest = rest.subarray(piece.length);
          this.#given += piece.length;
          if (!isOwed) this.#owes(this.#owed + piece.length);
          this.#sending.begin();
          controller.enqueue(piece);
        } catch (error) {
          if (this.#hasEnded) return;
          source.cancel();
          this.#end();
          controller.error(error);
        }
      },
      cancel: () => this.leave(new ClientGone("the client left")),
    }, { highWaterMark: 0 });
  }

  /** Resolves when the client has taken so much that the runtime may get more, or when the exchange has ended. */
  async #mayGive(): Promise<void> {
    const isFull = (): boolean =>
      !this.#hasEnded &&
      this.#given - this.#sent >= (this.#parts.isCrowded() ? CROWDED_AHEAD_BYTES : AHEAD_BYTES);
    while (isFull()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #owes(bytes: number): void {
    const more = bytes - this.#owed;
    this.#owed = bytes;
    if (more !== 0) this.#parts.onOwed(more);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sending.end();
    this.#body?.cancel();
    this.#owes(0);
    this.#wake();
    this.#leaveRoom();
    this.#parts.onEnd();
  }

  /** The request by the rules of HTTP/1.1, by which it goes on. Throws an {@link HttpSyntaxError}. */
  #incoming(): IncomingRequest {
    const { url, method, headers } = this.#request;
    const { authority, target } = partsOf(url);
    const received: Field[] = [];
    for (const [name, value] of headers) {
      if (name !== STREAM_FIELD) received.push(checkedField(name, value));
    }
    checkSize(received, this.#parts.limits());
    if (fieldValue(received, "host") === undefined) received.unshift(checkedField("host", authority));
    const { fields, framing } = parseRequestHead({
      startLine: `${method} ${target} HTTP/1.1`,
      ...separateFraming(received),
    });
    if (framing.kind === "chunked") throw new HttpSyntaxError("a transfer-encoding");
    const length = framing.kind === "counted" ? framing.length : undefined;
    const { body: stream } = this.#request;
    // The runtime hides the body of a GET or HEAD. To forward its length without it would make the upstream wait
    // for bytes that are the next client's request.
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
          await body.comes() ? body : STATES_EMPTY_BODY.includes(method) ? bodyOf(new Uint8Array()) : null,
      peer: this.#parts.peer,
      // HTTP/2 is served over TLS alone.
      isTls: true,
      onAuthenticated: this.#parts.onAuthenticated,
      roomForAnswer: async () => {
        if (!await this.#enters()) throw this.#cancellation.reason ?? new ClientGone("the client left");
      },
      entry: this.#parts.entry,
      cancellation: this.#cancellation,
    };
  }
}

/** The limits of heads, as HTTP/1.1 would write these fields. Throws {@link HeadTooLarge}. */
function checkSize(fields: readonly Field[], { maxHeadBytes, maxHeadFields }: ConnectionLimits): void {
  if (fields.length > maxHeadFields) throw new HeadTooLarge(`more than ${maxHeadFields} header fields`);
  const bytes = fields.reduce(
    (sum, { name, value }) => sum + name.length + value.length + ": \r\n".length,
    0,
  );
  if (bytes > maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
}

/** The runtime gives `http://authority/path?query`, byte for byte. */
function partsOf(text: string): { authority: string; target: string } {
  // The runtime decodes UTF-8; as in HTTP/1.1 a target is text of one character for each byte.
  const url = /^[\x20-\x7e]*$/.test(text) ? text : decodeLatin1(new TextEncoder().encode(text));
  const begin = url.indexOf("://") + 3;
  const path = url.slice(begin).search(/[/?#]/);
  return path === -1
    ? { authority: url.slice(begin), target: "/" }
    : { authority: url.slice(begin, begin + path), target: url.slice(begin + path) };
}
