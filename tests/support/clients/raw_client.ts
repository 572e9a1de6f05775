/** A client that decides every byte of its request and sees every byte of the answer. */

import {
  answeredInTime,
  gather,
  type HeaderList,
  headerOf,
  HttpReader,
  type MessageHead,
  writeAll,
} from "./http_reader.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly raw: string;
  readonly body: Uint8Array;
  readonly text: string;
  header(name: string): string | undefined;
}

export class RawClient implements Disposable {
  readonly connection: Deno.Conn;
  readonly reader: HttpReader;

  private constructor(connection: Deno.Conn) {
    this.connection = connection;
    this.reader = new HttpReader(answeredInTime(connection));
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    connection.setNoDelay(true);
    return new RawClient(connection);
  }

  send(data: string | Uint8Array): Promise<void> {
    return writeAll(this.connection, data);
  }

  /** The head of the next answer, 1xx included; fails where the connection ends before one. */
  async head(): Promise<MessageHead & { status: number }> {
    const head = await this.reader.head();
    if (head === null) throw new Error("the connection ended without an answer");
    return { ...head, status: Number(head.startLine.split(" ")[1]) };
  }

  /** The next whole answer. `method` decides whether it has a body. */
  async answer(method = "GET"): Promise<RawAnswer> {
    const head = await this.head();
    const hasBody = method !== "HEAD" && head.status !== 204 && head.status !== 304;
    const body = hasBody
      ? await gather(this.reader.body(head.headers, { untilClose: true }))
      : new Uint8Array();
    return {
      status: head.status,
      headers: head.headers,
      raw: head.raw,
      body,
      text: new TextDecoder().decode(body),
      header: (name) => headerOf(head.headers, name),
    };
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** One request on a connection of its own, given as its head's lines without `Host` and the empty line. */
export async function rawRequest(
  url: string,
  lines: readonly string[],
  body: string | Uint8Array = "",
): Promise<RawAnswer> {
  using client = await RawClient.connect(url);
  await client.send([...lines, "Host: proxy.local", "Connection: close", "", ""].join("\r\n"));
  if (body.length > 0) await client.send(body);
  return await client.answer(lines[0]?.split(" ")[0]);
}
