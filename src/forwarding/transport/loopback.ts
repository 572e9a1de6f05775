import { closeQuietly } from "../../streams/close_quietly.ts";
import { pump } from "../../streams/pump.ts";

/**
 * Makes a connection that carries its bytes through another connection. The runtime sets up TLS only on TCP
 * connections, and shows a client certificate only on a connection that it opens. So the upstream's TLS goes
 * over loopback within the TLS of an `https://` proxy, and with a client certificate through any proxy.
 * `connect` opens a connection to an address of loopback.
 */
export async function overLoopback<Near extends Deno.TcpConn | Deno.TlsConn>(
  tunnel: Deno.Conn,
  connect: (address: { hostname: string; port: number }) => Promise<Near>,
): Promise<Hop<Near>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const far = await acceptFrom(listener, near.localAddr.port);
  void pump(far, tunnel);
  void pump(tunnel, far);
  return {
    near,
    close() {
      closeQuietly(far);
      closeQuietly(tunnel);
    },
  };
}

/** A connection over loopback, which leads through another connection. */
export interface Hop<Near> {
  /** The end of the connection that the caller uses. */
  readonly near: Near;
  /** Closes the far end. Closing the near end does not end a handshake on it. */
  readonly close: () => void;
}

/** Accepts the connection from a port. Another program of this machine could connect first. */
async function acceptFrom(listener: Deno.TcpListener, port: number): Promise<Deno.TcpConn> {
  while (true) {
    const accepted = await listener.accept();
    if (accepted.remoteAddr.hostname === "127.0.0.1" && accepted.remoteAddr.port === port) return accepted;
    accepted.close();
  }
}
