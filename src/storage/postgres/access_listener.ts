/**
 * Listens for changes of projects and tokens on a connection for this purpose (LISTEN). The server sends a
 * notification when a change is committed. After a lost connection, everything is read.
 */

import { NOTICED_WITHIN_MS } from "../access_store.ts";
import { AccessState, type AccessWatch, LATEST } from "./access_watch.ts";
import { BoundedClient } from "./bounded_client.ts";
import { ACCESS_CHANNEL } from "./migrations.ts";
import type { PostgresServer } from "./server.ts";

/** How often the connection is checked, in milliseconds. A broken network closes no connection. */
const CHECK_MS = 10_000;
/** How long the answer to a check may take, in milliseconds. */
const ANSWER_MS = NOTICED_WITHIN_MS - CHECK_MS;
/** The first time until the next try to connect, in milliseconds. It doubles up to the longest. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/**
 * Begins to listen for changes. The connection is made in the background. {@link AccessWatch.close} ends it.
 */
export function listenForAccess(server: PostgresServer): AccessWatch {
  return new AccessListener(server);
}

class AccessListener extends AccessState implements AccessWatch {
  readonly #server: PostgresServer;
  #client: BoundedClient | undefined;
  #schema = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;

  constructor(server: PostgresServer) {
    super();
    this.#server = server;
    this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    // Also while it connects: nothing waits for a server that does not answer.
    await client?.end();
  }

  /** Never rejects. */
  async #connect(): Promise<void> {
    const client = new BoundedClient(this.#server.client);
    this.#client = client;
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", ({ payload = "" }) => {
      const [position, schema] = payload.split(" ");
      if (schema === this.#schema) this.heardOf(Number(position));
    });
    try {
      await client.connect();
      // Listening begins before the position is read, so that no change is missed between them.
      await client.query({ text: `LISTEN ${ACCESS_CHANNEL}` });
      const { rows: [row] } = await client.query({ text: "SELECT current_schema() AS schema" });
      this.#schema = String(row?.["schema"]);
      await this.#check(client);
      this.#retryMs = FIRST_RETRY_MS;
    } catch {
      this.#lost(client);
    }
  }

  /** Reads the position, and plans the next check. Throws an error of the driver. */
  async #check(client: BoundedClient): Promise<void> {
    const { rows: [row] } = await client.query({ text: LATEST, query_timeout: ANSWER_MS });
    // Notifications arrive on this connection too, in the order of the commits, and never before an earlier
    // answer.
    this.isAt(Number(row?.["last"] ?? 0));
    if (this.#isClosed || this.#client !== client) return;
    this.#timer = setTimeout(() => {
      this.#check(client).catch(() => this.#lost(client));
    }, CHECK_MS);
  }

  #lost(client: BoundedClient): void {
    if (this.#client !== client || this.#isClosed) return;
    this.#client = undefined;
    this.isDown = true;
    clearTimeout(this.#timer);
    client.end();
    // Replicas that lost the same server do not all come back at the same moment.
    const waitMs = this.#retryMs * (0.5 + Math.random() / 2);
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    this.#timer = setTimeout(() => this.#connect(), waitMs);
  }
}
