/**
 * How a request names a plain upstream for an HTTP forward proxy: by the whole URL in its first line (RFC
 * 9112, 3.2.2). Forward proxies such as squid and tinyproxy open tunnels (`CONNECT`) to few ports only.
 */

import type { ConnectionSettings, OutboundProxy } from "../../config/config.ts";
import { basicCredentials, proxyText } from "../../config/read/outbound_proxy.ts";
import { type Field, field, fieldValue } from "../../http/fields.ts";
import type { Origin } from "./dial.ts";
import { TransportError } from "./transport.ts";

/** What the requests of one connection to a forward proxy have in addition. */
export interface AbsoluteForm {
  /** Scheme, host and port of the upstream, which come before the path. */
  readonly prefix: string;
  /** The login at the forward proxy. Empty without one. */
  readonly login: readonly Field[];
  /** Throws a {@link TransportError} if the forward proxy itself answered, and not the upstream. */
  readonly checkResponse: (answer: ResponseHead) => void;
}

/** The head of a response of the upstream or of the forward proxy. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: readonly Field[];
}

/**
 * The form of the requests to an origin. `undefined` if they have the usual form, on a direct connection or
 * in a tunnel. A request for a WebSocket (`upgrade`) always needs a tunnel.
 */
export function absoluteForm(
  { tls, host }: Origin,
  { proxy, proxyTunnel = false }: ConnectionSettings,
  upgrade = false,
): AbsoluteForm | undefined {
  if (proxy === undefined || proxy.scheme === "socks5" || tls || proxyTunnel || upgrade) return undefined;
  const { login } = proxy;
  return {
    prefix: `http://${host}`,
    login: login === undefined ? [] : [field("proxy-authorization", `Basic ${basicCredentials(login)}`)],
    checkResponse: (answer) => checkAnswer(answer, proxy),
  };
}

/**
 * A 407 can only come from a forward proxy. squid and tinyproxy mark their other errors: squid by
 * `x-squid-error`, tinyproxy by its name in `server`, which it otherwise leaves to the upstream.
 */
function checkAnswer({ status, fields }: ResponseHead, proxy: OutboundProxy): void {
  const squidError = status < 400 ? undefined : fieldValue(fields, "x-squid-error");
  const isTinyproxys = status >= 400 && fieldValue(fields, "server")?.startsWith("tinyproxy/") === true;
  if (status !== 407 && squidError === undefined && !isTinyproxys) return;
  // tinyproxy says 401 where others say 407.
  const isLogin = status === 407 || status === 401;
  const [code] = /^ERR_[A-Z_]{1,40}/.exec(squidError ?? "") ?? [];
  const reason = isLogin
    ? `it wants another user name or password (${status})`
    : `it answered ${status}${code === undefined ? "" : ` (${code})`}`;
  throw new TransportError(
    `the outbound proxy ${proxyText(proxy)} did not forward the request: ${reason}`,
    // An upstream can answer like a forward proxy. So the request may have arrived, and one client must not
    // cause a cooldown for all.
    { phase: "connect", sent: true, received: false, reused: false, elapsedMs: 0 },
  );
}
