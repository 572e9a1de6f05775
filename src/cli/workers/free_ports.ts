import type { ServerConfig } from "../../config/config.ts";
import { openSockets } from "../../network/listen_everywhere.ts";
import type { SharedPorts } from "../../workers/methods.ts";

/**
 * Returns the ports of a configuration, with a free port for each port 0. Throws the error of `Deno.listen`
 * if one of the ports is in use. This check is needed, because several sockets can share a port if all of
 * them ask for it. Without the check, two programs on the same port would not notice each other.
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
