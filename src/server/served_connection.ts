/** A connection of a client, over HTTP/1.1, HTTP/2 or during its TLS handshake, as the server manages it. */
export interface ServedConnection {
  /**
   * When the last request ended or the connection began, in milliseconds of the server's clock. `undefined`
   * if a request is running.
   */
  readonly idleSince: number | undefined;
  /** When the present state began: idle, the head of a request, or running requests. */
  readonly stateSince: number;
  /** Since when a response waits for the client to read it. `undefined` if no response waits. */
  readonly unreadSince: number | undefined;
  /** Whether a request on the connection was authenticated, or needed no token. */
  readonly isAuthenticated: boolean;
  /**
   * Ends requests that have taken too long, and an idle connection. The server calls it every 5 seconds
   * (`SWEEP_MS`).
   */
  readonly endOverdue: () => void;
  /** Takes no further request, and closes the connection when the running requests have ended. */
  readonly finish: () => void;
  /** Closes the connection at once. */
  readonly close: () => void;
}
