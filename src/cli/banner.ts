/** What a person is told at start-up. */

import { proxyText } from "../config/read/outbound_proxy.ts";
import { adminUrls, type ListeningAddresses, serverUrls } from "../config/server_urls.ts";
import type { Backend, Config, ServerConfig } from "../config/config.ts";
import { VERSION } from "../release.ts";
import { styled } from "./colours.ts";

/** Facts about the running server that the configuration does not hold. */
export interface BannerFacts extends ListeningAddresses {
  /** What works, and should be known all the same. */
  readonly warnings?: readonly string[];
}

/** The whole text, without a line break at its end. */
export function bannerText(config: Config, facts: BannerFacts): string {
  const { endpoints, log, server, auth, management } = config;
  const width = Math.max(...endpoints.map(({ name }) => name.length)) + 2;
  const on = [
    ...(server.tls === undefined ? [] : ["TLS"]),
    ...(log.access ? ["access log"] : []),
    ...(management === undefined ? [] : [`admin page at ${adminAddress(server, facts)}`]),
    ...(auth.mode === "none" ? ["no token asked for"] : []),
  ];
  return [
    styled("bold", `llm-proxy ${VERSION}`),
    ...serverUrls(server, facts).map((url) => `  ${url}`),
    ...endpoints.map(({ name, backends }) => `  ${`/${name}`.padEnd(width)}→ ${backendsText(backends)}`),
    ...(on.length === 0 ? [] : [`  on: ${on.join(", ")}`]),
    ...(facts.warnings ?? []).map((warning) => `  ${styled("yellow", "warning:")} ${warning}`),
  ].join("\n");
}

/** Its path, where it is beside the endpoints. */
function adminAddress(server: ServerConfig, facts: BannerFacts): string {
  return server.adminPort === undefined ? "/admin" : adminUrls(server, facts)[0] ?? "/admin";
}

/** Each host, with the proxy on the way to it. */
function backendsText(backends: readonly Backend[]): string {
  return backends.map(({ baseUrl, connection: { proxy } }) =>
    new URL(baseUrl.origin).host + (proxy === undefined ? "" : ` through ${proxyText(proxy)}`)
  ).join(", ");
}
