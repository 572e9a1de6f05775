import { closeQuietly } from "../../streams/close_quietly.ts";
import { pump } from "../../streams/pump.ts";

/**
 * Makes a plain TCP connection that carries its bytes through another connection. The runtime sets up TLS
 * only on TCP connections, so the upstream's TLS within the TLS of an `https://` proxy goes over loopback.
 */
export async function overLoopback(tunnel: Deno.Conn): Promise<Hop> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
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
export interface Hop {
  /** The end for the caller. */
  readonly near: Deno.TcpConn;
  /** Closes the far end. To close the near end does not end a handshake on it. */
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
