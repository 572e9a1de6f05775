/**
 * A relay between a client and a server. It keeps every byte of both directions, and reads the exchanges out
 * of them.
 */

import { gather, type HeaderList, HttpReader, type MessageHead, writeAll } from "./http_reader.ts";

/** A request or a response as it was on the wire. */
export interface Message {
  readonly startLine: string;
  /** The lines of the head behind the start line, in Latin-1. */
  readonly lines: readonly string[];
  readonly headers: HeaderList;
  /** The body without its framing. */
  readonly body: Uint8Array;
}

/** A request and its response. */
export interface TappedExchange {
  readonly method: string;
  readonly target: string;
  readonly request: Message;
  readonly response: Message;
}

/** The bytes of one connection. */
interface Taken {
  readonly sent: Uint8Array[];
  readonly received: Uint8Array[];
}

export class Tap implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #taken: Taken[] = [];
  readonly #open = new Set<Deno.TcpConn>();
  readonly #tasks: Promise<void>[] = [];

  constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#target = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#tasks.push(this.#accept());
  }

  /** The address for the client. */
  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** All exchanges that have a whole response, in the order of the connections. */
  async exchanges(): Promise<TappedExchange[]> {
    const found: TappedExchange[] = [];
    for (const { sent, received } of this.#taken) found.push(...await exchangesOf(sent, received));
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) this.#tasks.push(this.#relay(client));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #relay(client: Deno.TcpConn): Promise<void> {
    const taken: Taken = { sent: [], received: [] };
    this.#taken.push(taken);
    this.#open.add(client);
    const server = await Deno.connect(this.#target).catch(() => undefined);
    if (server !== undefined) {
      this.#open.add(server);
      await Promise.all([copy(client, server, taken.sent), copy(server, client, taken.received)]);
      close(server);
      this.#open.delete(server);
    }
    close(client);
    this.#open.delete(client);
  }
}

/** Copies until one side ends. The other side then sees that end. */
async function copy(from: Deno.TcpConn, to: Deno.TcpConn, into: Uint8Array[]): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      const piece = buffer.slice(0, count);
      into.push(piece);
      await writeAll(to, piece);
    }
    await to.closeWrite();
  } catch {
    // One of the two sides has left, or the test has ended.
    close(from);
    close(to);
  }
}

async function exchangesOf(
  sent: readonly Uint8Array[],
  received: readonly Uint8Array[],
): Promise<TappedExchange[]> {
  const [requests, responses] = [readerOf(sent), readerOf(received)];
  const found: TappedExchange[] = [];
  try {
    for (let head = await requests.head(); head !== null; head = await requests.head()) {
      const request = message(head, await gather(requests.body(head.headers, { untilClose: false })));
      const [method = "", target = ""] = head.startLine.split(" ");
      const answer = await finalHead(responses);
      if (answer === null) break;
      const status = Number(answer.startLine.split(" ")[1]);
      const hasBody = method !== "HEAD" && status !== 204 && status !== 304;
      const body = hasBody
        ? await gather(responses.body(answer.headers, { untilClose: true }))
        : new Uint8Array();
      found.push({ method, target, request, response: message(answer, body) });
      if (status === 101) break;
    }
  } catch {
    // A client that left in the middle of a message: what is whole was read before.
  }
  return found;
}

/** The next head that is not of a status 1xx, except for 101. */
async function finalHead(reader: HttpReader): Promise<MessageHead | null> {
  for (;;) {
    const head = await reader.head();
    if (head === null || !/^HTTP\/1\.1 1(?!01)/.test(head.startLine)) return head;
  }
}

function message({ raw, startLine, headers }: MessageHead, body: Uint8Array): Message {
  return { startLine, lines: raw.trimEnd().split("\r\n").slice(1), headers, body };
}

function readerOf(pieces: readonly Uint8Array[]): HttpReader {
  const left = [...pieces];
  return new HttpReader({
    read(into) {
      const [piece] = left;
      if (piece === undefined) return Promise.resolve(null);
      const count = Math.min(piece.length, into.length);
      into.set(piece.subarray(0, count));
      if (count === piece.length) left.shift();
      else left[0] = piece.subarray(count);
      return Promise.resolve(count);
    },
  });
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
