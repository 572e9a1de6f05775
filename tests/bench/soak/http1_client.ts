/** A client over HTTP/1.1, plain or with TLS, that keeps its connection for some requests. */

import { headerOf, HttpReader, writeAll } from "../../support/clients/http_reader.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";
import { type Asked, headersOf, type Outcome, requestOf, withoutHead } from "./asked.ts";

interface Kept {
  readonly connection: Deno.Conn;
  readonly reader: HttpReader;
  /** Requests it will still be used for. */
  left: number;
}

const CA = pem("ca.pem");
const LONGEST_USE = 20;
/** How long a client that leaves within its upload pauses there. */
const UPLOAD_PAUSE_MS = 20;

export class Http1Client implements Disposable {
  readonly #url: URL;
  readonly #below: (limit: number) => number;
  #kept: Kept | undefined;

  constructor(url: string, below: (limit: number) => number) {
    this.#url = new URL(url);
    this.#below = below;
  }

  async ask(asked: Asked): Promise<Outcome> {
    const kept = this.#kept ?? await this.#connect();
    this.#kept = undefined;
    let isReusable = false;
    try {
      const { outcome, stays } = await exchange(kept, asked);
      isReusable = stays && --kept.left > 0;
      return outcome;
    } finally {
      if (isReusable) this.#kept = kept;
      else close(kept.connection);
    }
  }

  [Symbol.dispose](): void {
    if (this.#kept !== undefined) close(this.#kept.connection);
  }

  async #connect(): Promise<Kept> {
    const { protocol, hostname, port: text } = this.#url;
    const port = Number(text);
    const connection = protocol === "http:"
      ? await Deno.connect({ hostname, port })
      : await Deno.connectTls({ hostname: "localhost", port, caCerts: [CA], alpnProtocols: ["http/1.1"] });
    return { connection, reader: new HttpReader(connection), left: 1 + this.#below(LONGEST_USE) };
  }
}

async function exchange(
  { connection, reader }: Kept,
  asked: Asked,
): Promise<{ outcome: Outcome; stays: boolean }> {
  const { kind, patience } = asked;
  const { path, body } = requestOf(asked);
  const fields = Object.entries({ host: "soak.test", ...headersOf(asked), "content-length": body.length });
  const head = `POST ${path} HTTP/1.1\r\n${
    fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  }\r\n`;
  if (kind.leaves === "upload") {
    await writeAll(connection, head + body.slice(0, body.length / 2));
    await new Promise((resolve) => setTimeout(resolve, UPLOAD_PAUSE_MS));
    return { outcome: withoutHead("left"), stays: false };
  }
  let hasLeft = false;
  const leaving = kind.leaves !== "head" ? undefined : setTimeout(() => {
    hasLeft = true;
    close(connection);
  }, patience);
  // A refusal can come while the body is still on its way, and end the way.
  const sent = writeAll(connection, head + body).catch(() => {});
  const answer = await reader.head().catch(() => null);
  clearTimeout(leaving);
  await sent;
  if (answer === null) return { outcome: withoutHead(hasLeft ? "left" : "nothing"), stays: false };
  let text = "";
  const seen = {
    status: Number(answer.startLine.split(" ")[1]),
    requestId: headerOf(answer.headers, "x-request-id"),
  };
  const isRefused = headerOf(answer.headers, "x-llm-proxy-error") !== undefined;
  try {
    let pieces = 0;
    for await (const piece of reader.body(answer.headers, { untilClose: true })) {
      text += new TextDecoder().decode(piece);
      if (kind.leaves === "answer" && !isRefused && ++pieces > patience) {
        return { outcome: { ...seen, text, ended: "left" }, stays: false };
      }
    }
  } catch {
    return { outcome: { ...seen, text, ended: "cut" }, stays: false };
  }
  const closes = headerOf(answer.headers, "connection")?.toLowerCase() === "close";
  // Its answer may have been there already when it left.
  return { outcome: { ...seen, text, ended: "whole" }, stays: !closes && !hasLeft };
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
