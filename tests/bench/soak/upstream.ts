/** The providers behind the soak: each request's path says what becomes of it. */

import { gzipSync } from "node:zlib";
import {
  gather,
  headerOf,
  HttpReader,
  type MessageHead,
  writeAll,
} from "../../support/clients/http_reader.ts";
import { chunk, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { accepted, FramePeer } from "../../support/clients/websocket.ts";
import { INPUT_TOKENS, outputTokensOf, partsOf } from "./kinds.ts";
import { playRealtime } from "./realtime_upstream.ts";

/** The header by which a request tells which configuration it was sent under. */
export const GENERATION_HEADER = "x-soak-generation";

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const MODEL = "gpt-4o-mini";

export class SoakUpstream implements AsyncDisposable {
  /** By the exchange's number: under which configuration it arrived. */
  readonly arrived = new Map<number, number>();
  /** What the proxy should not have sent. */
  readonly problems: string[] = [];
  readonly #below: (limit: number) => number;
  readonly #open = new Map<Deno.Conn, Promise<void>>();
  /** The exchange that came last on each connection. */
  readonly #last = new Map<Deno.Conn, string>();
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #accepting: Promise<void>[] = [];
  readonly origin: string;
  /** Where every connection is reset within the request. */
  readonly resettingOrigin: string;

  constructor(below: (limit: number) => number) {
    this.#below = below;
    this.origin = this.#listen((connection) => this.#serve(connection));
    this.resettingOrigin = this.#listen(async (connection) => {
      // What is left unread makes a reset of the close.
      await connection.read(new Uint8Array(1));
    });
  }

  /** Connections that are open now, by the exchanges that came last on them. */
  get openConnections(): readonly string[] {
    return [...this.#open.keys()].map((connection) => this.#last.get(connection) ?? "none");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await Promise.all(this.#accepting);
    for (const connection of this.#open.keys()) close(connection);
    await Promise.all(this.#open.values());
  }

  #listen(serve: (connection: Deno.Conn) => Promise<void>): string {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    this.#accepting.push(this.#accept(listener, serve));
    return `http://127.0.0.1:${listener.addr.port}`;
  }

  async #accept(listener: Deno.TcpListener, serve: (connection: Deno.Conn) => Promise<void>): Promise<void> {
    try {
      for await (const connection of listener) {
        // Whoever leaves within its part leaves a connection that fails, as it should.
        const served = serve(connection).catch(() => {}).finally(() => {
          this.#open.delete(connection);
          this.#last.delete(connection);
          close(connection);
        });
        this.#open.set(connection, served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const reader = new HttpReader(connection);
    while (true) {
      const head = await reader.head();
      if (head === null) return;
      const { play, serial } = this.#note(head);
      this.#last.set(connection, `${play}-${serial}`);
      if (play === "realtime") {
        await writeAll(connection, accepted(head));
        return await playRealtime(new FramePeer(connection, reader), serial);
      }
      const body = new TextDecoder().decode(await gather(reader.body(head.headers, { untilClose: false })));
      if (play === "hang") {
        while (await reader.fill()) { /* until the proxy leaves */ }
        return;
      }
      if (!await this.#answer(play, { serial, body, connection })) return;
    }
  }

  #note(head: MessageHead): { play: string; serial: number } {
    const parts = partsOf(head.startLine);
    this.arrived.set(parts.serial, Number(headerOf(head.headers, GENERATION_HEADER)));
    if (/llmp_|canary-(?!openai-key)/.test(head.raw)) {
      this.problems.push(`a token went to the provider: ${parts.serial}`);
    }
    if (headerOf(head.headers, "authorization") !== `Bearer ${SECRETS.openaiKey}`) {
      this.problems.push(`no key went to the provider: ${parts.serial}`);
    }
    return parts;
  }

  /** False where the connection is not to be used again. */
  async #answer(
    play: string,
    { serial, body, connection }: { serial: number; body: string; connection: Deno.Conn },
  ): Promise<boolean> {
    const below = this.#below;
    const write = (text: string | Uint8Array) => writeAll(connection, text);
    const type = "Content-Type: application/json\r\n";
    // Every other provider has ids of its own.
    const headers = serial % 2 === 0 ? type : `${type}X-Request-Id: up-${serial}\r\n`;
    if (play === "cut") {
      await write(STREAM_HEAD);
      for (let event = below(4); event >= 0; event--) await write(chunk(`${contentEvent}\n\n`));
      return false;
    }
    if (play === "stream" || play === "slow") {
      await this.#stream(play === "slow", { serial, write, tells: body.includes('"include_usage"') });
      return true;
    }
    await sleep(50 + below(1_500));
    if (play === "oops") {
      await write(plainAnswer('{"error":{"message":"oops"}}', { status: "500 Oops", headers }));
    } else if (play === "gzip") {
      const bytes = gzipSync(answerText(serial, below(20_000)));
      const head = `${headers}Content-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n`;
      await write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
      await write(bytes);
    } else await write(plainAnswer(answerText(serial, below(20_000)), { headers }));
    return true;
  }

  async #stream(
    isSlow: boolean,
    { serial, write, tells }: { serial: number; write: (text: string) => Promise<void>; tells: boolean },
  ): Promise<void> {
    const below = this.#below;
    await sleep(below(200));
    await write(STREAM_HEAD);
    const paceMs = isSlow ? 150 : 20 + below(60);
    // A silence in which the proxy has to keep the client awake, where it is told to.
    if (isSlow) await sleep(600 + below(800));
    for (let event = 10 + below(20); event >= 0; event--) {
      await write(chunk(`${contentEvent}\n\n`));
      await sleep(paceMs);
    }
    if (tells) {
      await write(
        chunk(`data: ${JSON.stringify({ model: MODEL, choices: [], usage: usageOf(serial) })}\n\n`),
      );
    }
    await write(`${chunk("data: [DONE]\n\n")}0\r\n\r\n`);
  }
}

const contentEvent = `data: ${
  JSON.stringify({ model: MODEL, choices: [{ index: 0, delta: { content: "a few words of an answer" } }] })
}`;

function usageOf(serial: number): Record<string, number> {
  const output = outputTokensOf(serial);
  return { prompt_tokens: INPUT_TOKENS, completion_tokens: output, total_tokens: INPUT_TOKENS + output };
}

function answerText(serial: number, length: number): string {
  const message = { role: "assistant", content: "x".repeat(length) };
  return JSON.stringify({
    id: `chatcmpl-${serial}`,
    model: MODEL,
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: usageOf(serial),
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
