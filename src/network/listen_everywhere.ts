/** Opens sockets on every address of this machine, IPv4 and IPv6. */

/** The host that means every address of this machine. */
export const EVERY_ADDRESS = "::";
/** The host that means every IPv4 address of this machine. */
export const EVERY_IPV4_ADDRESS = "0.0.0.0";

/** An address to listen on. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** How a socket is opened and closed. */
export interface SocketKind<Socket> {
  /** Opens a socket, and throws if it cannot. */
  readonly open: (address: ListenAddress) => Socket;
  readonly close: (socket: Socket) => void;
}

/** Whether a host means every address of this machine, or every IPv4 address. */
export function isEveryAddress(host: string): boolean {
  return host === EVERY_ADDRESS || host === EVERY_IPV4_ADDRESS;
}

/**
 * Opens a socket on an address. `::` opens IPv6 and IPv4: on most systems one socket accepts both. Windows
 * needs a second socket, and so does Linux with `net.ipv6.bindv6only`. On a machine without IPv6, `::` opens
 * IPv4 only. Throws what `open` throws.
 */
export function openSockets<Socket extends { readonly addr: Deno.NetAddr }>(
  { hostname, port }: ListenAddress,
  { open, close }: SocketKind<Socket>,
  { needsSecond = Deno.build.os === "windows" }: { readonly needsSecond?: boolean } = {},
): [Socket, ...Socket[]] {
  if (hostname !== EVERY_ADDRESS) return [open({ hostname, port })];
  let first: Socket;
  try {
    first = open({ hostname, port });
  } catch (error) {
    if (isAboutPort(error)) throw error;
    // The machine has no IPv6, or the rights of the process do not cover it.
    return [open({ hostname: EVERY_IPV4_ADDRESS, port })];
  }
  try {
    return [first, open({ hostname: EVERY_IPV4_ADDRESS, port: first.addr.port })];
  } catch (error) {
    // The first socket has the port for IPv4 too.
    if (!needsSecond) return [first];
    close(first);
    throw error;
  }
}

/** Opens sockets as {@link openSockets} does, and closes them. Throws what `Deno.listen` throws. */
export function tryListening(address: ListenAddress): void {
  const close = (socket: Deno.TcpListener): void => socket.close();
  openSockets(address, { open: (one) => Deno.listen(one), close }).forEach(close);
}

/** Whether IPv4 would fail too: another program uses the port, or the account may not use it. */
function isAboutPort(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied;
}
