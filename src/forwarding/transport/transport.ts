/** The port between forwarding and whatever speaks to upstreams. */

/** A header's name and value; a list of pairs keeps order and repeats. */
export type HeaderPair = readonly [name: string, value: string];

/** One request to one upstream, ready to be sent as it stands. */
export interface UpstreamRequest {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query, byte for byte. */
  readonly target: string;
  /** End-to-end headers, without `host` and `content-length`: framing is the transport's. */
  readonly headers: readonly HeaderPair[];
  readonly body: ReadableStream<Uint8Array> | null;
  /** Cancels the request at whatever stage it is, the answer's body included. */
  readonly signal: AbortSignal;
}

/** An upstream's final answer. Headers and body agree: what was decoded is not called encoded. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  /** Null where the answer has none by its nature. Errors when the upstream dies before the end. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/**
 * Sends a request and gives the answer as soon as its headers are there.
 * Throws a {@link TransportError}, a {@link RequestBodyBroken}, or the signal's reason once it is aborted.
 */
export type Transport = (request: UpstreamRequest) => Promise<UpstreamResponse>;

/** No answer could be had. `message` says what failed, without URL, key or body. */
export class TransportError extends Error {
  override readonly name = "TransportError";
}

/** The request's own body broke off while it was sent: its sender has gone, and the upstream is not to blame. */
export class RequestBodyBroken extends Error {
  override readonly name = "RequestBodyBroken";
}
