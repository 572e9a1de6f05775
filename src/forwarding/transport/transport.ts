/** The port between forwarding and the code that speaks a protocol with upstreams. */

import type { Cancellation } from "../../cancellation.ts";
import type { ConnectionSettings } from "../../config/config.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import type { Field } from "../../http/fields.ts";
import type { Duplex } from "../../http/message.ts";

/** One request to one upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Scheme, host and port, like `https://api.openai.com`. */
  readonly origin: string;
  /** The settings for connections to the origin. */
  readonly connection: ConnectionSettings;
  /** The path with its query, byte for byte. */
  readonly target: string;
  /** The end-to-end fields, without `host`, `content-length` and `transfer-encoding`. */
  readonly fields: readonly Field[];
  /** `null` if the request has no body. */
  readonly body: MessageBody | null;
  /** Returns the body again from its first byte. `undefined` if it cannot be sent again. */
  readonly again: (() => MessageBody) | undefined;
  /** Cancels the request at any stage, including the body of the response. Its reason is thrown then. */
  readonly cancellation: Cancellation;
  /** Whether the request asks for a change of protocol. Its connection then serves no other request. */
  readonly upgrade?: boolean;
  /** Called when a phase begins, so that each phase can have its timeout. */
  onPhase(phase: AttemptPhase): void;
  /** Called before the throw if the upstream had sent any byte of a response. */
  onReceived?(): void;
  /** Called before the request is sent again, because the upstream had closed a kept connection. */
  onResent?(): void;
  /** Whether the fields of a 101 answer this request. `undefined` if any do. */
  acceptsUpgrade?(fields: readonly Field[]): boolean;
}

/**
 * What an attempt waits for. On a kept connection it begins with `first byte`. During `upload` it waits for
 * the client to send more of the body, and not for the upstream.
 */
export type AttemptPhase = "connect" | "tls" | "upload" | "first byte";

/**
 * The final response of an upstream, with all fields in their order but without framing fields. Nothing is
 * decoded.
 */
export interface UpstreamResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /**
   * `null` if a response of this kind has no body. The body throws a {@link TransportError} where it breaks
   * off.
   */
  readonly body: MessageBody | null;
  /** The length of the body that a response to HEAD or a 304 leaves out. `undefined` if it was not stated. */
  readonly omittedLength?: number | undefined;
  /** The connection after a 101. The caller closes it. */
  readonly upgraded?: UpgradedConnection;
}

/** A connection to an upstream after a change of protocol. */
export interface UpgradedConnection extends Duplex {
  /** Ends the sending side. Never throws. */
  readonly closeWrite: () => Promise<void>;
  readonly close: () => void;
}

/** Sends requests to upstreams. */
export interface Transport {
  /**
   * Returns the response when its head has arrived. Throws a {@link TransportError}, a {@link
   * RequestBodyBroken}, or the reason of the cancellation.
   */
  readonly send: (request: UpstreamRequest) => Promise<UpstreamResponse>;
  /** Closes idle connections. Busy ones are closed at the end of their exchange. */
  readonly renew: () => void;
  /** Closes every connection. */
  readonly close: () => void;
}

/**
 * The facts of a failure, which `resend.ts` and `retry.ts` look at. The body, the retries left and the total
 * timeout decide too.
 */
export interface FailureFacts {
  readonly phase: AttemptPhase | "answer";
  /** Whether a byte of the request may have reached the upstream. */
  readonly sent: boolean;
  /** Whether a byte of a response arrived. */
  readonly received: boolean;
  /** Whether the connection had served a request before. */
  readonly reused: boolean;
  /** Milliseconds since the proxy began to send the request. 0: it never did. */
  readonly elapsedMs: number;
}

/** The longest message, in characters. It may quote a forward proxy. */
const MAX_MESSAGE = 400;

/**
 * The upstream gave no response, or its response broke off. `message` says what the upstream did, without
 * URL, key or body. Harmful characters of quoted text are escaped.
 */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly facts: FailureFacts;

  constructor(message: string, facts: FailureFacts, options?: ErrorOptions) {
    super(harmlessText(message, MAX_MESSAGE), options);
    this.facts = facts;
  }
}

/**
 * The body of the request broke off while it was sent. The client has left, and the upstream is not to blame.
 */
export class RequestBodyBroken extends Error {
  override readonly name = "RequestBodyBroken";
}
