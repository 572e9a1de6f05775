/**
 * The one HTTP client of the command line. The platform's `fetch` takes the proxies that the environment names even to
 * loopback; this client takes the way that it is given and no other.
 */

import { Cancellation } from "../cancellation.ts";
import { DIRECT } from "../config/values/defaults.ts";
import type { OutboundProxy } from "../config/config.ts";
import { createHttp1Transport } from "../forwarding/transport/http1.ts";
import { bodyOf } from "../streams/bytes.ts";
import { field } from "../http/fields.ts";
import { readUpTo } from "../streams/read_whole.ts";

/** What is asked for besides the URL. */
export interface RequestOptions {
  readonly method?: string;
  /** Sent as a bearer token. */
  readonly token?: string;
  /** A body in JSON. */
  readonly json?: string | undefined;
  /** A forward proxy on the way; absent: the connection is direct. */
  readonly proxy?: OutboundProxy | undefined;
  /** Until the whole answer is there; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** Certificates in PEM form that are trusted besides the system's. */
  readonly caCerts?: readonly string[] | undefined;
  /** The longest body; a longer one is a `RangeError`. Absent: any. */
  readonly maxBytes?: number;
  /** Is told of each piece of the body as it comes, by the length so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** An answer, read to its end. Redirects are answers too: a token goes only where it was sent to. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks a URL of `http:` or `https:`. Throws a `TransportError`, or a `TimeoutError` once the time is over. */
export async function request(
  url: string,
  { method = "GET", token, json, proxy, timeoutMs, caCerts, maxBytes = Infinity, onProgress }:
    RequestOptions = {},
): Promise<Answer> {
  const { origin, pathname, search } = new URL(url);
  const cancellation = new Cancellation();
  const timer = timeoutMs === undefined
    ? undefined
    : setTimeout(() => cancellation.cancel(new DOMException("too late", "TimeoutError")), timeoutMs);
  const transport = createHttp1Transport();
  try {
    const { status, body } = await transport.send({
      method,
      origin,
      connection: {
        ...DIRECT,
        ...(proxy && { proxy }),
        ...(caCerts && { caCerts }),
      },
      target: pathname + search,
      fields: [
        field("user-agent", "llm-proxy"),
        ...(token === undefined ? [] : [field("authorization", `Bearer ${token}`)]),
        ...(json === undefined ? [] : [field("content-type", "application/json")]),
      ],
      body: json === undefined ? null : bodyOf(new TextEncoder().encode(json)),
      again: undefined,
      cancellation,
      onPhase() {},
    });
    const read = body === null ? undefined : await readUpTo(body, maxBytes, onProgress);
    if (read?.isWhole === false) {
      body?.cancel();
      throw new RangeError(`the answer is longer than ${maxBytes} bytes`);
    }
    const text = new TextDecoder().decode(read?.bytes);
    return { status, text };
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}
