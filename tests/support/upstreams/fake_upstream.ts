/**
 * An upstream on a real socket that sees raw bytes. Without a script it answers as the demo upstream does;
 * with one, a test decides every byte and when it is sent.
 */

import { createDemoUpstream } from "../../../src/demo/upstream.ts";
import { within } from "../time/deadline.ts";
import { gather, type HeaderList, headerOf, HttpReader, writeAll } from "../clients/http_reader.ts";
import { SECRETS } from "../data/secrets.ts";

/** One request as the upstream got it. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderList;
  /** The head's bytes, in Latin-1. */
  readonly raw: string;
  /** Which connection of this upstream it came on, from 0. */
  readonly connection: number;
  header(name: string): string | undefined;
}

/** What a script can do. */
export interface ScriptedExchange {
  readonly request: UpstreamRequest;
  /** The request's body, piece by piece as it comes. */
  body(): AsyncGenerator<Uint8Array>;
  /** Sends bytes; a string as Latin-1. */
  write(data: string | Uint8Array): Promise<void>;
  /** Closes the connection at once. */
  close(): void;
  /** Resolves when the other side has closed the connection. Only once the request's body has been read. */
  peerClosed(): Promise<void>;
}

/** Answers one request. When it returns, the connection is kept for the next one unless it was closed. */
export type Script = (exchange: ScriptedExchange) => Promise<void> | void;

/** A whole plain answer with a length. */
export function plainAnswer(body: string, { status = "200 OK", headers = "" } = {}): string {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

export class FakeUpstream implements AsyncDisposable {
  /** Every request, in the order of arrival. */
  readonly requests: UpstreamRequest[] = [];
  /** Everything that was received, in Latin-1, for searches in raw bytes. */
  received = "";
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #paceMs: number;
  readonly #waiting: ((request: UpstreamRequest) => void)[] = [];
  #script: Script | undefined;
  #opened = 0;
  #closed = false;

  constructor({ script, paceMs = 0 }: { script?: Script; paceMs?: number } = {}) {
    this.#script = script;
    this.#paceMs = paceMs;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  get origin(): string {
    const address = this.#listener.addr;
    if (address.transport !== "tcp") throw new TypeError("not a TCP listener");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#connections.size;
  }

  /** What answers from now on; undefined: the demo upstream. */
  script(script: Script | undefined): void {
    this.#script = script;
  }

  /** The next request to arrive. */
  nextRequest(): Promise<UpstreamRequest> {
    return within(new Promise((resolve) => this.#waiting.push(resolve)), "a request at the upstream");
  }

  /** Also in the middle of a test; calling it again does nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await within(Promise.all(this.#tasks), "the end of the upstream's scripts");
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        // A head and a body that are written one after the other would otherwise be 40 ms apart.
        connection.setNoDelay(true);
        this.#track(this.#serve(connection, this.#opened++));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn, index: number): Promise<void> {
    this.#connections.add(connection);
    const reader = new HttpReader({
      read: async (into) => {
        const count = await connection.read(into);
        // A large body is not kept: searches look for heads and short bodies.
        if (count !== null && count < 16_384) {
          this.received += String.fromCharCode(...into.subarray(0, count));
        }
        return count;
      },
    });
    try {
      while (this.#connections.has(connection)) {
        const head = await reader.head();
        if (head === null) break;
        const [method = "", target = ""] = head.startLine.split(" ");
        const request: UpstreamRequest = {
          method,
          target,
          headers: head.headers,
          raw: head.raw,
          connection: index,
          header: (name) => headerOf(head.headers, name),
        };
        this.requests.push(request);
        for (const resolve of this.#waiting.splice(0)) resolve(request);
        let bodyTaken = false;
        const exchange: ScriptedExchange = {
          request,
          body: () => {
            bodyTaken = true;
            return reader.body(head.headers, { untilClose: false });
          },
          write: (data) => writeAll(connection, data),
          close: () => {
            this.#connections.delete(connection);
            close(connection);
          },
          async peerClosed() {
            while (await reader.fill()) { /* nothing more is expected */ }
          },
        };
        await (this.#script ?? this.#demo)(exchange);
        if (!bodyTaken && this.#connections.has(connection)) await gather(exchange.body());
      }
    } catch {
      // The proxy left within a message, or the test closed the upstream: what the test asserts shows it.
    } finally {
      this.#connections.delete(connection);
      close(connection);
    }
  }

  readonly #demo: Script = async (exchange) => {
    const { request } = exchange;
    const answer = createDemoUpstream({
      keys: { openai: SECRETS.openaiKey, anthropic: SECRETS.anthropicKey },
      paceMs: this.#paceMs,
    });
    const body = await gather(exchange.body());
    const response = await answer(
      new Request(`http://upstream${request.target}`, {
        method: request.method,
        headers: request.headers.filter(([name]) => name.toLowerCase() !== "content-length"),
        ...(body.length > 0 && { body: new Blob([body.slice()]) }),
      }),
    );
    const head = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (!isStream || response.body === null) {
      const whole = new Uint8Array(await response.arrayBuffer());
      await exchange.write(
        `HTTP/1.1 ${response.status} Demo\r\n${head}Content-Length: ${whole.length}\r\n\r\n`,
      );
      if (request.method !== "HEAD") await exchange.write(whole);
      return;
    }
    await exchange.write(`HTTP/1.1 ${response.status} Demo\r\n${head}Transfer-Encoding: chunked\r\n\r\n`);
    for await (const piece of response.body) {
      await exchange.write(`${piece.length.toString(16)}\r\n`);
      await exchange.write(piece);
      await exchange.write("\r\n");
    }
    await exchange.write("0\r\n\r\n");
  };
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
