/**
 * An upstream on bare sockets: it reads what the proxy sends by the letter, and answers in ways that no
 * server's library lets one.
 */

import { decodeLatin1 } from "../../../../src/http/latin1.ts";
import { writeAll } from "../../../support/clients/http_reader.ts";
import { NotStrict, type ReadRequest, readRequest, valuesOf } from "../strict_reading.ts";
import { digestOf, type EchoRecord, recordText } from "./echo_record.ts";
import { markersIn } from "./marker.ts";

/** Is told what the upstream has read. */
export interface RawUpstreamHooks {
  readonly onRecord: (record: EchoRecord) => void;
  /** Bytes that are no request, behind the request with that target. */
  readonly onViolation: (behind: string, reason: string) => void;
}

/** Where an upstream listens: a port of loopback, or a socket's file. */
export type Listening = { readonly port: 0 } | { readonly path: string };

/** The answer to a request, in parts. */
interface Answer {
  readonly now: string;
  /** What follows where none may. */
  readonly late?: { readonly text: string; readonly afterMs: number };
  readonly closes: boolean;
}

/** Serves until it is disposed of. */
export class RawUpstream implements AsyncDisposable {
  readonly #listener: Deno.Listener;
  readonly #hooks: RawUpstreamHooks;
  readonly #open = new Set<Deno.Conn>();
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Unix sockets have no ports: their connections are counted. */
  #accepted = 0;

  constructor(listening: Listening, hooks: RawUpstreamHooks) {
    this.#hooks = hooks;
    this.#listener = "path" in listening
      ? Deno.listen({ transport: "unix", path: listening.path })
      : Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  get port(): number {
    const { addr } = this.#listener;
    return addr.transport === "tcp" ? addr.port : 0;
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
        const served = this.#serve(connection, ++this.#accepted)
          .catch((error) => {
            if (!isEnd(error)) throw error;
          })
          .finally(() => {
            this.#serving.delete(served);
            if (this.#open.delete(connection)) closeQuietly(connection);
          });
        this.#serving.add(served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn, accepted: number): Promise<void> {
    const { remoteAddr } = connection;
    const port = remoteAddr.transport === "tcp" ? remoteAddr.port : accepted;
    const buffer = new Uint8Array(64 * 1024);
    let text = "";
    let seen = 0;
    let behind = "nothing";
    /** The target of a request that was answered before its body had come. */
    let answeredEarly: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    /** What is sent as soon as the next request comes, whose answer it then seems to be. */
    let held = "";
    try {
      while (true) {
        const count = await connection.read(buffer);
        if (count === null) return;
        if (held !== "") {
          await writeAll(connection, held);
          held = "";
        }
        text += decodeLatin1(buffer.subarray(0, count));
        while (text !== "") {
          let request: ReadRequest | undefined;
          try {
            request = readRequest(text);
            if (request === undefined) isRequestBegin(text);
          } catch (error) {
            if (!(error instanceof NotStrict)) throw error;
            this.#hooks.onViolation(behind, error.message);
            await writeAll(
              connection,
              "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            );
            return;
          }
          if (request === undefined) break;
          const isEarly = behaviourOf(request.target) === "early";
          if (request.body === undefined && !isEarly) break;
          if (answeredEarly === undefined) {
            seen++;
            const record = recordOf(request, { port, seen, isEarly });
            this.#hooks.onRecord(record);
            const answer = answerTo(record);
            await writeAll(connection, answer.now);
            if (answer.closes) return;
            const { late } = answer;
            if (late !== undefined && late.afterMs > 0) {
              const send = () => void writeAll(connection, late.text).catch(() => {});
              timer = setTimeout(send, late.afterMs);
            } else held = late?.text ?? "";
          }
          behind = request.target;
          if (request.body === undefined) {
            answeredEarly = request.target;
            break;
          }
          answeredEarly = undefined;
          text = request.rest;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Throws {@link NotStrict} where what has come cannot begin a request. */
function isRequestBegin(text: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?: |$)/.test(text)) {
    throw new NotStrict(`no request: ${JSON.stringify(text.slice(0, 200))}`);
  }
}

function behaviourOf(target: string): string {
  return target.split("/")[2] ?? "";
}

function recordOf(
  { method, target, fields, body }: ReadRequest,
  { port, seen, isEarly }: { port: number; seen: number; isEarly: boolean },
): EchoRecord {
  const all = (name: string) => valuesOf(fields, name).join(",");
  // nginx says which of its own connections the request came by.
  const [passedPort] = valuesOf(fields, "x-nginx-port");
  const [passedSeen] = valuesOf(fields, "x-nginx-seen");
  return {
    method,
    target,
    marker: all("x-marker"),
    contentType: all("content-type"),
    via: all("x-via"),
    port: passedPort === undefined ? port : Number(passedPort),
    seen: passedSeen === undefined ? seen : Number(passedSeen),
    body: isEarly || body === undefined ? undefined : digestOf(body),
  };
}

/** The answer that a request's path asks for: `/e/BEHAVIOUR/…`, and `/e/late/STATUS/ANNOUNCED/AFTER_MS/…`. */
function answerTo(record: EchoRecord): Answer {
  const text = recordText(record);
  const [, , behaviour, status, announced, afterMs] = record.target.split("/");
  const begin = `HTTP/1.1 200 OK\r\nX-Echo: ${text}\r\nContent-Type: application/json\r\n`;
  const body = record.method === "HEAD" ? "" : text;
  const counted = `${begin}Content-Length: ${text.length}\r\n`;
  switch (behaviour) {
    case "s204":
    case "s304":
      return { now: begin.replace("200 OK", `${behaviour.slice(1)} Without`) + "\r\n", closes: false };
    case "close":
      return { now: `${counted}Connection: close\r\n\r\n${body}`, closes: true };
    case "untilclose":
      return { now: `${begin}\r\n${body}`, closes: true };
    case "chunked": {
      const chunks = [text.slice(0, 10), text.slice(10)].map((piece) =>
        `${piece.length.toString(16)};x=y\r\n${piece}\r\n`
      );
      const framed = body === "" ? "" : `${chunks.join("")}0\r\nX-Trailer: 1\r\n\r\n`;
      return { now: `${begin}Transfer-Encoding: chunked\r\n\r\n${framed}`, closes: false };
    }
    case "continue":
      return { now: `HTTP/1.1 100 Continue\r\n\r\n${counted}\r\n${body}`, closes: false };
    case "hints":
      return { now: `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${counted}\r\n${body}`, closes: false };
    case "late": {
      const [marker] = markersIn(record.target).map(({ owner, number, index }) =>
        `m${owner}.${number}.${index}.z`
      );
      const late = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nX-Late: ${marker}\r\n\r\n${text}`;
      const framing = announced === "counted"
        ? `Content-Length: ${late.length}\r\n`
        : announced === "chunked"
        ? "Transfer-Encoding: chunked\r\n"
        : "";
      const head = begin.replace("200 OK", status === "200" ? "200 OK" : `${status} Without`);
      return { now: `${head}${framing}\r\n`, late: { text: late, afterMs: Number(afterMs) }, closes: false };
    }
    default:
      return { now: `${counted}\r\n${body}`, closes: false };
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** The proxy may reset what it has given up, and the upstream may be disposed of. */
function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
