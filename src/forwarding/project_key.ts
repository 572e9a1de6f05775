import type { Backend, Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Principal } from "../principal.ts";

/** The backend with its project's key in place of its own. */
export function withProjectsKey(
  backend: Backend,
  { principal, endpoint }: { principal: Principal; endpoint: Endpoint },
): Backend {
  const value = principal.keys.get(endpoint.name);
  // The others may be another provider's, who has no business with this key.
  const isSameProvider = backend.baseUrl.origin === endpoint.backends[0]?.baseUrl.origin;
  if (value === null) {
    throw new ProxyFault(
      "internal",
      `The key of this project for ${endpoint.name} cannot be read; the log says more.`,
    );
  }
  return value === undefined || !isSameProvider ? backend : { ...backend, key: { mode: "inject", value } };
}
