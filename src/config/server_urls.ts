/** The URLs of the proxy and of its admin page. */

import { isEveryAddress } from "../network/listen_everywhere.ts";
import type { ServerConfig } from "./config.ts";

/** The ports that the server listens on and the addresses of this machine. */
export interface ListeningAddresses {
  /** The configured port, or the port that the system chose. */
  readonly port: number;
  /** The separate port for HTTPS, if there is one. */
  readonly httpsPort?: number | undefined;
  /** The separate port of the admin page, if there is one. */
  readonly adminPort?: number | undefined;
  /** The IP addresses of this machine on its networks. */
  readonly lanAddresses: readonly string[];
}

/**
 * The URLs of the proxy for clients, the most useful one first. With a port for HTTP and one for HTTPS, HTTP
 * comes first, because clients need not trust a certificate for it.
 */
export function serverUrls(
  server: Pick<ServerConfig, "host" | "tls" | "httpsPort">,
  { port, httpsPort = server.httpsPort, lanAddresses }: ListeningAddresses,
): string[] {
  const hosts = hostsOf(server, lanAddresses);
  if (server.tls === undefined) return hosts.map((host) => `http://${host}:${port}`);
  if (httpsPort === undefined) return hosts.map((host) => `https://${host}:${port}`);
  return [
    ...hosts.map((host) => `http://${host}:${port}`),
    ...hosts.map((host) => `https://${host}:${httpsPort}`),
  ];
}

/** The URLs of the admin page, the most useful one first, without a slash at the end. */
export function adminUrls(...[server, listening]: Parameters<typeof adminOrigins>): string[] {
  return adminOrigins(server, listening).map((origin) => `${origin}/admin`);
}

/** The URLs of the admin page without its path, the most useful one first. */
export function adminOrigins(
  server: Pick<ServerConfig, "host" | "tls" | "httpsPort" | "adminPort">,
  { adminPort = server.adminPort, ...listening }: ListeningAddresses,
): string[] {
  if (adminPort === undefined) return serverUrls(server, listening);
  const scheme = server.tls === undefined ? "http" : "https";
  return hostsOf(server, listening.lanAddresses).map((host) => `${scheme}://${host}:${adminPort}`);
}

/** Host names and IP addresses in the form of URLs, with brackets around IPv6 addresses. */
function hostsOf({ host }: Pick<ServerConfig, "host">, lanAddresses: readonly string[]): string[] {
  return (isEveryAddress(host) ? [...lanAddresses, "localhost"] : [host])
    .map((host) => host.includes(":") ? `[${host}]` : host);
}

/** The IPv4 addresses of this machine that other machines can reach, without those of container networks. */
export function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address, name }) =>
      family === "IPv4" && !/^(127|169\.254)\./.test(address) && !/^(docker|br-|veth|virbr)/.test(name)
    )
    .map(({ address }) => address);
}
