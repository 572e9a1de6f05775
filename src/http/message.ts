/** Requests and responses as plain values. They are the interface between the server and the handler. */

import type { Cancellation } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import type { Field } from "./fields.ts";
import type { ByteOutput } from "./writer.ts";

/** The routes that a port serves: all routes, only the endpoints, or only the management plane. */
export type Entry = "all" | "clients" | "admin";

/** A request of a client, as plain values. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target, byte for byte: in most requests a path with its query. */
  readonly target: string;
  /** The fields without `content-length` and `transfer-encoding`, because the body has its length. */
  readonly fields: readonly Field[];
  /** The body. `null` if the request has no body and announces none. */
  readonly body: MessageBody | null;
  /**
   * Waits until it is known whether the request has a body, and returns the body. Over HTTP/2, only the first
   * byte or the end of the stream shows it. `undefined` if {@link body} is final.
   */
  readonly knownBody?: (() => Promise<MessageBody | null>) | undefined;
  /** The address of the peer. If a reverse proxy is in front, the peer is that proxy. */
  readonly peer: string;
  /**
   * Whether the request arrived over TLS. If a trusted proxy is in front, this says nothing about the
   * client's connection.
   */
  readonly isTls?: boolean | undefined;
  /**
   * Called when the client is authenticated. `holder` is the token or the address that limits count by. From
   * then on, the server closes connections of unauthenticated clients before this connection.
   */
  readonly onAuthenticated?: ((holder: string) => void) | undefined;
  /**
   * Waits until the proxy may hold one more complete response of the connection in memory. Throws the reason
   * of the cancellation. `undefined` if the number of responses in memory is not limited.
   */
  readonly acquireResponseSlot?: (() => Promise<void>) | undefined;
  /** The routes that the port of the connection serves. */
  readonly entry: Entry;
  /** Cancelled with `ClientGone` when the client leaves, at any stage of the exchange. */
  readonly cancellation: Cancellation;
}

/** A response to a client, as plain values. */
export interface OutgoingReply {
  readonly status: number;
  /** The reason phrase. It may be empty. */
  readonly reason: string;
  /** The fields without `content-length` and `transfer-encoding`, because the body has its length. */
  readonly fields: readonly Field[];
  /** The body. `null` if the response has no body. */
  readonly body: MessageBody | Uint8Array | null;
  /**
   * The length of a body that is left out, in a response to HEAD or in a 304 (RFC 9110, 8.6). `undefined` if
   * the upstream does not state it.
   */
  readonly omittedLength?: number | undefined;
  /** Uses the connection after a 101. `undefined` if the protocol does not change. */
  readonly tunnel?: Tunnel | undefined;
}

/**
 * Uses the connection of a client after a 101. The tunnel holds an upstream connection until {@link run} has
 * ended or {@link discard} is called.
 */
export interface Tunnel {
  /** Carries bytes in both directions until both sides have ended. Never throws. */
  readonly run: (client: Duplex) => Promise<void>;
  /** Releases everything that the tunnel holds. Does nothing after {@link run} has ended. */
  readonly discard: () => void;
}

/**
 * Releases the parts of a response: the source of its body and its tunnel. Every server calls it at the end
 * of every response, so that a response that could not be sent leaves nothing open. Does nothing for a body
 * or a tunnel that has already ended.
 */
export function discardReply({ body, tunnel }: Pick<OutgoingReply, "body" | "tunnel">): void {
  if (body !== null && !(body instanceof Uint8Array)) body.cancel();
  tunnel?.discard();
}

/** A connection after a change of protocol. */
export interface Duplex {
  /** The bytes that the peer sends. */
  readonly source: ByteSource;
  readonly output: ByteOutput;
}

/**
 * Handles the request of a client, and returns the response. Throws only because of a bug. The server then
 * logs the error and sends a 500.
 */
export type Handler = (request: IncomingRequest) => Promise<OutgoingReply>;
