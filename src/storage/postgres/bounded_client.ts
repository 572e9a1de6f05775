/** A connection to PostgreSQL that ends in time, and that does not read an endless answer. */

import { Client } from "./driver.ts";
import type { ClientConfig } from "./pg_types.d.ts";

/** How long the end of a connection may take, in milliseconds. A healthy server needs one round trip. */
const END_MS = 1_000;
/**
 * The longest answer until the server lets the client in: parameters and notices have some kilobytes. A
 * server that sends without end reaches this long before the time for a connection is over.
 */
const MAX_SIGN_IN_BYTES = 2 ** 20;
/** The longest message, such as a row. Rows of this program have some kilobytes. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;
/** The longest answer to a query: the rows of about 200,000 tokens. */
const MAX_ANSWER_BYTES = 128 * 2 ** 20;

/** A connection to a server that is not trusted to end a connection or an answer. */
export class BoundedClient extends Client {
  #messageBytes = 0;
  #answerBytes = 0;
  #maxAnswerBytes = MAX_SIGN_IN_BYTES;

  constructor(config: ClientConfig) {
    super(config);
    const { connection } = this;
    // With TLS, the driver replaces its stream by the encrypted one.
    connection.on(config.ssl === false ? "connect" : "sslconnect", () => {
      connection.stream.on("data", ({ length }) => this.#count(length));
    });
    connection.on("message", () => this.#messageBytes = 0);
    connection.on("readyForQuery", () => {
      this.#answerBytes = 0;
      this.#maxAnswerBytes = MAX_ANSWER_BYTES;
    });
  }

  /** Says goodbye, and closes the connection. Closes it also if the server does not answer in time. */
  override end(): Promise<void>;
  override end(done: () => void): void;
  override end(done?: () => void): Promise<void> | void {
    const ended = this.#endInTime();
    if (done === undefined) return ended;
    ended.then(done);
  }

  async #endInTime(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.connection.stream.destroy();
      resolve();
    }, END_MS);
    // The driver reports errors by its events.
    await Promise.race([super.end().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #count(bytes: number): void {
    this.#messageBytes += bytes;
    this.#answerBytes += bytes;
    if (this.#messageBytes <= MAX_MESSAGE_BYTES && this.#answerBytes <= this.#maxAnswerBytes) return;
    this.connection.stream.destroy(new Error("the answer is too long"));
  }
}
