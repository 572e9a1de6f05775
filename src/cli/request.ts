/**
 * The HTTP client of the command line. It uses an outbound proxy only if the caller names one. The `fetch` of
 * the runtime would use the outbound proxies of the environment, even for loopback.
 */

import { Cancellation } from "../cancellation.ts";
import { authorityPlaces } from "../config/read/authorities.ts";
import { processSources } from "../config/sources/env.ts";
import { DIRECT } from "../config/values/defaults.ts";
import type { OutboundProxy } from "../config/config.ts";
import { createHttp1Transport } from "../forwarding/transport/http1.ts";
import { SystemRoots } from "../forwarding/transport/system_roots.ts";
import { bodyOf } from "../streams/bytes.ts";
import { type Field, field } from "../http/fields.ts";
import { readUpTo } from "../streams/read_whole.ts";

/** The options of {@link request}. */
export interface RequestOptions {
  readonly method?: string;
  /** The token to send as `Authorization: Bearer`. Without it, no credential is sent. */
  readonly token?: string;
  /** The whole value of `Authorization`. It is used instead of a token. */
  readonly authorization?: string;
  /** The JSON text to send as the body. Without it, the request has no body. */
  readonly json?: string | undefined;
  /** The members of a form to send as the body, in place of JSON. */
  readonly form?: Readonly<Record<string, string>>;
  /** The outbound proxy to use. Without it, the connection is direct. */
  readonly proxy?: OutboundProxy | undefined;
  /** The longest time until the whole response is read, in milliseconds. Without it, there is no limit. */
  readonly timeoutMs?: number;
  /** Certificates in PEM form that are trusted in addition to those of the system. */
  readonly caCerts?: readonly string[] | undefined;
  /** The longest body in bytes. A longer body throws a `RangeError`. Without it, there is no limit. */
  readonly maxBytes?: number;
  /** Called for each piece of the body with the number of bytes read so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * A complete response. The client does not follow redirects, so that only the server of the URL gets the
 * token.
 */
export interface HttpResponse {
  readonly status: number;
  readonly text: string;
  /** The fields of the response's head, in order. */
  readonly fields: readonly Field[];
}

/**
 * Sends a request to an `http:` or `https:` URL. Throws a `TransportError`, or a `TimeoutError` after
 * `timeoutMs`.
 */
export async function request(
  url: string,
  {
    method = "GET",
    token,
    authorization = token === undefined ? undefined : `Bearer ${token}`,
    json,
    form,
    proxy,
    timeoutMs,
    caCerts,
    maxBytes = Infinity,
    onProgress,
  }: RequestOptions = {},
): Promise<HttpResponse> {
  const { origin, pathname, search } = new URL(url);
  const body = form === undefined
    ? json === undefined ? undefined : { type: "application/json", text: json }
    : { type: "application/x-www-form-urlencoded", text: new URLSearchParams(form).toString() };
  const cancellation = new Cancellation();
  const timer = timeoutMs === undefined
    ? undefined
    : setTimeout(() => cancellation.cancel(new DOMException("too late", "TimeoutError")), timeoutMs);
  const transport = createHttp1Transport(new SystemRoots(authorityPlaces(processSources.get)));
  try {
    const response = await transport.send({
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
        ...(authorization === undefined ? [] : [field("authorization", authorization)]),
        ...(body === undefined ? [] : [field("content-type", body.type)]),
      ],
      body: body === undefined ? null : bodyOf(new TextEncoder().encode(body.text)),
      again: undefined,
      cancellation,
      onPhase() {},
    });
    const { status, fields } = response;
    const read = response.body === null ? undefined : await readUpTo(response.body, maxBytes, onProgress);
    if (read?.isWhole === false) {
      response.body?.cancel();
      throw new RangeError(`the response is longer than ${maxBytes} bytes`);
    }
    const text = new TextDecoder().decode(read?.bytes);
    return { status, text, fields };
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}
