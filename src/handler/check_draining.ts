import { ProxyFault } from "../faults.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** Throws `draining` if the proxy shuts down. */
export function checkDraining({ isDraining }: Pick<ProxyParts, "isDraining">): void {
  if (isDraining()) throw new ProxyFault("draining", "The proxy is shutting down.", { retryAfterSeconds: 1 });
}
