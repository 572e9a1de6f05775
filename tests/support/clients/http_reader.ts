/** Reads HTTP/1.1 messages off a connection, byte for byte, for test clients and test upstreams. */

import { Buffer } from "node:buffer";
import { DeadlinePassed, within } from "../time/deadline.ts";

export type HeaderList = [name: string, value: string][];

export interface MessageHead {
  /** The whole head as it came, in Latin-1, with its empty line. */
  readonly raw: string;
  readonly startLine: string;
  readonly headers: HeaderList;
}

/** The value of a header, or undefined. Names are compared without case. */
export function headerOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

const latin1 = new TextDecoder("latin1");

/** The connection ended where a message had to go on. */
export class UnexpectedEnd extends Error {
  override readonly name = "UnexpectedEnd";
}

export class HttpReader {
  readonly #connection: Pick<Deno.Conn, "read">;
  #buffer = new Uint8Array(0);
  #pending: Promise<boolean> | undefined;

  constructor(connection: Pick<Deno.Conn, "read">) {
    this.#connection = connection;
  }

  /** Reads more; false at the end. Calls at the same time share one read. */
  fill(): Promise<boolean> {
    return this.#pending ??= this.#fill().finally(() => this.#pending = undefined);
  }

  async #fill(): Promise<boolean> {
    const chunk = new Uint8Array(64 * 1024);
    let count: number | null;
    try {
      count = await this.#connection.read(chunk);
    } catch (error) {
      if (error instanceof DeadlinePassed) throw error;
      return false; // reset: for a test the same as an end
    }
    if (count === null) return false;
    const joined = new Uint8Array(this.#buffer.length + count);
    joined.set(this.#buffer);
    joined.set(chunk.subarray(0, count), this.#buffer.length);
    this.#buffer = joined;
    return true;
  }

  /** The next head; null where the connection ends before one begins. */
  async head(): Promise<MessageHead | null> {
    let text = latin1.decode(this.#buffer);
    while (!text.includes("\r\n\r\n")) {
      if (!await this.fill()) {
        if (text === "") return null;
        throw new UnexpectedEnd(`within a head: ${JSON.stringify(text)}`);
      }
      text = latin1.decode(this.#buffer);
    }
    const end = text.indexOf("\r\n\r\n") + 4;
    this.#buffer = this.#buffer.subarray(end);
    const raw = text.slice(0, end);
    const [startLine = "", ...lines] = raw.trimEnd().split("\r\n");
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    return { raw, startLine, headers };
  }

  /** So many bytes; null where the connection ends before the first one. */
  async bytes(count: number): Promise<Uint8Array | null> {
    while (this.#buffer.length < count) {
      if (await this.fill()) continue;
      if (this.#buffer.length === 0) return null;
      throw new UnexpectedEnd(`${count - this.#buffer.length} bytes short`);
    }
    return this.#take(count);
  }

  /**
   * The pieces of a body as they come, by the framing that the head names; `untilClose` where it names none.
   */
  async *body(headers: HeaderList, { untilClose }: { untilClose: boolean }): AsyncGenerator<Uint8Array> {
    const length = headerOf(headers, "content-length");
    if (headerOf(headers, "transfer-encoding")?.toLowerCase() === "chunked") yield* this.#chunked();
    else if (length !== undefined) yield* this.#counted(Number(length));
    else if (untilClose) {
      do {
        if (this.#buffer.length > 0) yield this.#take(this.#buffer.length);
      } while (await this.fill());
    }
  }

  async *#chunked(): AsyncGenerator<Uint8Array> {
    while (true) {
      const size = parseInt(await this.#line(), 16);
      if (size === 0) {
        while (await this.#line() !== "") { /* trailers */ }
        return;
      }
      yield* this.#counted(size);
      await this.#line();
    }
  }

  async *#counted(length: number): AsyncGenerator<Uint8Array> {
    let left = length;
    while (left > 0) {
      if (this.#buffer.length === 0 && !await this.fill()) throw new UnexpectedEnd(`${left} bytes short`);
      const piece = this.#take(Math.min(left, this.#buffer.length));
      left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  async #line(): Promise<string> {
    while (true) {
      const end = this.#buffer.indexOf(10);
      if (end !== -1) return latin1.decode(this.#take(end + 1)).replace(/\r?\n$/, "");
      if (!await this.fill()) throw new UnexpectedEnd("within a line");
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return taken;
  }
}

/**
 * The reads of a client: the other side has to send within the deadline of tests. A server may wait for long.
 */
export function answeredInTime(connection: Pick<Deno.Conn, "read">): Pick<Deno.Conn, "read"> {
  return { read: (into) => within(connection.read(into), "more bytes from the other side") };
}

/** All pieces as one. */
export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Blob(await Array.fromAsync(pieces, (piece) => piece.slice())).arrayBuffer(),
  );
}

/** Writes all bytes; a string as Latin-1. */
export async function writeAll(
  connection: Pick<Deno.Conn, "write">,
  data: string | Uint8Array,
): Promise<void> {
  let bytes: Uint8Array = typeof data === "string" ? Buffer.from(data, "latin1") : data;
  while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
}
