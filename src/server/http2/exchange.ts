/** One request over HTTP/2 with its answer, in the plain values that the handler knows. */

import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/schema.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import type { ByteSource } from "../../http1/body.ts";
import { type Field, fieldValue } from "../../http1/fields.ts";
import { checkedField } from "../../http1/head.ts";
import type { IncomingRequest, OutgoingReply } from "../../http1/message.ts";
import { HttpSyntaxError } from "../../http1/syntax_error.ts";
import { parseRequestHead } from "../request_head.ts";
import type { ConnectionParts } from "../connection.ts";
import { ClientWait, overdueOf } from "../client_wait.ts";
import { StreamBody } from "./stream_body.ts";

/** What a request is answered with. */
interface Http2ExchangeParts extends Pick<ConnectionParts, "handler" | "peer" | "now"> {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** One stream. */
export class Http2Exchange {
  readonly #stream: ServerHttp2Stream;
  readonly #parts: Http2ExchangeParts;
  readonly #cancellation = new Cancellation();
  readonly #body: StreamBody | null;
  readonly #sending: ClientWait;
  #isDone = false;

  constructor(stream: ServerHttp2Stream, parts: Http2ExchangeParts) {
    this.#stream = stream;
    this.#parts = parts;
    this.#sending = new ClientWait(parts.now);
    this.#body = stream.endAfterHeaders ? null : new StreamBody(stream, parts.now);
    // Without a listener a reset would be nobody's error, and end the program.
    stream.on("error", () => {});
    stream.on("close", () => {
      if (!this.#isDone) this.#cancellation.cancel(new ClientGone("the client left"));
    });
  }

  /** Ends what has taken too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = overdueOf({ sending: this.#sending, uploading: this.#body?.wait }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.wait.giveUp(overdue);
    } else if (overdue !== undefined) this.leave(overdue);
  }

  /** Ends it from this side; the client sees its stream reset. */
  leave(reason: Error): void {
    this.#cancellation.cancel(reason);
    this.#body?.wait.giveUp(reason);
    this.#sending.giveUp(reason);
    this.#reset();
  }

  /** Its `close` would end it as if all were well. */
  #reset(): void {
    this.#stream.destroy(new Error("the answer broke off"));
  }

  /** Answers it. Never throws. */
  async serve(): Promise<void> {
    let source: ByteSource | undefined;
    try {
      const reply = await this.#reply();
      const { body } = reply;
      // From here on it has to be read to its end, or cancelled: its exchange ends with it.
      source = body === null || body instanceof Uint8Array ? undefined : body;
      this.#cancellation.throwIfCancelled();
      const hasBody = body !== null && this.#method() !== "HEAD" && reply.status !== 204 &&
        reply.status !== 304;
      this.#stream.respond(headersOf(reply), { endStream: !hasBody });
      if (!hasBody) source?.cancel();
      else if (source === undefined) this.#stream.end(body);
      else await this.#send(source);
      this.#isDone = true;
    } catch {
      // A stream that is reset is what tells the client that an answer is not whole.
      this.#cancellation.cancel(new ClientGone("the client left"));
      source?.cancel();
      this.#reset();
    }
  }

  async #send(source: ByteSource): Promise<void> {
    while (true) {
      const atHand = source.tryRead();
      const piece = atHand === undefined ? await source.read() : atHand;
      if (piece === null) break;
      if (this.#stream.destroyed) throw new ClientGone("the client left");
      // The stream keeps it beyond the next read, where the piece is not valid any more.
      if (!this.#stream.write(piece.slice())) await this.#drained();
    }
    this.#stream.end();
  }

  async #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.once("drain", resolve).once("close", resolve);
    await this.#sending.for(promise);
    this.#stream.off("drain", resolve).off("close", resolve);
  }

  #method(): string {
    return pseudo(this.#parts.rawHeaders, ":method");
  }

  async #reply(): Promise<OutgoingReply> {
    let request: IncomingRequest;
    try {
      request = this.#request();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      const fault = new ProxyFault("bad_request", `The request is not proper: ${error.message}.`);
      return faultReply(fault, { dialect: "generic", requestId: "none" });
    }
    return await this.#parts.handler(request);
  }

  /**
   * What the runtime lets through is held to the rules of HTTP/1.1, which it goes on by: a line break in a value
   * would else become a field of its own there. Throws an {@link HttpSyntaxError}.
   */
  #request(): IncomingRequest {
    const { rawHeaders, peer } = this.#parts;
    const received: Field[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
      if (!name.startsWith(":")) received.push(checkedField(name, value));
    }
    if (fieldValue(received, "host") === undefined) {
      received.unshift(checkedField("host", pseudo(rawHeaders, ":authority")));
    }
    const startLine = `${this.#method()} ${pseudo(rawHeaders, ":path")} HTTP/1.1`;
    const { method, target, fields, framing } = parseRequestHead({ startLine, fields: received });
    if (framing.kind === "chunked") throw new HttpSyntaxError("a transfer-encoding");
    return {
      method,
      target,
      fields: withOneCookie(fields),
      body: this.#body,
      bodyLength: this.#body === null || framing.kind === "absent" ? undefined : framing.length,
      peer,
      cancellation: this.#cancellation,
    };
  }
}

function pseudo(rawHeaders: readonly string[], name: string): string {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at] === name) return rawHeaders[at + 1] ?? "";
  }
  return "";
}

/** In HTTP/2 a cookie comes in crumbs, which HTTP/1.1 does not know (RFC 9113, 8.2.3). */
function withOneCookie(fields: readonly Field[]): readonly Field[] {
  const crumbs = fields.filter(({ lower }) => lower === "cookie");
  if (crumbs.length < 2) return fields;
  const value = crumbs.map((crumb) => crumb.value).join("; ");
  return [...fields.filter(({ lower }) => lower !== "cookie"), checkedField("cookie", value)];
}

/** Fields that the runtime sends once alone: of repeats, which mean nothing more there, the first is sent. */
const SENT_ONCE: ReadonlySet<string> = new Set([
  "access-control-allow-credentials",
  "access-control-max-age",
  "age",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "location",
  "retry-after",
  "tk",
  "x-content-type-options",
]);
/** Belongs to a change of protocol, which HTTP/2 does not know. */
const NOT_SENT = "http2-settings";

/** Repeats as lists; names are in small letters in HTTP/2. */
function headersOf({ status, fields, body }: OutgoingReply): OutgoingHttpHeaders {
  const headers: Record<string, number | string[]> = { ":status": status };
  for (const { lower, value } of fields) {
    if (lower === NOT_SENT) continue;
    const known = headers[lower];
    if (!Array.isArray(known)) headers[lower] = [value];
    else if (!SENT_ONCE.has(lower)) known.push(value);
  }
  if (body instanceof Uint8Array) headers["content-length"] = [String(body.length)];
  return headers;
}
