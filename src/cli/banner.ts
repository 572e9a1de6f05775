/** What a person is told at start-up. */

import { proxyText } from "../config/outbound_proxy.ts";
import type { Backend, Config } from "../config/schema.ts";
import { VERSION } from "../version.ts";

/** Facts about the running server that the configuration does not hold. */
export interface BannerFacts {
  /** The port that was given, or that the system chose. */
  readonly port: number;
  /** This machine's addresses on its networks. */
  readonly lanAddresses: readonly string[];
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
    ...(management === undefined ? [] : ["management at /manage"]),
    ...(auth.mode === "none" ? ["no token asked for"] : []),
  ];
  return [
    `llm-proxy ${VERSION}`,
    ...serverUrls(config, facts).map((url) => `  ${url}`),
    ...endpoints.map(({ name, backends }) => `  ${`/${name}`.padEnd(width)}→ ${backendsText(backends)}`),
    ...(on.length === 0 ? [] : [`  on: ${on.join(", ")}`]),
    ...(facts.warnings ?? []).map((warning) => `  warning: ${warning}`),
  ].join("\n");
}

/** Each host, with the proxy on the way to it. */
function backendsText(backends: readonly Backend[]): string {
  return backends.map(({ baseUrl, connection: { proxy } }) =>
    new URL(baseUrl.origin).host + (proxy === undefined ? "" : ` through ${proxyText(proxy)}`)
  ).join(", ");
}

/** The addresses under which clients reach the server, the most useful one first. */
export function serverUrls({ server }: Config, { port, lanAddresses }: BannerFacts): string[] {
  const scheme = server.tls === undefined ? "http" : "https";
  const url = (host: string) => `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (server.host !== "0.0.0.0" && server.host !== "::") return [url(server.host)];
  return [...lanAddresses, "localhost"].map(url);
}

/** The IPv4 addresses under which other machines may reach this one. */
export function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address, name }) =>
      family === "IPv4" && !/^(127|169\.254)\./.test(address) && !/^(docker|br-|veth|virbr)/.test(name)
    )
    .map(({ address }) => address);
}
