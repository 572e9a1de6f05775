/** Clients that leave, at every moment of an exchange. */

import { within } from "../time/deadline.ts";
import type { Script } from "../upstreams/fake_upstream.ts";
import { RawClient } from "./raw_client.ts";
import { SECRETS } from "../data/secrets.ts";

const HEAD = [
  "POST /openai/v1/chat/completions HTTP/1.1",
  "Host: proxy.test",
  `Authorization: Bearer ${SECRETS.proxyToken}`,
  "",
].join("\r\n");
/** A whole request with a short body. */
export const REQUEST = `${HEAD}Content-Length: 2\r\n\r\n{}`;
const STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/** A moment at which a client can leave: what it waits for, and how far the upstream has come by then. */
export interface Window {
  readonly name: string;
  readonly request: string;
  /** Sent in a packet of its own, once the upstream has the request's head. */
  readonly laterBody?: string;
  /** What the upstream sends before the client leaves. */
  readonly sent: readonly string[];
  /** What the client waits to see before it leaves. */
  readonly awaits: "request at upstream" | "head" | "body";
}

/** All these moments. */
export const WINDOWS: readonly Window[] = [
  {
    name: "before the upstream's headers, having sent no body",
    request: `${HEAD.replace("POST", "GET")}\r\n`,
    sent: [],
    awaits: "request at upstream",
  },
  { name: "before the upstream's headers", request: REQUEST, sent: [], awaits: "request at upstream" },
  {
    name: "before the upstream's headers, after a body that came in its own packet",
    request: `${HEAD}Content-Length: 2\r\n\r\n`,
    laterBody: "{}",
    sent: [],
    awaits: "request at upstream",
  },
  { name: "before the first byte", request: REQUEST, sent: [STREAM], awaits: "head" },
  { name: "mid-stream", request: REQUEST, sent: [STREAM, "9\r\ndata: 1\n\n\r\n"], awaits: "body" },
  {
    name: "on a plain response",
    request: REQUEST,
    sent: ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "the beginning"],
    awaits: "body",
  },
  {
    name: "before the upstream's headers, having sent a byte of another request",
    request: `${REQUEST}G`,
    sent: [],
    awaits: "request at upstream",
  },
  {
    name: "before the upstream's headers, having sent whole requests behind it",
    request: REQUEST.repeat(3),
    sent: [],
    awaits: "request at upstream",
  },
  {
    name: "on a plain response, having sent a long request behind it",
    request: `${REQUEST}${HEAD}Content-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
    sent: ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "the beginning"],
    awaits: "body",
  },
  {
    name: "within its own upload",
    request: `${HEAD}Content-Length: 1000\r\n\r\nthe beginning`,
    sent: [],
    awaits: "request at upstream",
  },
];

/** What the upstream sees of one client. */
export interface Seen {
  readonly head: PromiseWithResolvers<void>;
  readonly body: PromiseWithResolvers<void>;
  readonly departure: PromiseWithResolvers<void>;
}

/** Before the client has sent anything. */
export function nothingSeen(): Seen {
  return {
    head: Promise.withResolvers(),
    body: Promise.withResolvers(),
    departure: Promise.withResolvers(),
  };
}

/** An upstream that sends its part and then waits to be left. */
export function leftAlone({ sent, laterBody }: Window, seen: Seen): Script {
  return async (exchange) => {
    seen.head.resolve();
    if (laterBody !== undefined) { for await (const _ of exchange.body()) seen.body.resolve(); }
    for (const part of sent) await exchange.write(part);
    await exchange.peerClosed();
    seen.departure.resolve();
    exchange.close();
  };
}

/** A client that leaves at that moment. Resolves once it has left. */
export async function leaveAt(url: string, window: Window, seen: Seen): Promise<void> {
  using client = await RawClient.connect(url);
  await client.send(window.request);
  if (window.laterBody !== undefined) {
    await within(seen.head.promise, "the head of the request");
    await client.send(window.laterBody);
    return await within(seen.body.promise, "the body of the request");
  }
  if (window.awaits === "request at upstream") {
    return await within(seen.head.promise, "the head of the request");
  }
  const head = await client.head();
  if (window.awaits === "head") return;
  await client.reader.body(head.headers, { untilClose: true }).next();
}
