/** The text that the proxy prints at its start. */

import { proxyText } from "../config/read/outbound_proxy.ts";
import { adminUrls, type ListeningAddresses, serverUrls } from "../config/server_urls.ts";
import type { Backend, Config, ServerConfig } from "../config/config.ts";
import { VERSION } from "../release.ts";
import { styled } from "./colours.ts";

/** Facts about the running server that are not in the configuration. */
export interface BannerFacts extends ListeningAddresses {
  /** Warnings about the configuration, each a sentence without its full stop. */
  readonly warnings?: readonly string[];
}

/** Returns the version, addresses, endpoints and warnings, without a line break at the end. */
export function bannerText(config: Config, facts: BannerFacts): string {
  const { endpoints, log, server, auth, management } = config;
  const width = Math.max(...endpoints.map(({ name }) => name.length)) + 2;
  const on = [
    ...(server.tls === undefined ? [] : ["TLS"]),
    ...(log.access ? ["access log"] : []),
    ...(management === undefined ? [] : [`admin page at ${adminAddress(server, facts)}`]),
    ...(auth.mode === "none" ? ["no token needed"] : []),
  ];
  return [
    styled("bold", `llm-proxy ${VERSION}`),
    ...serverUrls(server, facts).map((url) => `  ${url}`),
    ...endpoints.map(({ name, backends }) => `  ${`/${name}`.padEnd(width)}→ ${backendsText(backends)}`),
    ...(on.length === 0 ? [] : [`  on: ${on.join(", ")}`]),
    ...(facts.warnings ?? []).map((warning) => `  ${styled("yellow", "warning:")} ${warning}`),
  ].join("\n");
}

/** Returns the URL of the admin page. Returns only its path if it has no separate port. */
function adminAddress(server: ServerConfig, facts: BannerFacts): string {
  return server.adminPort === undefined ? "/admin" : adminUrls(server, facts)[0] ?? "/admin";
}

/** Returns the host of each backend, with its outbound proxy. */
function backendsText(backends: readonly Backend[]): string {
  return backends.map(({ baseUrl, connection: { proxy } }) =>
    new URL(baseUrl.origin).host + (proxy === undefined ? "" : ` through ${proxyText(proxy)}`)
  ).join(", ");
}
