/**
 * Connects the handler to the web's `Request` and `Response`, for servers of the platform: `Deno.serve` and
 * `deno serve`. The table in docs/engines.md lists what such a server cannot do.
 */

import { Cancellation, ClientGone } from "../cancellation.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import { field, fieldValue } from "../http/fields.ts";
import { discardReply, type Entry, type Handler, type OutgoingReply } from "../http/message.ts";
import { frameReply, isBodiless, statedLength } from "../http/reply_framing.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";
import { FramingError } from "../http/framing_error.ts";
import { type MessageBody, nextPiece } from "../streams/byte_source.ts";
import { bodyOf } from "../streams/bytes.ts";
import { FetchBody } from "./fetch_body.ts";
import { asksForWebSocket, ownServerFault, readFetchHead } from "./fetch_request.ts";
import { headFault } from "./head_fault.ts";
import { internalFault, internalReply, isBug } from "./server_error.ts";
import { stallFault, StallTimer } from "./stall_timer.ts";

/** The parts of the program that a {@link FetchHandler} uses. */
export interface FetchHandlerParts {
  readonly handler: Handler;
  /** The part of the proxy that the port serves. */
  readonly entry: Entry;
  /** The limits of the present configuration. */
  readonly limits: () => ConnectionLimits;
  /** Returns milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Called with an error that is a bug. The client then gets a 500. */
  readonly onUnexpected: (error: unknown) => void;
}

/** The statuses that `Response` accepts (https://fetch.spec.whatwg.org/#dom-response). */
const LEAST_STATUS = 200;
const GREATEST_STATUS = 599;

/** Handles web requests, and ends those whose client keeps the proxy waiting for too long. */
export class FetchHandler {
  readonly #parts: FetchHandlerParts;
  readonly #running = new Set<FetchExchange>();

  constructor(parts: FetchHandlerParts) {
    this.#parts = parts;
  }

  /** Handles a request from the address `peer`, and returns the response. Never rejects. */
  async handle(request: Request, peer: string): Promise<Response> {
    const exchange = new FetchExchange(request, {
      ...this.#parts,
      peer,
      onEnd: () => this.#running.delete(exchange),
    });
    this.#running.add(exchange);
    try {
      return await exchange.response();
    } catch (error) {
      exchange.end();
      this.#parts.onUnexpected(error);
      const { status, fields, body } = internalReply(error);
      const headers = fields.map(({ name, value }): [string, string] => [name, value]);
      return new Response(body instanceof Uint8Array ? body.slice() : null, { status, headers });
    }
  }

  /** Ends the requests that have exceeded a timeout for clients. The server calls it at intervals. */
  endOverdue(): void {
    const limits = this.#parts.limits();
    for (const exchange of this.#running) exchange.endOverdue(limits);
  }
}

interface FetchExchangeParts extends FetchHandlerParts {
  readonly peer: string;
  /** Called once, when the response is complete or has failed. */
  readonly onEnd: () => void;
}

/** One request with its response. */
class FetchExchange {
  readonly #request: Request;
  readonly #parts: FetchExchangeParts;
  readonly #cancellation = new Cancellation();
  /** The wait for the client to take the response. */
  readonly #sending: StallTimer;
  #body: FetchBody | undefined;
  #abortResponse = (): void => {};
  #hasEnded = false;

  constructor(request: Request, parts: FetchExchangeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#sending = new StallTimer(parts.now);
    request.signal.addEventListener("abort", () => this.#leave(new ClientGone("the client left")));
  }

  endOverdue(limits: ConnectionLimits): void {
    const overdue = stallFault({ sending: this.#sending, uploading: this.#body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.stall.reject(overdue);
    } else if (overdue !== undefined) this.#leave(overdue);
  }

  async response(): Promise<Response> {
    const reply = sendable(await this.#reply());
    const { status, body, fields } = reply;
    // A list of pairs keeps the order and the spelling of the names. `Headers` would sort and merge them.
    const headers = fields.map(({ name, value }): [string, string] => [name, value]);
    // The client may never send the rest of its body, and the runtime would wait for it.
    const hasClose = fieldValue(fields, "connection") !== undefined;
    if (this.#body?.isPartlyRead === true && !hasClose) headers.push(["connection", "close"]);
    const framing = frameReply(reply, this.#request.method);
    const length = statedLength(framing);
    if (length !== undefined) headers.push(["content-length", String(length)]);
    const hasBody = framing.kind === "counted" || framing.kind === "chunked";
    if (hasBody && body !== null && !(body instanceof Uint8Array)) {
      return new Response(this.#stream(body), { status, headers });
    }
    discardReply(reply);
    this.end();
    if (hasBody && body instanceof Uint8Array) return new Response(body.slice(), { status, headers });
    // For a null body, the runtime states a length of 0. The response to a GET may have another length.
    const isUnknown = this.#request.method === "HEAD" && length === undefined && !isBodiless("GET", status);
    return new Response(isUnknown ? new ReadableStream({ start: (stream) => stream.close() }) : null, {
      status,
      headers,
    });
  }

  async #reply(): Promise<OutgoingReply> {
    try {
      const { method, target, fields, framing } = readFetchHead(this.#request, this.#parts.limits());
      if (asksForWebSocket(fields)) return closingReply(ownServerFault("A WebSocket"));
      return await this.#parts.handler({
        method,
        target,
        fields,
        body: await this.#requestBody(framing),
        peer: this.#parts.peer,
        isTls: false,
        entry: this.#parts.entry,
        cancellation: this.#cancellation,
      });
    } catch (error) {
      return closingReply(faultOf(error));
    }
  }

  async #requestBody(framing: ReturnType<typeof readFetchHead>["framing"]): Promise<MessageBody | null> {
    const { body: stream } = this.#request;
    if (stream === null) return framing.kind === "absent" ? null : bodyOf(new Uint8Array());
    const body = this.#body = new FetchBody(stream, {
      framing,
      now: this.#parts.now,
      onBroken: (error) => this.#cancellation.cancel(error),
    });
    if (framing.kind !== "absent") return body;
    // The runtime gives a stream to every request except GET and HEAD. The stream of this request must be
    // empty.
    await nextPiece(body);
    return null;
  }

  /** Makes the stream for the body of the response. It reads from the upstream only when the client reads. */
  #stream(source: MessageBody): ReadableStream<Uint8Array> {
    let left = source.length ?? Infinity;
    this.#sending.begin();
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#abortResponse = () => {
          if (this.#hasEnded) return;
          source.cancel();
          this.end();
          controller.error(responseCut());
        };
      },
      pull: async (controller) => {
        this.#sending.end();
        try {
          const piece = await nextPiece(source);
          if (this.#hasEnded) return;
          if (piece === null && (source.length === undefined || left === 0)) {
            this.end();
            return controller.close();
          }
          left -= piece?.length ?? 0;
          if (piece === null || left < 0) throw new FramingError("a body of another length than stated");
          this.#sending.begin();
          // The bytes are copied, because the source reuses their memory at its next read.
          controller.enqueue(piece.slice());
        } catch (error) {
          if (this.#hasEnded) return;
          if (isBug(error)) {
            this.#parts.onUnexpected(error);
            this.#cancellation.cancel(internalFault(error));
          }
          source.cancel();
          this.end();
          controller.error(responseCut());
        }
      },
      cancel: () => this.#leave(new ClientGone("the client left")),
    }, { highWaterMark: 0 });
  }

  /** Ends the exchange, because the client has left or has to leave. */
  #leave(reason: ClientGone): void {
    if (this.#hasEnded) return;
    this.#cancellation.cancel(reason);
    this.#sending.reject(reason);
    this.#body?.stall.reject(reason);
    this.#body?.cancel();
    this.#abortResponse();
  }

  /** Ends the exchange. Further calls do nothing. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sending.end();
    this.#body?.cancel();
    this.#parts.onEnd();
  }
}

/**
 * Makes the error for a response that breaks off. The log already has the reason. `deno serve` prints the
 * error, so its text is one line that points to the log.
 */
function responseCut(): Error {
  const error = new Error("A response broke off.");
  error.stack = "A response broke off: see the log line of its exchange.";
  return error;
}

/** Returns the reply. If `Response` cannot carry it, returns a 502 instead. */
function sendable(reply: OutgoingReply): OutgoingReply {
  const { status, tunnel } = reply;
  if (tunnel === undefined && status >= LEAST_STATUS && status <= GREATEST_STATUS) return reply;
  discardReply(reply);
  return closingReply(
    new ProxyFault(
      "bad_gateway",
      `The upstream answered with status ${status}, which Deno.serve cannot send.`,
    ),
  );
}

/**
 * Returns the response to a request that does not reach the handler. It closes the connection, because the
 * next bytes may not be a request.
 */
function closingReply(fault: ProxyFault): OutgoingReply {
  const reply = faultReply(fault, { dialect: "generic", requestId: "none" });
  return { ...reply, fields: [...reply.fields, field("connection", "close")] };
}

/** Returns the fault for an error of a head or of an unframed body. Throws every other error again. */
function faultOf(error: unknown): ProxyFault {
  if (error instanceof ProxyFault) return error;
  if (error instanceof HttpSyntaxError) return headFault(error, "HTTP/1.1");
  // The client has left, so it will not read this response.
  if (error instanceof ClientGone) return new ProxyFault("bad_request", "The request broke off.");
  throw error;
}
