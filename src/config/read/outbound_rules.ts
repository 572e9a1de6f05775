/** The forward proxies for connections whose hosts the configuration does not know. */

import { environmentProxySchema, isExempt } from "./outbound_proxy.ts";
import type { ConnectionSettings, OutboundProxy, OutboundRules } from "../config.ts";
import type { Resolver } from "./resolver.ts";
import { DIRECT } from "../values/defaults.ts";
import { textSchema } from "../values/values.ts";

/** The rules by `proxy_url` of the file, or else by the environment. */
export function outboundRules(
  resolver: Resolver,
  proxyUrl: OutboundProxy | "direct" | undefined,
): OutboundRules {
  if (proxyUrl === "direct") return {};
  if (proxyUrl !== undefined) return { http: proxyUrl, https: proxyUrl };
  const read = (name: "HTTP_PROXY" | "HTTPS_PROXY"): OutboundProxy | undefined => {
    const found = resolver.variable(name, environmentProxySchema)?.value;
    return found === "direct" ? undefined : found;
  };
  const [http, https] = [read("HTTP_PROXY"), read("HTTPS_PROXY")];
  return {
    ...(http && { http }),
    ...(https && { https }),
    noProxy: resolver.variable("NO_PROXY", textSchema)?.value ?? "",
  };
}

/** How the proxy connects to an origin like `https://api.example.com` by the rules. */
export function connectionBy(
  { http, https, noProxy }: OutboundRules,
  { origin, caCerts }: { readonly origin: string; readonly caCerts: readonly string[] | undefined },
): ConnectionSettings {
  const named = origin.startsWith("https:") ? https : http;
  const proxy = noProxy !== undefined && named !== undefined && isExempt(origin, noProxy) ? undefined : named;
  if (proxy === undefined && caCerts === undefined) return DIRECT;
  return {
    ...DIRECT,
    key: JSON.stringify(["sign_in", proxy, caCerts]),
    ...(proxy && { proxy }),
    ...(caCerts && { caCerts }),
  };
}
