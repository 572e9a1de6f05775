import type { ServerConfig } from "../config/config.ts";

/** A server that accepts connections. Its methods belong to it: `const { drain } = server` does not work. */
export interface RunningServer {
  /** The address of the main port. With a separate HTTPS port, this is the plain one. */
  readonly address: Deno.NetAddr;
  /** The address of the separate HTTPS port. `undefined` if the server has no such port. */
  readonly httpsAddress: Deno.NetAddr | undefined;
  /**
   * The address of the separate port of the admin page and the management API. `undefined` if the server has
   * no such port.
   */
  readonly adminAddress: Deno.NetAddr | undefined;
  /**
   * Applies the limits and the certificate of another configuration. The addresses do not change. A promise
   * resolves when all threads use the configuration.
   */
  configure(config: ServerConfig): void | Promise<void>;
  /** Does what `App.announceDrain` does in other threads. `undefined` if the server has none. */
  announceDrain?(): void;
  /**
   * Stops accepting connections, waits for running exchanges until the deadline, and then ends the rest.
   * Resolves when all connections have ended. Further calls return the same promise.
   */
  drain(deadlineMs: number): Promise<void>;
}
