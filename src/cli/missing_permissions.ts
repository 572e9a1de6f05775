/** Finds the permissions that a configuration needs and that the process does not have. */

import type { Config } from "../config/config.ts";
import { parseOrigin } from "../forwarding/transport/dial.ts";
import { hostAndPort } from "../network/host_port.ts";
import { jwtAddresses } from "./jwt_addresses.ts";

/**
 * Returns the addresses of backends, outbound proxies and providers of tokens, as `HOST:PORT`, that the
 * process may not connect to.
 */
export function missingPermissions({ auth, endpoints }: Config): string[] {
  const hosts = endpoints.flatMap(({ backends }) =>
    backends.map(({ baseUrl, connection }) => connection.proxy ?? parseOrigin(baseUrl.origin))
  ).map(hostAndPort);
  return [...new Set([...hosts, ...jwtAddresses(auth)])].filter((host) =>
    Deno.permissions.querySync({ name: "net", host }).state !== "granted"
  );
}
