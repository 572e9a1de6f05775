import type { ProxyFault } from "./faults.ts";

/**
 * How a response ended: the client got all of it, the client left, or the response broke off. A fault is for
 * the log, because the client only sees its connection end. `forwarding/relay.ts` decides it for a body, and
 * `forwarding/websocket/tunnel.ts` for a WebSocket.
 */
export type ResponseEnd = "complete" | "client_gone" | ProxyFault;
