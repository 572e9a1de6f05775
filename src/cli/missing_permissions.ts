/** What a configuration needs that the runtime's flags do not allow. */

import type { Config } from "../config/config.ts";
import { parseOrigin } from "../forwarding/transport/dial.ts";
import { hostAndPort } from "../network/host_port.ts";

/** Addresses of backends and their proxies that the process may not connect to, as the runtime's flags name them. */
export function missingPermissions({ endpoints }: Config): string[] {
  const hosts = endpoints.flatMap(({ backends }) =>
    backends.map(({ baseUrl, connection }) => connection.proxy ?? parseOrigin(baseUrl.origin))
  ).map(hostAndPort);
  return [...new Set(hosts)].filter((host) =>
    Deno.permissions.querySync({ name: "net", host }).state !== "granted"
  );
}
