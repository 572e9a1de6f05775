/** Requests and answers as plain values, between the server and whoever answers. */

import type { Cancellation } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import type { Field } from "./fields.ts";
import type { ByteOutput } from "./writer.ts";

/** What the port that a request came by serves: everything, the endpoints alone, or the management plane alone. */
export type Entry = "all" | "clients" | "admin";

/** A request as it came. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target exactly as sent: a path with its query, mostly. */
  readonly target: string;
  /** Without framing fields: the body has its own length. */
  readonly fields: readonly Field[];
  /** Null: the request neither has nor announces a body. */
  readonly body: MessageBody | null;
  /**
   * Over HTTP/2 only the first byte or the end of the stream tells whether a request without a length has a body:
   * waits for it, and gives the body or null. Undefined: {@link body} is certain.
   */
  readonly settledBody?: (() => Promise<MessageBody | null>) | undefined;
  /** The address it comes from; a proxy in front is its own client. */
  readonly peer: string;
  /** The request arrived over TLS. A trusted proxy in front has a separate connection to the client. */
  readonly isTls?: boolean | undefined;
  /**
   * Called when the request has been admitted: its connection is no longer the first to be closed for others. Gets the
   * name under which the client shares limits with others.
   */
  readonly onAuthenticated?: ((holder: string) => void) | undefined;
  /**
   * Waits until the client has taken so many other answers that one more may be held in memory whole. Throws the reason
   * of the cancellation. Undefined: answers do not wait for each other.
   */
  readonly roomForAnswer?: (() => Promise<void>) | undefined;
  readonly entry: Entry;
  /** Cancelled with `ClientGone` when the client leaves, at whatever stage the exchange is. */
  readonly cancellation: Cancellation;
}

/** An answer to be sent. */
export interface OutgoingReply {
  readonly status: number;
  /** The reason phrase; empty where there is none. */
  readonly reason: string;
  /** Without framing fields: the body has its own length. */
  readonly fields: readonly Field[];
  /** Null: no body. */
  readonly body: MessageBody | Uint8Array | null;
  /** The length of the body that an answer to HEAD or a 304 leaves out, where it was stated (RFC 9110, 8.6). */
  readonly omittedLength?: number | undefined;
  /** With a 101: what uses the connection after its head. */
  readonly tunnel?: Tunnel;
}

/** What uses a client's connection after a 101. It holds an upstream connection until it has run or was discarded. */
export interface Tunnel {
  /** Carries bytes until both sides have ended. */
  readonly run: (client: Duplex) => Promise<void>;
  /** Releases everything it holds. Nothing happens after {@link run} has ended. */
  readonly discard: () => void;
}

/**
 * Releases what an answer holds: its body's source and its tunnel. Every server calls it at the end of every answer,
 * so that an answer that could not be sent leaves nothing open. Nothing happens to what has ended already.
 */
export function discardReply({ body, tunnel }: Pick<OutgoingReply, "body" | "tunnel">): void {
  if (body !== null && !(body instanceof Uint8Array)) body.cancel();
  tunnel?.discard();
}

/** A connection that has left HTTP. */
export interface Duplex {
  /** What comes; null at the end. */
  readonly source: ByteSource;
  readonly output: ByteOutput;
}

/** Answers a request; never throws. */
export type Handler = (request: IncomingRequest) => Promise<OutgoingReply>;
