import { assertEquals } from "@std/assert";
import { ClientGone } from "../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { ProxyFault } from "../../src/faults.ts";
import { FramingError } from "../../src/http/framing_error.ts";
import type { Handler, IncomingRequest, OutgoingReply } from "../../src/http/message.ts";
import { Http2Connection } from "../../src/server/http2/connection.ts";
import { FrameRateLimit } from "../../src/server/http2/frame_rate_limit.ts";
import { UnauthenticatedBudget } from "../../src/server/unauthenticated_budget.ts";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import { concat } from "../../src/streams/bytes.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  HTTPS,
  literal,
  POST,
  setting,
  uint32,
  WHOLE,
} from "../support/clients/http2_frames.ts";
import { passing } from "../support/time/passing_time.ts";
import { nextTurn } from "../../src/streams/turn.ts";
import { until } from "../support/time/deadline.ts";

/** A connection in memory, and the frames that its client has got, as text. */
class Client {
  readonly frames: string[] = [];
  /** How many of its SETTINGS are acknowledged. */
  acknowledged = 0;
  writes = 0;
  isClosed = false;
  hasEnded = false;
  #held = new Uint8Array();
  #arrived: Uint8Array[] = [];
  #reading: { into: Uint8Array; resolve: (count: number | null) => void } | undefined;
  /** Whether the client takes nothing, until {@link takeAll}. */
  isStuck = false;
  #stuck: (() => void) | undefined;

  takeAll(): void {
    this.isStuck = false;
    this.#stuck?.();
  }

  send(...frames: readonly Uint8Array[]): void {
    this.#arrived.push(concat(frames));
    this.#give();
  }

  /** The part of `Deno.Conn` that a connection uses. */
  readonly conn = {
    read: (into: Uint8Array) =>
      new Promise<number | null>((resolve) => {
        if (this.isClosed) return resolve(null);
        this.#reading = { into, resolve };
        this.#give();
      }),
    write: (bytes: Uint8Array) => {
      this.writes++;
      const take = () => {
        this.#received(bytes);
        return bytes.length;
      };
      if (!this.isStuck) return Promise.resolve(take());
      return new Promise<number>((resolve) => this.#stuck = () => resolve(take()));
    },
    closeWrite: () => {
      this.hasEnded = true;
      this.#reading?.resolve(null);
      return Promise.resolve();
    },
    close: () => {
      this.isClosed = true;
      this.#reading?.resolve(null);
    },
  } as unknown as Deno.Conn; // Nothing else of it is used.

  async next(what: string): Promise<void> {
    await until(() => this.frames.some((one) => one.startsWith(what)), what);
  }

  #give(): void {
    const [bytes] = this.#arrived;
    if (this.#reading === undefined || bytes === undefined) return;
    const { into, resolve } = this.#reading;
    this.#reading = undefined;
    const count = Math.min(into.length, bytes.length);
    into.set(bytes.subarray(0, count));
    if (count === bytes.length) this.#arrived.shift();
    else this.#arrived[0] = bytes.subarray(count);
    resolve(count);
  }

  #received(bytes: Uint8Array): void {
    this.#held = concat([this.#held, bytes]);
    while (this.#held.length >= 9) {
      const view = new DataView(this.#held.buffer, this.#held.byteOffset);
      const length = view.getUint32(0) >>> 8;
      if (this.#held.length < 9 + length) return;
      const [type, flags, stream] = [view.getUint8(3), view.getUint8(4), view.getUint32(5)];
      const payload = this.#held.subarray(9, 9 + length);
      this.#held = this.#held.slice(9 + length);
      const end = (flags & 1) !== 0 ? " end" : "";
      const code = payload.length >= 4
        ? new DataView(payload.slice().buffer).getUint32(payload.length - 4)
        : 0;
      if (type === 4 && (flags & 1) !== 0) this.acknowledged++;
      if (type === 0) this.frames.push(`data ${stream} ${new TextDecoder().decode(payload)}${end}`);
      else if (type === 1) this.frames.push(`headers ${stream}${end}`);
      else if (type === 3) this.frames.push(`reset ${stream} ${code}`);
      else if (type === 7) this.frames.push(`goaway ${code}`);
      else if (type === 8) this.frames.push(`window ${stream} ${code}`);
    }
  }
}

/** The end of a test closes the connection and waits until it has ended: it may wait for its turn. */
function serve(
  handler: Handler,
  { isKnown = true, budgetBytes = 1_000_000, perSecond = 1_000_000 }: {
    isKnown?: boolean;
    budgetBytes?: number;
    perSecond?: number;
  } = {},
) {
  const client = new Client();
  let now = 0;
  const unauthenticatedBudget = new UnauthenticatedBudget({ maxBytes: budgetBytes, now: () => now });
  const seen: IncomingRequest[] = [];
  const errors: unknown[] = [];
  const connection = new Http2Connection(client.conn, {
    handler(request) {
      seen.push(request);
      if (isKnown) request.onAuthenticated?.("someone");
      return handler(request);
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => now,
    unauthenticatedBudget,
    onUnexpected: (error) => errors.push(error),
  }, new FrameRateLimit({ perSecond, now: () => now }));
  const served = connection.serve();
  return {
    client,
    connection,
    served,
    seen,
    errors,
    pass: (ms: number) => void (now += ms),
    async [Symbol.asyncDispose]() {
      connection.close();
      await served;
    },
  };
}

function head(method: number = GET, ...more: readonly number[][]): number[] {
  return [method, HTTPS, ...literal(":path", "/x"), ...literal(":authority", "p"), ...more.flat()];
}

function reply(body: MessageBody | Uint8Array | null): OutgoingReply {
  return { status: 200, reason: "OK", fields: [], body };
}

/** A body with a stated length and these pieces. */
function stated(length: number | undefined, texts: readonly string[]): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new PulledSource(() => Promise.resolve(left.shift() ?? null), { length });
}

const get = (stream: number) => frame("headers", WHOLE, stream, head());
const NOTHING = new Uint8Array();

Deno.test("Http2Connection: a response ends with its last byte, and a response of unknown length when its source ends", async () => {
  const bodies = [
    stated(3, ["a", "bc"]),
    stated(undefined, ["a", "bc"]),
    new TextEncoder().encode("abc"),
    NOTHING,
  ];
  await using session = serve(() => Promise.resolve(reply(bodies.shift() ?? null)));
  const { client } = session;
  for (const stream of [1, 3, 5, 7, 9]) client.send(get(stream));
  await client.next("headers 9");
  await client.next("data 3  end");
  const of = (stream: number) => client.frames.filter((one) => one.split(" ")[1] === String(stream));
  assertEquals(of(1), ["headers 1", "data 1 a", "data 1 bc end"]);
  assertEquals(of(3), ["headers 3", "data 3 a", "data 3 bc", "data 3  end"]);
  assertEquals(of(5), ["headers 5", "data 5 abc end"]);
  assertEquals([of(7), of(9)], [["headers 7 end"], ["headers 9 end"]]);
});

Deno.test("Http2Connection: a bug is reported, and is no departure of the client", async () => {
  const bug = new TypeError("a bug");
  const handlers: Handler[] = [
    () => Promise.reject(bug),
    () => Promise.resolve(reply(stated(5, ["abc"]))),
  ];
  await using session = serve((request) => handlers.shift()?.(request) ?? Promise.reject(bug));
  const { client, errors, seen } = session;
  client.send(get(1));
  await client.next("headers 1");
  client.send(get(3));
  await client.next("reset 3");
  assertEquals(errors.map((error) => error === bug || error instanceof FramingError), [true, true]);
  const reason = seen[1]?.cancellation.reason;
  assertEquals(reason instanceof ProxyFault && reason.code, "internal");
});

Deno.test("Http2Connection: the first SETTINGS go with a response that is ready, or at once", async () => {
  await using session = serve(() => Promise.resolve(reply(null)));
  const { client } = session;
  client.send(frame("settings", 0, 0), get(1));
  await client.next("headers 1 end");
  assertEquals(client.writes, 1);
  await using silentSession = serve(() => Promise.resolve(reply(null)));
  const { client: silent } = silentSession;
  silent.send(frame("settings", 0, 0));
  await until(() => silent.acknowledged === 1, "the acknowledgement");
});

Deno.test("Http2Connection: a response that is shorter than stated or fails is reset, and no response is longer", async () => {
  const failing = new PulledSource(() => Promise.reject(new Error("for the test")));
  const bodies = [stated(3, ["ab"]), stated(3, []), stated(3, ["abcd"]), failing];
  await using session = serve(() => Promise.resolve(reply(bodies.shift() ?? null)));
  const { client } = session;
  for (const stream of [1, 3, 5, 7]) {
    client.send(get(stream));
    await client.next(`reset ${stream} 2`);
  }
  assertEquals(client.frames.filter((one) => one.startsWith("data")), ["data 1 ab"]);
});

Deno.test("Http2Connection: a piece does not change when the next one is read into the same buffer", async () => {
  const buffer = new Uint8Array(3);
  const left = ["one", "two"];
  const body = new PulledSource(() => {
    const text = left.shift();
    if (text !== undefined) new TextEncoder().encodeInto(text, buffer);
    return Promise.resolve(text === undefined ? null : buffer);
  });
  await using session = serve(() => Promise.resolve(reply(body)));
  const { client } = session;
  client.send(get(1));
  await client.next("data 1  end");
  assertEquals(client.frames.slice(-3, -1), ["data 1 one", "data 1 two"]);
});

Deno.test("Http2Connection: a handler that fails is a 500, and the connection goes on", async () => {
  let count = 0;
  await using session = serve(() =>
    count++ === 0 ? Promise.reject(new Error("for the test")) : Promise.resolve(reply(null))
  );
  const { client } = session;
  client.send(get(1));
  await client.next("headers 1");
  client.send(get(3));
  await client.next("headers 3 end");
});

Deno.test("Http2Connection: a stream that is reset in the same piece does not begin", async () => {
  await using session = serve(() => Promise.resolve(reply(null)));
  const { client, seen } = session;
  client.send(get(1), frame("reset", 0, 1, uint32(8)), get(3));
  await client.next("headers 3 end");
  assertEquals(seen.length, 1);
});

Deno.test("Http2Connection: a reset cancels the exchange and its upload, and too many end the connection", async () => {
  await using session = serve(() => new Promise(() => {}));
  const { client, seen } = session;
  let resets = 0;
  for (let stream = 1; !client.frames.includes("goaway 11"); stream += 2, resets++) {
    client.send(frame("headers", END_HEADERS, stream, head(POST)));
    await until(() => seen.length > resets || client.frames.includes("goaway 11"), "the request");
    client.send(frame("reset", 0, stream, uint32(8)));
    await until(
      () => seen.at(-1)?.cancellation.reason instanceof ClientGone || client.frames.includes("goaway 11"),
      "the cancellation",
    );
    assertEquals(resets <= 201, true, `${resets} resets`);
  }
  assertEquals(resets >= 200, true, `${resets} resets`);
  for (const { body, cancellation } of seen) {
    assertEquals(cancellation.reason instanceof ClientGone, true);
    assertEquals(await nextPiece(body as MessageBody).catch((error) => error instanceof ClientGone), true);
  }
});

Deno.test("Http2Connection: the window of an upload opens again as its reader takes the bytes", async () => {
  const got = Promise.withResolvers<number>();
  const go = Promise.withResolvers<void>();
  await using session = serve(async ({ body }) => {
    await go.promise;
    let bytes = 0;
    for (
      let piece = body && await nextPiece(body);
      piece instanceof Uint8Array;
      piece = body && await nextPiece(body)
    ) {
      bytes += piece.length;
    }
    got.resolve(bytes);
    return reply(null);
  });
  const { client } = session;
  const part = new Uint8Array(16_384);
  client.send(frame("headers", END_HEADERS, 1, head(POST)));
  for (let count = 0; count < 63; count++) client.send(frame("data", 0, 1, part));
  await client.next("window 0");
  // The connection got more room with the token, and nothing of the upload was read yet.
  assertEquals(client.frames, ["window 0 2031617"]);
  go.resolve();
  await client.next("window 1");
  client.send(frame("data", END_STREAM, 1, part));
  assertEquals(await got.promise, 64 * part.length);
  await client.next("headers 1 end");
});

Deno.test("Http2Connection: more DATA than the window of its stream resets it, and the connection goes on", async () => {
  await using session = serve(({ method }) =>
    method === "POST" ? new Promise(() => {}) : Promise.resolve(reply(null))
  );
  const { client, seen } = session;
  client.send(frame("headers", END_HEADERS, 1, head(POST)));
  await until(() => seen.length === 1, "the request");
  for (let count = 0; count < 64; count++) client.send(frame("data", 0, 1, new Uint8Array(16_384)));
  client.send(frame("data", 8, 1, [0]), get(3));
  await client.next("headers 3 end");
  assertEquals(client.frames.filter((one) => one.startsWith("reset")), ["reset 1 3"]);
});

/** The frames of a request that has a path of so many bytes. */
function withPath(
  stream: number,
  { length, method = GET }: { length: number; method?: number },
): Uint8Array[] {
  const fields = [HTTPS, ...literal(":path", `/${"x".repeat(length - 1)}`), ...literal(":authority", "p")];
  const block = Uint8Array.from([method, ...fields]);
  const count = Math.ceil(block.length / 16_384);
  return Array.from({ length: count }, (_, index) => {
    const part = block.subarray(index * 16_384, (index + 1) * 16_384);
    const flags = index === count - 1 ? END_HEADERS : 0;
    return index === 0
      ? frame("headers", END_STREAM | flags, stream, part)
      : frame("continuation", flags, stream, part);
  });
}

Deno.test("Http2Connection: a path that is too long is a 431, also without the fields behind it", async () => {
  await using session = serve(() => Promise.resolve(reply(null)));
  const { client, seen } = session;
  client.send(...withPath(1, { length: DEFAULT_SERVER_SETTINGS.connections.maxHeadBytes }));
  await client.next("data 1 ");
  assertEquals([client.frames.filter((one) => one.startsWith("reset")), seen.length], [[], 0]);
});

Deno.test("Http2Connection: the heads of unauthenticated requests count as memory until they end", async () => {
  await using session = serve(
    () => Promise.resolve(reply(new Uint8Array(10))),
    { isKnown: false, budgetBytes: 500_000 },
  );
  const { client } = session;
  const long = (stream: number) => withPath(stream, { length: 60_000, method: POST });
  for (let stream = 1; stream < 41; stream += 2) {
    client.send(...long(stream));
    await client.next(`data ${stream}`);
  }
  assertEquals(client.isClosed, false);
  client.send(frame("settings", 0, 0, setting(4, 0)));
  for (let stream = 41; stream < 57; stream += 2) client.send(...long(stream));
  await until(() => client.isClosed, "the end of the connection");
});

Deno.test("Http2Connection: the heads of requests that get a 431 do not stay in memory", async () => {
  await using session = serve(
    () => Promise.resolve(reply(null)),
    { isKnown: false, budgetBytes: 500_000 },
  );
  const { client } = session;
  client.send(frame("settings", 0, 0, setting(4, 0)));
  for (let stream = 1; stream < 33; stream += 2) client.send(...withPath(stream, { length: 100_000 }));
  await client.next("headers 31");
  assertEquals(client.isClosed, false);
});

Deno.test("Http2Connection: more DATA than the window of the connection ends it", async () => {
  await using session = serve(() => new Promise(() => {}), { isKnown: false });
  const { client } = session;
  client.send(frame("headers", END_HEADERS, 1, head(POST)));
  for (let count = 0; count < 5; count++) client.send(frame("data", 0, 1, new Uint8Array(16_384)));
  await client.next("goaway 3");
});

Deno.test("Http2Connection: an early response resets the rest of its upload, which is no error afterwards", async () => {
  await using session = serve(() => Promise.resolve(reply(null)));
  const { client } = session;
  client.send(frame("headers", END_HEADERS, 1, head(POST)));
  await client.next("reset 1 0");
  client.send(frame("data", 0, 1, [1]), frame("headers", WHOLE, 1, literal("x-trailer", "1")), get(3));
  await client.next("headers 3 end");
  assertEquals(client.frames.filter((one) => one.startsWith("reset") || one.startsWith("goaway")), [
    "reset 1 0",
  ]);
});

Deno.test("Http2Connection: send_timeout ends a stream whose window stays closed, and a connection whose client reads nothing", async () => {
  const { sendMs } = DEFAULT_SERVER_SETTINGS.connections;
  await using session = serve(() => Promise.resolve(reply(new Uint8Array(10))));
  const { client, connection, pass } = session;
  client.send(frame("settings", 0, 0, setting(4, 0)), get(1));
  await client.next("headers 1");
  pass(sendMs);
  connection.endOverdue();
  assertEquals(connection.unreadSince, 0);
  pass(1);
  connection.endOverdue();
  await client.next("reset 1 8");
  assertEquals(connection.unreadSince, undefined);
  client.isStuck = true;
  client.send(get(3));
  await until(() => connection.unreadSince !== undefined, "the wait for the client");
  pass(sendMs + 1);
  connection.endOverdue();
  assertEquals(client.isClosed, true);
});

Deno.test("Http2Connection: a client that opens windows and reads no byte does not restart send_timeout", async () => {
  const { sendMs } = DEFAULT_SERVER_SETTINGS.connections;
  await using session = serve(() => Promise.resolve(reply(new Uint8Array(100_000))));
  const { client, connection, pass } = session;
  client.send(frame("settings", 0, 0, setting(4, 200_000)), get(1));
  await until(() => client.frames.filter((one) => one.startsWith("data")).length === 4, "the window's bytes");
  for (let count = 1; count <= 3; count++) {
    pass(sendMs / 2);
    client.send(frame("window", 0, 1, uint32(1)), get(1 + 2 * count));
    await client.next(`headers ${1 + 2 * count}`);
    connection.endOverdue();
  }
  await client.next("reset 1 8");
});

Deno.test("Http2Connection: a window that opens does not end the wait of a request for its slot", async () => {
  await using session = serve(() => Promise.resolve(reply(new Uint8Array(10))), { isKnown: false });
  const { client } = session;
  client.send(frame("settings", 0, 0, setting(4, 0)));
  const streams = Array.from({ length: 17 }, (_, index) => 1 + 2 * index);
  client.send(...streams.map(get));
  await client.next("headers 31");
  client.send(frame("window", 0, 33, uint32(10)), frame("window", 0, 1, uint32(10)));
  await until(() => client.frames.some((one) => one.startsWith("data 33 ")), "the response of the last one");
});

Deno.test("Http2Connection: frames cost as much as their work, so a flood of settings waits", async () => {
  await using session = serve(() => new Promise(() => {}), { perSecond: 5_000 });
  const { client, connection, pass } = session;
  const flood = frame("settings", 0, 0, Array.from({ length: 2_000 }, () => setting(4, 0)).flat());
  for (let count = 0; count < 4; count++) client.send(flood);
  await until(() => client.acknowledged === 3, "the settings within the rate");
  await nextTurn();
  assertEquals(client.acknowledged, 3);
  pass(2_000);
  await until(() => client.acknowledged === 4, "the last settings");
  connection.close();
});

Deno.test("Http2Connection: a drain lets the running response end, and later requests get no response", async () => {
  const go = Promise.withResolvers<void>();
  await using session = serve(async () => {
    await go.promise;
    return reply(null);
  });
  const { client, connection, served, seen } = session;
  client.send(get(1));
  await until(() => seen.length === 1, "the request");
  connection.finish();
  await client.next("goaway 0");
  client.send(frame("headers", END_HEADERS, 3, head(POST)), frame("data", END_STREAM, 3, [1]));
  go.resolve();
  await client.next("headers 1 end");
  await served;
  assertEquals([seen.length, client.hasEnded, client.isClosed], [1, true, true]);
});

Deno.test("Http2Connection: the responses of a client that sends GOAWAY go on, and the connection ends with them", async () => {
  const go = Promise.withResolvers<void>();
  await using session = serve(async () => {
    await go.promise;
    return reply(null);
  });
  const { client, served, seen } = session;
  client.send(get(1), get(3));
  await until(() => seen.length === 2, "the requests");
  client.send(frame("goaway", 0, 0, [...uint32(0), ...uint32(0)]), get(5));
  await client.next("goaway 0");
  go.resolve();
  await client.next("headers 3 end");
  await served;
  const reset = client.frames.filter((one) => one.startsWith("reset"));
  assertEquals([reset, seen.length, client.hasEnded, client.isClosed], [[], 2, true, true]);
});

Deno.test("Http2Connection: the end of a response waits for a slow client, also after a GOAWAY", async () => {
  const { sendMs, idleMs } = DEFAULT_SERVER_SETTINGS.connections;
  const go = Promise.withResolvers<void>();
  await using session = serve(async () => {
    await go.promise;
    return reply(new TextEncoder().encode("the end"));
  });
  const { client, connection, pass, seen } = session;
  client.send(get(1));
  await until(() => seen.length === 1, "the request");
  connection.finish();
  await client.next("goaway 0");
  client.isStuck = true;
  go.resolve();
  await until(() => connection.unreadSince !== undefined, "the write");
  await passing(1_100, { why: "the wait for the client's end must not have begun" });
  pass(Math.min(sendMs, idleMs));
  connection.endOverdue();
  assertEquals(client.isClosed, false);
  client.takeAll();
  await client.next("data 1 the end end");
  await until(() => client.isClosed, "the end of the connection");
});

Deno.test("Http2Connection: a rule that is broken while a request runs ends the connection after the GOAWAY", async () => {
  await using session = serve(() => new Promise(() => {}));
  const { client, connection, seen, served } = session;
  client.send(get(1));
  await until(() => seen.length === 1 && client.frames.length > 0, "the request");
  client.isStuck = true;
  client.send(frame("window", 0, 0, uint32(0)));
  await until(() => connection.unreadSince !== undefined, "the write");
  await nextTurn();
  assertEquals(client.hasEnded, false, "the last frame comes before the end");
  client.takeAll();
  await served;
  assertEquals(client.frames.filter((one) => one.startsWith("goaway")), ["goaway 1"]);
});

Deno.test("Http2Connection: a client that leaves cancels all exchanges", async () => {
  await using session = serve(() => new Promise(() => {}));
  const { client, served, seen } = session;
  client.send(get(1), get(3));
  await until(() => seen.length === 2, "the requests");
  client.conn.close();
  await served;
  for (const { cancellation } of seen) assertEquals(cancellation.reason instanceof ClientGone, true);
});
