/**
 * A connection of a client, in the form in which the server manages it. It uses HTTP/1.1 or HTTP/2, or is in
 * its TLS handshake.
 */
export interface ServedConnection {
  /**
   * When the last request ended or the connection began, in milliseconds of the server's clock. `undefined`
   * if a request is running.
   */
  readonly idleSince: number | undefined;
  /** When the present state began. The states are: idle, reading a head, and running requests. */
  readonly stateSince: number;
  /** When a response began to wait for the client to read it. `undefined` if no response waits. */
  readonly unreadSince: number | undefined;
  /** Whether a request on the connection was authenticated, or needed no token. */
  readonly isAuthenticated: boolean;
  /**
   * Ends requests that have exceeded a timeout, and closes a connection that has been idle for too long. The
   * server calls it every 5 seconds (`SWEEP_MS`).
   */
  readonly endOverdue: () => void;
  /** Accepts no further request, and closes the connection when the running requests have ended. */
  readonly finish: () => void;
  /** Closes the connection immediately. */
  readonly close: () => void;
}
