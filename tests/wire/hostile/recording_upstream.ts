/** An upstream that keeps every byte it gets, connection by connection, and reads them by the letter. */

import { writeAll } from "../../support/clients/http_reader.ts";
import { type ReadRequest, readRequest } from "./strict_reading.ts";

const ANSWER_BODY = "answered by the upstream";

/**
 * Answers each whole request once, ends the connection after it, and goes on to listen to it until its end.
 */
export class RecordingUpstream implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #received: string[] = [];

  constructor() {
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What came since the last call, a text per connection, in Latin-1; once each connection has ended. */
  async taken(): Promise<string[]> {
    await Promise.all(this.#serving);
    const taken = this.#received;
    this.#received = [];
    return taken.filter((text) => text !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
    await this.#accepting;
    await Promise.all(this.#serving);
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        const slot = this.#received.push("") - 1;
        const served = this.#serve(connection, { received: this.#received, slot }).finally(() =>
          this.#serving.delete(served)
        );
        this.#serving.add(served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(
    connection: Deno.Conn,
    { received, slot }: { received: string[]; slot: number },
  ): Promise<void> {
    const buffer = new Uint8Array(128 * 1024);
    let text = "";
    let isAnswered = false;
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        for (const byte of buffer.subarray(0, count)) text += String.fromCharCode(byte);
        received[slot] = text;
        const request = isAnswered ? undefined : wholeRequest(text);
        if (request === undefined) continue;
        isAnswered = true;
        const body = request.method === "HEAD" ? "" : ANSWER_BODY;
        await writeAll(
          connection,
          `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${ANSWER_BODY.length}\r\n\r\n${body}`,
        );
      }
    } catch (error) {
      // The proxy may reset what it has given up, and the test may close what is open at its end.
      const isEnd = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
      if (!isEnd) throw error;
    } finally {
      if (this.#open.delete(connection)) closeQuietly(connection);
    }
  }
}

/** What breaks the rules gets no answer; who looks at what was received says why. */
function wholeRequest(text: string): ReadRequest | undefined {
  try {
    const request = readRequest(text);
    return request?.body === undefined ? undefined : request;
  } catch {
    return undefined;
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
