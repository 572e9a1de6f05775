import type { ServerConfig } from "../config/config.ts";

/**
 * A server that accepts connections. Call its methods on the server: `const { drain } = server` does not
 * work.
 */
export interface RunningServer {
  /** The address of the main port. If there is a separate HTTPS port, the main port is plain HTTP. */
  readonly address: Deno.NetAddr;
  /** The address of the separate HTTPS port. `undefined` if the server has no such port. */
  readonly httpsAddress: Deno.NetAddr | undefined;
  /**
   * The address of the separate port of the admin page and the management API. `undefined` if the server has
   * no such port.
   */
  readonly adminAddress: Deno.NetAddr | undefined;
  /**
   * Applies the limits and the certificate of another configuration. The addresses do not change. If the
   * server has threads, returns a promise that resolves when all threads use the configuration.
   */
  configure(config: ServerConfig): void | Promise<void>;
  /** Calls `App.announceDrain` in the other threads. `undefined` if the server has no other threads. */
  announceDrain?(): void;
  /**
   * Stops accepting connections, waits for running exchanges until the deadline, and then ends the rest.
   * Resolves when all connections have ended. Further calls return the same promise. `deadlineMs` is a
   * duration.
   */
  drain(deadlineMs: number): Promise<void>;
}
