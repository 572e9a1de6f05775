/** Requests and answers as plain values, between the server and whoever answers. */

import type { Cancellation } from "../cancellation.ts";
import type { ByteSource } from "./body.ts";
import type { Field } from "./fields.ts";
import type { ByteOutput } from "./writer.ts";

/** What the port that a request came by serves: everything, the endpoints alone, or the management plane alone. */
export type Entry = "all" | "clients" | "admin";

/** A request as it came. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target exactly as sent: a path with its query, mostly. */
  readonly target: string;
  readonly fields: readonly Field[];
  /** Null: the request has no body. */
  readonly body: ByteSource | null;
  /** Undefined where there is no body, or its length is not known. */
  readonly bodyLength: number | undefined;
  /** The address it comes from; a proxy in front is its own client. */
  readonly peer: string;
  readonly entry: Entry;
  /** Cancelled with `ClientGone` when the client leaves, at whatever stage the exchange is. */
  readonly cancellation: Cancellation;
}

/** An answer to be sent. */
export interface OutgoingReply {
  readonly status: number;
  /** The reason phrase; empty where there is none. */
  readonly reason: string;
  /** Without framing, but for the `content-length` of a {@link ByteSource} that has one. */
  readonly fields: readonly Field[];
  /** Null: no body. */
  readonly body: ByteSource | Uint8Array | null;
  /** With a 101: what goes on over the connection once its head was sent. Resolves when that has ended. */
  readonly tunnel?: (client: Duplex) => Promise<void>;
}

/** A connection that has left HTTP. */
export interface Duplex {
  /** What comes; null at the end. */
  readonly source: ByteSource;
  readonly output: ByteOutput;
}

/** Answers a request; never throws. */
export type Handler = (request: IncomingRequest) => Promise<OutgoingReply>;
