/** Under which addresses this proxy is reached. */

import type { ServerConfig } from "./config.ts";

/** What the configuration does not say of it. */
export interface ListeningAddresses {
  /** The port that was given, or that the system chose. */
  readonly port: number;
  /** Likewise the second one, where HTTPS has one of its own. */
  readonly httpsPort?: number | undefined;
  /** The port of the admin page, where it has one. */
  readonly adminPort?: number | undefined;
  /** This machine's addresses on its networks. */
  readonly lanAddresses: readonly string[];
}

/**
 * The addresses under which clients reach the server, the most useful one first: where there are two ports the plain
 * one, for which no certificate has to be trusted.
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

/** The addresses of the admin page, the most useful one first, without a slash at their end. */
export function adminUrls(
  server: Pick<ServerConfig, "host" | "tls" | "httpsPort" | "adminPort">,
  { adminPort = server.adminPort, ...listening }: ListeningAddresses,
): string[] {
  if (adminPort === undefined) return serverUrls(server, listening).map((url) => `${url}/admin`);
  const scheme = server.tls === undefined ? "http" : "https";
  return hostsOf(server, listening.lanAddresses).map((host) => `${scheme}://${host}:${adminPort}/admin`);
}

/** Names and addresses as they stand in a URL. */
function hostsOf({ host }: Pick<ServerConfig, "host">, lanAddresses: readonly string[]): string[] {
  const isEvery = host === "0.0.0.0" || host === "::";
  return (isEvery ? [...lanAddresses, "localhost"] : [host])
    .map((host) => host.includes(":") ? `[${host}]` : host);
}

/** The IPv4 addresses under which other machines may reach this one. */
export function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address, name }) =>
      family === "IPv4" && !/^(127|169\.254)\./.test(address) && !/^(docker|br-|veth|virbr)/.test(name)
    )
    .map(({ address }) => address);
}
