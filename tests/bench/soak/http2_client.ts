/** Clients over HTTP/2: several share a connection, which is renewed from time to time. */

import { type ClientHttp2Session, connect, constants } from "node:http2";
import { pem } from "../../support/upstreams/tls_upstream.ts";
import { type Asked, headersOf, type Outcome, requestOf } from "./asked.ts";

interface Session {
  readonly session: ClientHttp2Session;
  /** Requests it will still take. */
  left: number;
  running: number;
}

const CA = pem("ca.pem");
const SESSIONS = 4;
const LONGEST_USE = 300;
/** How long a client that leaves within its upload pauses there. */
const UPLOAD_PAUSE_MS = 20;

export class Http2Client implements AsyncDisposable {
  readonly #port: string;
  readonly #below: (limit: number) => number;
  readonly #sessions: Session[] = [];
  readonly #closing = new Set<Promise<void>>();

  constructor(url: string, below: (limit: number) => number) {
    this.#port = new URL(url).port;
    this.#below = below;
  }

  async ask(asked: Asked): Promise<Outcome> {
    const at = this.#below(SESSIONS);
    const entry = this.#sessions[at] ??= this.#connect();
    if (--entry.left <= 0) delete this.#sessions[at];
    entry.running++;
    try {
      return await exchange(entry.session, asked);
    } finally {
      if (--entry.running === 0 && entry.left <= 0) this.#end(entry);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#sessions) if (entry !== undefined) this.#end(entry);
    await Promise.all(this.#closing);
  }

  #connect(): Session {
    const session = connect(`https://localhost:${this.#port}`, { ca: CA });
    session.on("error", () => {});
    return { session, left: 1 + this.#below(LONGEST_USE), running: 0 };
  }

  #end({ session }: Session): void {
    if (session.destroyed) return;
    const closed = new Promise<void>((resolve) => session.once("close", () => resolve()))
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    session.destroy();
  }
}

function exchange(session: ClientHttp2Session, asked: Asked): Promise<Outcome> {
  const { kind, patience } = asked;
  const { path, body } = requestOf(asked);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const stream = session.request({ ":method": "POST", ":path": path, ...headersOf(asked) });
  let status: number | undefined;
  let requestId: string | undefined;
  let isRefused = false;
  let hasLeft = false;
  let text = "";
  let pieces = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (answered: "whole" | "cut"): void => {
    clearTimeout(timer);
    const ended = hasLeft
      ? "left"
      : status !== undefined
      ? answered
      : stream.rstCode === constants.NGHTTP2_NO_ERROR
      ? "nothing"
      : "reset";
    resolve({ status, requestId, text, ended });
  };
  const leave = (): void => {
    hasLeft = true;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  stream.on("response", (fields: Record<string, unknown>) => {
    status = Number(fields[":status"]);
    const id = fields["x-request-id"];
    requestId = typeof id === "string" ? id : undefined;
    isRefused = fields["x-llm-proxy-error"] !== undefined;
  });
  stream.on("data", (piece: Uint8Array) => {
    text += new TextDecoder().decode(piece);
    if (kind.leaves === "answer" && !isRefused && ++pieces > patience && !hasLeft) leave();
  });
  // The runtime's client does not always tell of the close of a stream that has ended.
  stream.on("end", () => {
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR) settle("whole");
  });
  stream.on("error", () => {});
  stream.on("close", () => settle("cut"));
  if (kind.leaves === "upload") {
    stream.write(body.slice(0, body.length / 2));
    timer = setTimeout(leave, UPLOAD_PAUSE_MS);
  } else {
    stream.end(body);
    if (kind.leaves === "head") timer = setTimeout(leave, patience);
  }
  return promise;
}
