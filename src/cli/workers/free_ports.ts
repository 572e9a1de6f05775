import type { ServerConfig } from "../../config/config.ts";
import { openSockets } from "../../network/listen_everywhere.ts";
import type { SharedPorts } from "../../workers/methods.ts";

/**
 * The ports of a configuration, with a free one for each port 0. Throws what `Deno.listen` throws if one of
 * them is in use. Several sockets can share a port only if all of them ask for it, so that another program
 * would not notice the proxy, and the proxy would not notice another one.
 */
export function freePorts(
  { host: hostname, port, httpsPort, adminPort }: Pick<
    ServerConfig,
    "host" | "port" | "httpsPort" | "adminPort"
  >,
): SharedPorts {
  const open: Deno.TcpListener[] = [];
  const close = (socket: Deno.TcpListener): void => socket.close();
  const free = (port: number): number => {
    const sockets = openSockets({ hostname, port }, { open: (address) => Deno.listen(address), close });
    open.push(...sockets);
    return sockets[0].addr.port;
  };
  try {
    return {
      port: free(port),
      httpsPort: httpsPort === undefined ? undefined : free(httpsPort),
      adminPort: adminPort === undefined ? undefined : free(adminPort),
    };
  } finally {
    open.forEach(close);
  }
}
