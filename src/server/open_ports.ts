import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Entry } from "../http/message.ts";
import { Listener, type ListenEvents } from "./listener.ts";

/** The reports of the open ports. */
export interface PortEvents extends Omit<ListenEvents, "onConnection"> {
  /** Called with each accepted connection, and with the routes that its port serves. */
  readonly onConnection: (connection: Deno.Conn, entry: Entry) => void;
}

/** The listeners of a server. */
export interface OpenPorts {
  readonly main: Listener;
  /** The separate HTTPS port. `undefined` if the configuration has none. */
  readonly https: Listener | undefined;
  /**
   * The separate port for the admin page and the management API. `undefined` if the configuration has none.
   */
  readonly admin: Listener | undefined;
  /** The main listener, and the other listeners of the configuration. */
  readonly all: readonly Listener[];
}

/**
 * Opens the ports of a configuration. With a certificate, the admin port uses TLS. The main port uses TLS
 * too, unless there is a separate HTTPS port. Throws the error of `Deno.listenTls` if an address cannot be
 * bound or the certificate cannot be used. It then leaves no port open.
 */
export function openPorts(
  { host: hostname, port, httpsPort, adminPort, tls, workers }: ServerConfig,
  events: PortEvents,
): OpenPorts {
  const all: Listener[] = [];
  const listen = (port: number, tls: TlsConfig | undefined, entry: Entry): Listener => {
    const listener = new Listener({ hostname, port, tls, isShared: workers > 1 }, {
      ...events,
      onConnection: (accepted) => events.onConnection(accepted, entry),
    });
    all.push(listener);
    return listener;
  };
  const entry = adminPort === undefined ? "all" : "clients";
  try {
    return {
      main: listen(port, httpsPort === undefined ? tls : undefined, entry),
      https: httpsPort === undefined ? undefined : listen(httpsPort, tls, entry),
      admin: adminPort === undefined ? undefined : listen(adminPort, tls, "admin"),
      all,
    };
  } catch (error) {
    for (const listener of all) void listener.close();
    throw error;
  }
}
