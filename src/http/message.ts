/** Requests and responses as plain values. They are the interface between the server and the handler. */

import type { Cancellation } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import type { Field } from "./fields.ts";
import type { ByteOutput } from "./writer.ts";

/** What a port serves: everything, only the endpoints, or only the management plane. */
export type Entry = "all" | "clients" | "admin";

/** A request of a client, as plain values. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target, byte for byte: in most requests a path with its query. */
  readonly target: string;
  /** The fields without `content-length` and `transfer-encoding`: the body has its own length. */
  readonly fields: readonly Field[];
  /** The body. Null if the request has no body, and announces none. */
  readonly body: MessageBody | null;
  /**
   * Waits until it is known whether the request has a body, and returns it. Over HTTP/2, only the first byte
   * or the end of the stream shows that. `undefined` if {@link body} is final.
   */
  readonly knownBody?: (() => Promise<MessageBody | null>) | undefined;
  /** The address of the peer. A reverse proxy in front is the peer. */
  readonly peer: string;
  /**
   * Whether the request arrived over TLS. A trusted proxy in front has a separate connection to the client.
   */
  readonly isTls?: boolean | undefined;
  /**
   * Called when the client is authenticated, with its holder: the token or address that limits count by. From
   * then on, the server closes connections of unauthenticated clients before this one.
   */
  readonly onAuthenticated?: ((holder: string) => void) | undefined;
  /**
   * Waits until the proxy may hold one more whole response of the connection in memory. Throws the reason of
   * the cancellation. `undefined` if the number of responses in memory is not limited.
   */
  readonly acquireResponseSlot?: (() => Promise<void>) | undefined;
  /** What the port of the connection serves. */
  readonly entry: Entry;
  /** Cancelled with `ClientGone` when the client leaves, at any stage of the exchange. */
  readonly cancellation: Cancellation;
}

/** A response to a client, as plain values. */
export interface OutgoingReply {
  readonly status: number;
  /** The reason phrase. It may be empty. */
  readonly reason: string;
  /** The fields without `content-length` and `transfer-encoding`: the body has its own length. */
  readonly fields: readonly Field[];
  /** The body. Null if the response has no body. */
  readonly body: MessageBody | Uint8Array | null;
  /**
   * The length of the body that a response to HEAD or a 304 leaves out (RFC 9110, 8.6). `undefined` if the
   * upstream does not state it.
   */
  readonly omittedLength?: number | undefined;
  /** Uses the connection after a 101. `undefined` if the protocol stays HTTP. */
  readonly tunnel?: Tunnel | undefined;
}

/**
 * Uses the connection of a client after a 101. The tunnel holds an upstream connection until it has run or
 * was discarded.
 */
export interface Tunnel {
  /** Carries bytes until both sides have ended. Never throws. */
  readonly run: (client: Duplex) => Promise<void>;
  /** Releases everything that the tunnel holds. Does nothing after {@link run} has ended. */
  readonly discard: () => void;
}

/**
 * Releases what a response holds: the source of its body and its tunnel. Every server calls it at the end of
 * every response, so that a response that could not be sent leaves nothing open. Has no effect on a body or a
 * tunnel that has already ended.
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
 * Handles the request of a client, and returns the response. Throws only for a bug: the server logs the error
 * and sends a 500.
 */
export type Handler = (request: IncomingRequest) => Promise<OutgoingReply>;
