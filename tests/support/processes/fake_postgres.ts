/** A server that speaks a little of PostgreSQL's protocol, and never closes a connection. */

/** What the server does after it has read the first message of a connection. */
export type FirstAnswer = (connection: Deno.TcpConn) => Promise<void>;

/** A server on a port of the machine. */
export class FakePostgres implements AsyncDisposable {
  readonly port: number;
  /** The bytes that all clients together have taken. */
  sent = 0;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>;

  constructor(answer: FirstAnswer = signIn) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0, transport: "tcp" });
    this.port = this.#listener.addr.port;
    this.#running = this.#accept(answer);
  }

  /** The URL, with parameters such as `?sslmode=disable`. */
  url(parameters = ""): string {
    return `postgres://user:password@127.0.0.1:${this.port}/database${parameters}`;
  }

  /** Sends the same bytes until the client closes the connection. */
  async flood(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
    while (true) this.sent += await connection.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#running;
  }

  async #accept(answer: FirstAnswer): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      // A client that breaks the connection is what the tests wait for.
      served.push(this.#serve(connection, answer).catch(() => {}));
    }
    await Promise.all(served);
  }

  async #serve(connection: Deno.TcpConn, answer: FirstAnswer): Promise<void> {
    await connection.read(new Uint8Array(4096));
    await answer(connection);
    await drained(connection);
  }
}

/** A message of the server: one letter, the length, and the rest. */
export function message(letter: string, rest: Uint8Array, length = rest.length + 4): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + rest.length);
  bytes[0] = letter.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, length);
  bytes.set(rest, 5);
  return bytes;
}

/** Lets the client in. Answers each query with no rows. */
export async function signIn(connection: Deno.TcpConn): Promise<void> {
  await connection.write(message("R", new Uint8Array(4)));
  await connection.write(READY);
  const bytes = new Uint8Array(4096);
  while (await connection.read(bytes) !== null) {
    if (bytes[0] !== "Q".charCodeAt(0)) return;
    await connection.write(message("C", new TextEncoder().encode("SELECT 0\0")));
    await connection.write(READY);
  }
}

/** Ready for a query, outside of a transaction. */
const READY = message("Z", new TextEncoder().encode("I"));

async function drained(connection: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(4096);
  while (await connection.read(bytes) !== null) { /* The client still writes. */ }
  // The other direction stays open until the server is disposed.
}
