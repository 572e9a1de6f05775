/** One request over HTTP/2 with its answer, in the plain values that the handler knows. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/config.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import { bodyOf } from "../../streams/bytes.ts";
import { type Field, fieldValue } from "../../http/fields.ts";
import { separateFraming } from "../../http/framing.ts";
import { checkedField, HeadTooLarge } from "../../http/head.ts";
import { decodeLatin1 } from "../../http/latin1.ts";
import { discardReply, type IncomingRequest, type OutgoingReply } from "../../http/message.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import { FramingError } from "../../http/writer.ts";
import { ClientWait, overdueOf } from "../client_wait.ts";
import type { ConnectionParts } from "../connection.ts";
import { parseRequestHead } from "../request_head.ts";
import { StreamBody } from "./stream_body.ts";
import type { Waiting } from "./stranger_room.ts";

/** What a request is answered with. */
interface Http2ExchangeParts extends Pick<ConnectionParts, "handler" | "peer" | "entry" | "limits" | "now"> {
  /** Whether the end of a body may be a reset whose abort has not come yet. */
  readonly mayBeReset: () => boolean;
  /** The request has been admitted. */
  readonly onAuthenticated: () => void;
  /** Undefined: it may begin at once. */
  readonly enter: () => Waiting | undefined;
  /** The answer of a request that had entered is here. */
  readonly onAnswered: () => void;
  /** So many bytes of an answer are given to the server at once. */
  readonly onWhole: (bytes: number) => void;
  /** Called once: the answer has been taken whole, or not. */
  readonly onEnd: () => void;
}

/** Answers that have no body, whatever the upstream says (RFC 9110, 15). */
const BODILESS: readonly number[] = [204, 205, 304];
/** Methods whose request states a length of 0 where it has no body (RFC 9110, 8.6). */
const STATES_EMPTY_BODY: readonly string[] = ["POST", "PUT", "PATCH"];

/** One stream. */
export class Http2Exchange {
  readonly #request: Request;
  readonly #parts: Http2ExchangeParts;
  readonly #cancellation = new Cancellation();
  #body: StreamBody | null = null;
  /** For the client to take what is sent. */
  readonly #sending: ClientWait;
  #cut: (error: Error) => void = () => {};
  #hasEnded = false;

  constructor(request: Request, parts: Http2ExchangeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#sending = new ClientWait(parts.now);
    request.signal.addEventListener("abort", () => this.leave(new ClientGone("the client left")));
  }

  /** Since when its answer waits for the client; undefined: it does not. */
  get owesSince(): number | undefined {
    return this.#sending.since;
  }

  /** Ends what has taken too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = overdueOf({ sending: this.#sending, uploading: this.#body?.wait }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.wait.giveUp(overdue);
    } else if (overdue !== undefined) this.leave(overdue);
  }

  /** Ends it from this side; a client that is still there sees its stream reset. */
  leave(reason: ClientGone): void {
    this.#cancellation.cancel(reason);
    this.#sending.giveUp(reason);
    this.#body?.wait.giveUp(reason);
    this.#body?.cancel();
    this.#cut(reason);
  }

  /** Never throws. */
  async answer(): Promise<Response> {
    // What has a body may keep the proxy waiting, and is nothing that others should wait for.
    const enters = ["GET", "HEAD"].includes(this.#request.method);
    const waiting = enters ? this.#parts.enter() : undefined;
    // It waits for its client to take other answers.
    if (waiting !== undefined) {
      const isLetIn = await this.#sending.for(waiting.isLetIn).catch(() => {
        waiting.leave();
        return false;
      });
      if (!isLetIn) {
        this.#end();
        return new Response(null, { status: 503 });
      }
    }
    const reply = await this.#reply();
    if (enters) this.#parts.onAnswered();
    const { status, body, fields } = reply;
    // HTTP/2 has no upgrade: nothing uses a tunnel here.
    if (reply.tunnel !== undefined) {
      discardReply(reply);
      this.#end();
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
    if (body !== null && !(body instanceof Uint8Array) && !isBodiless) {
      return new Response(this.#stream(body), { status, headers });
    }
    discardReply(reply);
    const whole = isBodiless || !(body instanceof Uint8Array) ? null : body;
    if (whole !== null) this.#parts.onWhole(whole.length);
    this.#end();
    return new Response(whole?.slice(), { status, headers });
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
  #stream(source: MessageBody): ReadableStream<Uint8Array> {
    let left = source.length ?? Infinity;
    this.#sending.begin();
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
        this.#sending.end();
        try {
          const atHand = source.tryRead();
          const piece = atHand === undefined ? await source.read() : atHand;
          if (this.#hasEnded) return;
          if (piece === null && (source.length === undefined || left === 0)) {
            this.#end();
            return controller.close();
          }
          left -= piece?.length ?? 0;
          if (piece === null || left < 0) throw new FramingError("a body of another length than stated");
          this.#sending.begin();
          // It is kept beyond the next read, where the piece is not valid any more.
          controller.enqueue(piece.slice());
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

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sending.end();
    this.#body?.cancel();
    this.#parts.onEnd();
  }

  /** The request by the rules of HTTP/1.1, by which it goes on. Throws an {@link HttpSyntaxError}. */
  #incoming(): IncomingRequest {
    const { url, method, headers } = this.#request;
    const { authority, target } = partsOf(url);
    const received: Field[] = [];
    for (const [name, value] of headers) received.push(checkedField(name, value));
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
      mayBeReset: this.#parts.mayBeReset,
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
