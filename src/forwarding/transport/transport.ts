/** The port between forwarding and whatever speaks to upstreams. */

import type { Cancellation } from "../../cancellation.ts";
import type { ConnectionSettings } from "../../config/config.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import type { Field } from "../../http/fields.ts";
import type { Duplex } from "../../http/message.ts";

/** One request to one upstream, ready to be sent as it stands. */
export interface UpstreamRequest {
  readonly method: string;
  /** Scheme, host and port, like `https://api.openai.com`. */
  readonly origin: string;
  /** How the origin is connected to. */
  readonly connection: ConnectionSettings;
  /** Path and query, byte for byte. */
  readonly target: string;
  /** End-to-end fields without `host` and without framing fields. */
  readonly fields: readonly Field[];
  /** Null: no body. */
  readonly body: MessageBody | null;
  /** Gives the body once more, from the start; undefined where that cannot be. */
  readonly again: (() => MessageBody) | undefined;
  /** Cancels the request at whatever stage it is, the answer's body included; its reason is then thrown. */
  readonly cancellation: Cancellation;
  /** A change of protocol is asked for, which makes the connection the request's own. */
  readonly upgrade?: boolean;
  /** Is told which phase begins, so that each can have its limit. */
  readonly onPhase: (phase: AttemptPhase) => void;
  /** Is told, before a reason of the cancellation is thrown, that a byte of an answer had come. */
  readonly onReceived?: () => void;
}

/**
 * What an attempt waits for; a kept connection begins with the answer. While the client has not sent more of its
 * body, `upload`, nobody waits for the upstream.
 */
export type AttemptPhase = "connect" | "tls" | "upload" | "first byte";

/** An upstream's final answer as it was sent: fields in order with repeats but without framing, nothing decoded. */
export interface UpstreamResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /** Null where the answer has none by its nature. Throws a {@link TransportError} where it breaks off. */
  readonly body: MessageBody | null;
  /** The length that was stated of a body that is left out: in an answer to HEAD, or a 304. */
  readonly omittedLength?: number | undefined;
  /** With a 101; whoever gets it closes it. */
  readonly upgraded?: UpgradedConnection;
}

/** A connection to an upstream that has left HTTP. */
export interface UpgradedConnection extends Duplex {
  /** Nothing more is sent. Never throws. */
  readonly closeWrite: () => Promise<void>;
  readonly close: () => void;
}

/** Sends requests to upstreams. */
export interface Transport {
  /**
   * Gives the answer as soon as its head is there. Throws a {@link TransportError}, a {@link RequestBodyBroken},
   * or the cancellation's reason.
   */
  readonly send: (request: UpstreamRequest) => Promise<UpstreamResponse>;
  /** Lets idle connections go; busy ones end with their exchange. */
  readonly renew: () => void;
  /** Closes every connection. */
  readonly close: () => void;
}

/** What is known of a failure; whether to try again is decided on this alone. */
export interface FailureFacts {
  readonly phase: AttemptPhase | "answer";
  /** A byte of the request may have reached the upstream. */
  readonly sent: boolean;
  /** A byte of an answer came. */
  readonly received: boolean;
  /** The connection had served a request before. */
  readonly reused: boolean;
  /** Since the request began to be sent; 0 where it never was. */
  readonly elapsedMs: number;
}

/** A message may quote what a forward proxy said. In characters. */
const MAX_MESSAGE = 400;

/**
 * No whole answer could be had. `message` says what the upstream did, without URL, key or body; what it quotes is made
 * harmless here.
 */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly facts: FailureFacts;

  constructor(message: string, facts: FailureFacts, options?: ErrorOptions) {
    super(harmlessText(message, MAX_MESSAGE), options);
    this.facts = facts;
  }
}

/** The request's own body broke off while it was sent: its sender has gone, and the upstream is not to blame. */
export class RequestBodyBroken extends Error {
  override readonly name = "RequestBodyBroken";
}
