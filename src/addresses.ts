/** Under which addresses this proxy is reached. */

import type { ServerConfig } from "./config/schema.ts";

/** What the configuration does not say of it. */
export interface Listening {
  /** The port that was given, or that the system chose. */
  readonly port: number;
  /** This machine's addresses on its networks. */
  readonly lanAddresses: readonly string[];
}

/** The addresses under which clients reach the server, the most useful one first. */
export function serverUrls(
  server: Pick<ServerConfig, "host" | "tls">,
  { port, lanAddresses }: Listening,
): string[] {
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
