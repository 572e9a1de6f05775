/** The hosts that a configuration connects to. */

import type { Backend, Config, OutboundProxy } from "../../config/config.ts";
import { durationText } from "../../config/values/durations.ts";
import { type Origin, parseOrigin } from "../../forwarding/transport/dial.ts";

/** A host that the proxy connects to, and its role. */
export interface Host {
  readonly hostname: string;
  readonly port: number;
  /** The role of the host, like `openai` or `the outbound proxy of openai`. */
  readonly what: string;
}

/**
 * Returns the hosts that the proxy connects to: outbound proxies, and upstreams that need none. Each host is
 * listed once.
 */
export function firstHops(config: Config): Host[] {
  return unique(
    backendsOf(config).map(({ name, backend }) => {
      const { proxy } = backend.connection;
      return proxy === undefined
        ? { ...parseOrigin(backend.baseUrl.origin), what: name }
        : { ...proxy, what: `the outbound proxy of ${name}` };
    }),
  );
}

/** Returns the upstreams that the proxy connects to without an outbound proxy. */
export function directUpstreams(config: Config): Host[] {
  return unique(
    backendsOf(config).filter(({ backend }) => backend.connection.proxy === undefined)
      .map(({ name, backend }): Host & Origin => ({ ...parseOrigin(backend.baseUrl.origin), what: name })),
  );
}

/**
 * Returns the outbound proxies of all backends. Each is listed once, with the name of an endpoint that uses
 * it.
 */
export function outboundProxies(config: Config): { proxy: OutboundProxy; what: string }[] {
  const all = backendsOf(config).flatMap(({ name, backend: { connection: { proxy } } }) =>
    proxy === undefined ? [] : [{ proxy, what: name }]
  );
  return [
    ...new Map(all.map((one) => [`${one.proxy.scheme}://${one.proxy.hostname}:${one.proxy.port}`, one]))
      .values(),
  ];
}

/**
 * Opens a connection and closes it. Returns `undefined` if that worked. Otherwise returns the reason, as the
 * rest of a sentence.
 */
export async function connectionProblem(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    (await Deno.connect({ hostname, port, signal: AbortSignal.timeout(timeoutMs) })).close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return "refuses the connection";
    if (error instanceof DOMException) return `does not answer within ${durationText(timeoutMs)}`;
    return "cannot be reached";
  }
}

function backendsOf({ endpoints }: Config): { name: string; backend: Backend }[] {
  return endpoints.flatMap(({ name, backends }) => backends.map((backend) => ({ name, backend })));
}

function unique<One extends Host>(hosts: readonly One[]): One[] {
  return [...new Map(hosts.map((host) => [`${host.hostname}:${host.port}`, host])).values()];
}
