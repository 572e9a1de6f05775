/** An upstream that does wrong on purpose: every connection is handed to a script, byte for byte. */

import { within } from "../time/deadline.ts";
import { writeAll } from "../clients/http_reader.ts";

/** One connection, as its script has it. What is not read stays unread, so that a close can be a reset. */
export interface FaultyConnection {
  /** From 0. */
  readonly index: number;
  /** Reads the request's head, byte by byte, and leaves its body where it is. */
  head(): Promise<string>;
  /** Reads the head and the body, whose length the head names. */
  request(): Promise<string>;
  write(data: string | Uint8Array): Promise<void>;
  /** Ends the sending side; the other one stays open. */
  closeWrite(): Promise<void>;
  /** Closes with a FIN, where everything was read. */
  close(): void;
  /** Closes with a RST: waits for a byte, and leaves what follows it unread. */
  reset(): Promise<void>;
}

/** What becomes of a connection. Once it returns, the other side is waited for to close. */
export type FaultyScript = (connection: FaultyConnection) => Promise<void> | void;

/** How the listener is opened: plainly, or with TLS. */
export type Listening = { readonly cert: string; readonly key: string } | undefined;

export class FaultyUpstream implements AsyncDisposable {
  readonly origin: string;
  /** How many connections there have been. */
  accepted = 0;
  readonly #listener: Deno.Listener<Deno.Conn>;
  readonly #script: FaultyScript;
  readonly #open = new Map<Deno.Conn, Promise<void>>();
  readonly #accepting: Promise<void>;
  readonly #arrival = Promise.withResolvers<void>();

  constructor(script: FaultyScript, tls?: Listening) {
    this.#script = script;
    const address = { hostname: "127.0.0.1", port: 0 };
    const listener = tls === undefined
      ? Deno.listen(address)
      : Deno.listenTls({ ...address, ...tls, alpnProtocols: ["http/1.1"] });
    this.#listener = listener;
    this.origin = tls === undefined
      ? `http://127.0.0.1:${listener.addr.port}`
      : `https://localhost:${listener.addr.port}`;
    this.#accepting = this.#accept();
  }

  /** Resolves with the first connection. */
  arrived(): Promise<void> {
    return this.#arrival.promise;
  }

  /** Resolves once no connection is open, by whichever side. */
  async allClosed(): Promise<void> {
    while (this.#open.size > 0) {
      await within(Promise.all(this.#open.values()), `the end of ${this.#open.size} connections`);
    }
  }

  /** How many connections are open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open.keys()) closeQuietly(connection);
    await this.allClosed();
  }

  async #accept(): Promise<void> {
    while (true) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        continue; // a handshake that the other side gave up
      }
      const index = this.accepted++;
      this.#open.set(connection, this.#serve(connection, index).finally(() => this.#open.delete(connection)));
      this.#arrival.resolve();
    }
  }

  async #serve(connection: Deno.Conn, index: number): Promise<void> {
    try {
      await this.#script(scripted(connection, index));
      const rest = new Uint8Array(4096);
      while (await connection.read(rest) !== null) { /* until the other side ends it */ }
    } catch {
      // The other side left or the script closed: what the test asserts shows it.
    } finally {
      closeQuietly(connection);
    }
  }
}

function scripted(connection: Deno.Conn, index: number): FaultyConnection {
  const byte = new Uint8Array(1);
  const head = async (): Promise<string> => {
    let text = "";
    while (!text.endsWith("\r\n\r\n")) {
      if (await connection.read(byte) === null) throw new Error("the request broke off");
      text += String.fromCharCode(byte[0] ?? 0);
    }
    return text;
  };
  return {
    index,
    head,
    async request() {
      const text = await head();
      let left = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
      while (left > 0) left -= await connection.read(new Uint8Array(left)) ?? left;
      return text;
    },
    write: (data) => writeAll(connection, data),
    closeWrite: () => connection.closeWrite(),
    close: () => closeQuietly(connection),
    async reset() {
      await connection.read(byte);
      closeQuietly(connection);
    },
  };
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
