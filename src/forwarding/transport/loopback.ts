import { closeQuietly } from "../../streams/close_quietly.ts";
import { pump } from "../../streams/pump.ts";

/**
 * A plain TCP connection that leads through another connection. The runtime sets TLS up on TCP connections only;
 * within the TLS of an `https://` proxy the upstream's own TLS needs one, so the bytes go over loopback.
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

/** The way over loopback. */
export interface Hop {
  readonly near: Deno.TcpConn;
  /** Ends it from the far side; a handshake on the near one does not end with its connection. */
  readonly close: () => void;
}

/** The connection that came from that port: any other program of this machine could have come first. */
async function acceptFrom(listener: Deno.TcpListener, port: number): Promise<Deno.TcpConn> {
  while (true) {
    const accepted = await listener.accept();
    if (accepted.remoteAddr.hostname === "127.0.0.1" && accepted.remoteAddr.port === port) return accepted;
    accepted.close();
  }
}
