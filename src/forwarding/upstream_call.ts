import { Cancellation, type CancellationListener } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import type { Backend } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Field } from "../http/fields.ts";
import type { Tunnel } from "../http/message.ts";
import type { MessageRejection } from "../payload/message_rejection.ts";
import { CLOSE_CODES } from "../payload/websocket_frames.ts";
import type { ResponseEnd } from "../response_end.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Lease } from "./lease.ts";
import { PeekedBody, type PeekMemory } from "./peeked_body.ts";
import { RelayedBody, type RelayOwner } from "./relay.ts";
import type { Content } from "./request_content.ts";
import { PhaseTimer, TimeoutExpired } from "./timeouts.ts";
import type { AttemptPhase, Transport, UpstreamRequest, UpstreamResponse } from "./transport/transport.ts";
import { faultWithinResponse } from "./upstream_faults.ts";
import { isAccepted } from "./websocket/handshake.ts";
import { WebSocketTunnel } from "./websocket/tunnel.ts";

/** What an {@link UpstreamCall} sends, and the exchange that it belongs to. */
export interface CallRequest {
  readonly backend: Backend;
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  readonly content: Content;
  /** The cancellation of the exchange. It also ends the call. */
  readonly cancellation: Cancellation;
  /** How the proxy carries the WebSocket. `undefined` if the request asks for none. */
  readonly websocket: WebSocketOptions | undefined;
  /**
   * When the proxy began to forward the exchange, in milliseconds of the clock. At this time, the exchange
   * has its slot, and the proxy has read the body if it had to. The total timeout counts from this time.
   */
  readonly startedAt: number;
  /** Called when the transport sends the request again, because the backend had closed a kept connection. */
  readonly onResent: () => void;
}

/** How the proxy carries a WebSocket. */
export interface WebSocketOptions {
  /** The longest message of either side, in bytes. */
  readonly maxMessageBytes: number;
  /** Checks bytes of the client, as `TunnelParts.check` does. */
  readonly check?: ((piece: Uint8Array) => Promise<MessageRejection | undefined> | undefined) | undefined;
}

/** Observes the response of a call on its way to the client. The exchange implements it. */
export interface ResponseObserver {
  /** The most bytes that `onPiece` gets in one turn of the event loop. `undefined` if there is no limit. */
  readonly stepBytes?: number | undefined;
  /** Called with each piece of the response's body, which is valid only during the call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Called with each piece that the client sends on a WebSocket, which is valid only during the call. */
  readonly onClientPiece: (piece: Uint8Array) => void;
  /** Called with an error that is a bug. */
  readonly unexpected: (error: unknown) => void;
  /** Called once, when the response has ended. */
  readonly end: (how: ResponseEnd) => void;
}

/** The response of a backend on its way to the client. */
export interface BackendResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /** The body. `null` if the response has no body. */
  readonly body: MessageBody | null;
  /** The length of the body that a response to HEAD or a 304 leaves out. `undefined` if it was not stated. */
  readonly omittedLength: number | undefined;
  /** Uses the connection of the client after a 101. `undefined` if the protocol does not change. */
  readonly tunnel: Tunnel | undefined;
  readonly backend: Backend;
  /** When the head of the response arrived, in milliseconds of the clock. */
  readonly headAt: number;
}

/**
 * One attempt at one backend: the request that the transport sends, its timeouts, its own cancellation, and
 * its response. After {@link onResponse} the caller either relays the response or discards it.
 */
export class UpstreamCall implements UpstreamRequest, RelayOwner, CancellationListener {
  readonly backend: Backend;
  readonly method: string;
  readonly origin: string;
  readonly connection: Backend["connection"];
  readonly target: string;
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  readonly again: (() => MessageBody) | undefined;
  readonly upgrade: boolean;
  /**
   * The cancellation of this call. A timeout before the response ends only the call, so that another call can
   * follow.
   */
  readonly cancellation = new Cancellation();
  readonly onResent: () => void;
  readonly #exchange: Cancellation;
  readonly #websocket: WebSocketOptions | undefined;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #timer: PhaseTimer;
  #hasReceived = false;
  #response: UpstreamResponse | undefined;
  #headAt = 0;
  #lease: Lease | undefined;
  #observer: ResponseObserver | undefined;
  #tunnel: WebSocketTunnel | undefined;

  constructor(
    { backend, method, target, content, cancellation, websocket, startedAt, onResent }: CallRequest,
    { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
  ) {
    this.backend = backend;
    this.method = method;
    this.origin = backend.baseUrl.origin;
    this.connection = backend.connection;
    this.target = target;
    this.fields = content.fields;
    this.body = content.body;
    this.again = content.again;
    this.upgrade = websocket !== undefined;
    this.onResent = onResent;
    this.#exchange = cancellation;
    this.#websocket = websocket;
    this.#transport = transport;
    this.#clock = clock;
    this.#timer = new PhaseTimer(backend.timeouts, { clock, startedAt }, (expired) => this.#expire(expired));
  }

  /**
   * Sends the request. Then call {@link onResponse} with the response, or {@link onFailure} with the error.
   * Not async: that would cost one more promise per request.
   */
  send(): Promise<UpstreamResponse> {
    this.#exchange.addListener(this);
    this.cancellation.throwIfCancelled();
    return this.#transport.send(this);
  }

  /** The head of the response has arrived. */
  onResponse(response: UpstreamResponse): void {
    this.#timer.pause();
    this.#response = response;
    this.#headAt = this.#clock.now();
  }

  /**
   * Reads the beginning of the body of the response, which the client gets afterwards from its first byte on.
   * The idle timeout applies. Throws if the body breaks off.
   */
  async examine<Result>(
    read: (body: PeekedBody) => Promise<Result>,
    memory?: PeekMemory,
  ): Promise<Result> {
    const response = this.#begunResponse();
    if (response.body === null) throw new TypeError("BUG: examine() of a response without a body");
    const body = new PeekedBody(response.body, this.#clock, memory);
    this.#response = { ...response, body };
    this.#timer.enter("idle");
    const result = await read(body);
    this.#timer.pause();
    return result;
  }

  /** When the head of the response arrived, in milliseconds of the clock. 0 before {@link onResponse}. */
  get headAt(): number {
    return this.#headAt;
  }

  /** The call has failed before its response could be relayed. Returns the error that the caller acts on. */
  onFailure(error: unknown): unknown {
    this.#stop();
    return this.#hasReceived && error instanceof TimeoutExpired
      ? new TimeoutExpired(error.phase, error.limitMs, { received: true, isUnanswered: error.isUnanswered })
      : error;
  }

  /**
   * Returns the response for the client. From now on a timeout ends the exchange. The call releases the lease
   * at the end of the response, and reports a response that broke off to it.
   */
  relay(lease: Lease, observer: ResponseObserver): BackendResponse {
    const response = this.#begunResponse();
    this.#lease = lease;
    const { status, reason, fields, omittedLength } = response;
    this.#observer = observer;
    const tunnel = response.upgraded && this.#openTunnel(response.upgraded, observer);
    const body = response.body === null ? null : new RelayedBody(response.body, this.cancellation, this);
    if (tunnel === undefined && body === null) this.onEnd("complete");
    return {
      status,
      reason,
      fields,
      body,
      omittedLength,
      tunnel,
      backend: this.backend,
      headAt: this.#headAt,
    };
  }

  /** Ends the call: no client gets the rest of its response. */
  discard(): void {
    this.#stop();
    this.#response?.body?.cancel();
    this.#response?.upgraded?.close();
  }

  // What the cancellation of the exchange reports:

  cancelled(): void {
    this.cancellation.cancel(this.#exchange.reason ?? new Error("cancelled without a reason"));
  }

  draining(): void {
    this.#tunnel?.goAway();
  }

  // What the transport reports:

  onPhase(phase: AttemptPhase): void {
    this.#timer.enter(phase);
  }

  onReceived(): void {
    this.#hasReceived = true;
  }

  acceptsUpgrade(fields: readonly Field[]): boolean {
    return isAccepted(this.fields, fields);
  }

  // What the body of the response or the WebSocket reports:

  get stepBytes(): number | undefined {
    return this.#observer?.stepBytes;
  }

  onWait(): void {
    this.#timer.enter("idle");
  }

  onPiece(piece: Uint8Array): void {
    this.#timer.pause();
    this.#observer?.onPiece(piece);
  }

  onEnd(how: ResponseEnd): void {
    this.#stop();
    this.#lease?.release();
    this.#observer?.end(how);
  }

  onBroken(error: unknown): void {
    // A fault of the proxy, such as its shutdown, says nothing of the backend.
    if (!(error instanceof ProxyFault)) this.#lease?.recordFailure({ isCertain: false });
    this.onEnd(faultWithinResponse(error, this.backend));
  }

  /** The call needs no timeout and no cancellation any more. */
  #stop(): void {
    this.#timer.stop();
    this.#exchange.removeListener(this);
  }

  #begunResponse(): UpstreamResponse {
    if (this.#response === undefined) throw new TypeError("BUG: the response is used before begun()");
    return this.#response;
  }

  #openTunnel(
    upstream: NonNullable<UpstreamResponse["upgraded"]>,
    observer: ResponseObserver,
  ): WebSocketTunnel {
    const tunnel = new WebSocketTunnel({
      upstream,
      cancellation: this.cancellation,
      clock: this.#clock,
      maxMessageBytes: this.#websocket?.maxMessageBytes ?? 0,
      check: this.#websocket?.check,
      onPiece: (piece) => observer.onPiece(piece),
      onClientPiece: (piece) => observer.onClientPiece(piece),
      unexpected: (error) => observer.unexpected(error),
      onActivity: () => this.#timer.enter("idle"),
      onEnd: (how) => this.onEnd(how),
    });
    this.#tunnel = tunnel;
    this.#timer.enter("idle");
    if (this.#exchange.isDraining) tunnel.goAway();
    return tunnel;
  }

  #expire(expired: TimeoutExpired): void {
    if (this.#tunnel !== undefined) {
      const { message } = expired;
      this.#tunnel.closeBoth(
        { code: CLOSE_CODES.goingAway, reason: message },
        new ProxyFault("upstream_timeout", `The WebSocket was closed: ${message}.`),
      );
    } else if (this.#observer !== undefined) this.#exchange.cancel(expired);
    else this.cancellation.cancel(expired);
  }
}
