/**
 * Why the proxy has its own HTTP/1.1 server: one test for each reason of docs/engines.md, on the pinned
 * runtime. A test fails when its reason is gone. Its message says what can be deleted then.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { passing } from "../support/time/passing_time.ts";
import type { MessageHead } from "../support/clients/http_reader.ts";
import { RawClient } from "../support/clients/raw_client.ts";

/** The parts of a request that a handler behind `Deno.serve` gets. */
interface Seen {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly hasBody: boolean;
}

/** `Deno.serve` with a handler that responds at once. */
class Server implements AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: () => Response = () => new Response("ok")) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url, headers, body }) => {
      this.seen.push({ url, headers: [...headers], hasBody: body !== null });
      return answer();
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Sends bytes, and returns what the handler got. `undefined` if the runtime itself sent the response. */
  async receive(bytes: string): Promise<Seen | undefined> {
    using client = await RawClient.connect(this.url);
    await client.send(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
    await client.answer();
    return this.seen.at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/**
 * The message for a reason that no longer exists: it says what can be deleted. A row may have several
 * reasons.
 */
function gone(change: string, row: string): string {
  return `Deno.serve ${change} now. Delete this test, and in docs/engines.md the reason and its part of the row "${row}"`;
}

Deno.test("Deno.serve: header names are lower-cased, sorted, and repeats are merged", async () => {
  await using server = new Server();
  const seen = await server.receive(
    "GET / HTTP/1.1\r\nHost: h\r\nZ-Last: 1\r\nX-Two: a\r\nX-Two: b\r\nx-MiXed: 2\r\n\r\n",
  );
  assertEquals(seen?.headers, [
    ["host", "h"],
    ["x-mixed", "2"],
    ["x-two", "a, b"],
    ["z-last", "1"],
  ], gone("keeps the headers of a request unchanged", "Request headers"));
});

Deno.test("Deno.serve: the body of a GET is hidden, and its content-length stays", async () => {
  await using server = new Server();
  const seen = await server.receive("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  assert(seen !== undefined);
  assertEquals(
    [seen.hasBody, seen.headers.find(([name]) => name === "content-length")?.[1]],
    [false, "3"],
    `${
      gone("gives the body of a GET", "A body with GET or HEAD")
    }, and HIDDEN_BODY in src/server/fetch_request.ts`,
  );
});

Deno.test("Deno.serve: the header host is written unchecked into the URL, so that it can move the path", async () => {
  await using server = new Server();
  const seen = await server.receive("GET /p HTTP/1.1\r\nHost: h/../../manage?x=\r\n\r\n");
  assertEquals(
    seen?.url,
    "http://h/../../manage?x=/p",
    `${gone("checks the host", "Targets")}, and targetOf in src/server/fetch_request.ts can be simpler`,
  );
});

Deno.test("Deno.serve: a request without a host is served, under an invented one", async () => {
  await using server = new Server();
  const seen = await server.receive("GET /p HTTP/1.1\r\n\r\n");
  assertEquals(
    seen?.url,
    `${server.url.replace("127.0.0.1", "localhost")}/p`,
    gone("rejects a request without a host", "Targets"),
  );
});

Deno.test("Deno.serve: two equal content-lengths pass as a list", async () => {
  await using server = new Server();
  const seen = await server.receive(
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
  );
  assertEquals(
    seen?.headers.find(([name]) => name === "content-length")?.[1],
    "3, 3",
    gone("rejects a repeated content-length", "Malformed requests"),
  );
});

Deno.test("Deno.serve: lines may end with a bare LF", async () => {
  await using server = new Server();
  const seen = await server.receive("GET /p HTTP/1.1\nHost: h\n\n");
  assertEquals(seen?.url, "http://h/p", gone("rejects lines that end with a bare LF", "Malformed requests"));
});

Deno.test("Deno.serve: a target with a byte that is not UTF-8 does not reach the handler", async () => {
  await using server = new Server();
  const seen = await server.receive("GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals(seen, undefined, gone("passes the bytes of a target", "Targets"));
});

Deno.test("Deno.serve: the reason phrase of a response is lost", async () => {
  await using server = new Server(() => new Response("ok", { status: 299, statusText: "Very Fine" }));
  assertEquals(
    (await responseHead(server)).startLine.trimEnd(),
    "HTTP/1.1 299",
    gone("sends the reason phrase", "Response head"),
  );
});

Deno.test("Deno.serve: a response without a date gets one", async () => {
  await using server = new Server();
  const { headers } = await responseHead(server);
  assertEquals(
    headers.some(([name]) => name === "date"),
    true,
    gone("adds no date", "Response head"),
  );
});

/** The head of the response to a request. */
async function responseHead({ url }: Server): Promise<MessageHead> {
  using client = await RawClient.connect(url);
  await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  return await client.head();
}

Deno.test("Deno.serve: HTTP/2 without TLS is accepted at a plain port", async () => {
  await using server = new Server();
  using client = await RawClient.connect(server.url);
  await client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const first = new Uint8Array(9);
  assertNotEquals(await within(client.connection.read(first), "the first frame of the server"), null);
  const SETTINGS = 4;
  assertEquals(
    first[3],
    SETTINGS,
    `${gone("speaks only HTTP/1.1 at a plain port", "HTTPS and HTTP/2")}, and the check of unframed bodies ` +
      "in src/server/fetch_handler.ts",
  );
});

Deno.test("Deno.serve: half a head may stay open for longer than a second", async () => {
  // There is no timeout at all: a head was still open after 45 s. This test waits for a part of that time.
  const WAIT_MS = 1_200;
  await using server = new Server();
  using client = await RawClient.connect(server.url);
  await client.send("GET / HTTP/1.1\r\nHost: h\r\n");
  const ended = client.connection.read(new Uint8Array(1)).then(() => true, () => true);
  const isEnded = await Promise.race([
    ended,
    passing(WAIT_MS, { why: "nothing may happen in this time" }).then(() => false),
  ]);
  assertEquals(isEnded, false, gone("has a timeout for heads", "Connections"));
});

/** The time in which the runtime has to report a departure. If it reports one, it takes some milliseconds. */
const DEPARTURE_MS = 1_000;

/** Whether `request.signal` reports a client that leaves while the handler waits. */
async function isDepartureSeen({ isBodySeparate }: { isBodySeparate: boolean }): Promise<boolean> {
  const received = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<true>();
  const release = Promise.withResolvers<void>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    request.signal.addEventListener("abort", () => aborted.resolve(true));
    await request.text();
    received.resolve();
    await release.promise;
    return new Response("late");
  });
  const client = await Deno.connect({ port: server.addr.port });
  client.setNoDelay(true);
  const encoder = new TextEncoder();
  const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
  const body = "0123456789";
  await client.write(encoder.encode(isBodySeparate ? head : head + body));
  if (isBodySeparate) {
    await passing(100, { why: "the runtime must read the head before the body arrives" });
    await client.write(encoder.encode(body));
  }
  await received.promise;
  client.close();
  const isSeen = await Promise.race([
    aborted.promise,
    passing(DEPARTURE_MS, { why: "the runtime reports nothing in this time" }).then(() => false),
  ]);
  release.resolve();
  return isSeen;
}

Deno.test("Deno.serve: request.signal does not report a client that leaves after a body in its own packet", async () => {
  assertEquals(
    await isDepartureSeen({ isBodySeparate: false }),
    true,
    "The test itself works: a departure is reported after a body in the packet of the head",
  );
  assertEquals(
    await isDepartureSeen({ isBodySeparate: true }),
    false,
    `${
      gone("reports every departure", "A client that leaves while the upstream works")
    }. This was the reason ` +
      'that counts most: consider engine = "deno" as the default',
  );
});
