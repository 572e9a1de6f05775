/** HTTP/2 by hand: frames that break rules, floods, and clients that leave in the middle of anything. */

import { assert, assertEquals } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  HTTPS,
  literal,
  POST,
  PREFACE,
  WHOLE,
} from "../../support/clients/http2_frames.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

function head(path: string, { method = GET, token = SECRETS.proxyToken as string } = {}): number[] {
  return [
    method,
    HTTPS,
    ...literal(":path", path),
    ...literal(":authority", "p"),
    ...literal("x-api-key", token),
  ];
}

const SETTINGS = frame("settings", 0, 0);
const HELLO = [PREFACE, SETTINGS];
const many = (count: number, make: (index: number) => Uint8Array[]): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => make(index)).flat();

interface HostileSession {
  readonly name: string;
  readonly frames: () => readonly Uint8Array[];
  /** Requests that may have reached the upstream; others may not. */
  readonly arrivals?: number;
}

const SESSIONS: readonly HostileSession[] = [
  {
    name: "leaves with its request running",
    frames: () => [...HELLO, frame("headers", WHOLE, 1, head("/openai/v1/hang"))],
    arrivals: 1,
  },
  {
    name: "says goodbye and leaves with its request running",
    frames: () => [
      ...HELLO,
      frame("headers", WHOLE, 1, head("/openai/v1/hang")),
      frame("goaway", 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
    ],
    arrivals: 1,
  },
  {
    name: "leaves within its upload",
    frames: () => [
      ...HELLO,
      frame("headers", END_HEADERS, 1, head("/openai/v1/x", { method: POST })),
      frame("data", 0, 1, [1, 2, 3]),
    ],
    arrivals: 1,
  },
  {
    name: "leaves within a head",
    frames: () => [...HELLO, frame("headers", 0, 1, head("/openai/v1/x").slice(0, 5))],
  },
  { name: "sends no preface", frames: () => [crypto.getRandomValues(new Uint8Array(4_000))] },
  {
    name: "speaks HTTP/1.1 all the same",
    frames: () => [new TextEncoder().encode("GET /openai/v1/x HTTP/1.1\r\nHost: p\r\n\r\n")],
  },
  {
    name: "sends garbage behind its preface",
    frames: () => [...HELLO, crypto.getRandomValues(new Uint8Array(4_000))],
  },
  {
    name: "opens and resets thousands of streams",
    frames: () => [
      ...HELLO,
      ...many(10_000, (index) => [
        frame("headers", WHOLE, index * 2 + 1, head("/openai/v1/hang")),
        frame("reset", 0, index * 2 + 1, [0, 0, 0, 8]),
      ]),
    ],
    arrivals: 200,
  },
  {
    name: "opens more streams than it may",
    frames: () => [
      ...HELLO,
      ...many(1_000, (index) => [frame("headers", WHOLE, index * 2 + 1, head("/openai/v1/hang"))]),
    ],
    arrivals: 200,
  },
  {
    name: "goes on with one head for ever",
    frames: () => [
      ...HELLO,
      frame("headers", END_STREAM, 1, head("/openai/v1/x")),
      ...many(20_000, (index) => [frame("continuation", 0, 1, literal(`x-${index}`, "y".repeat(100)))]),
    ],
  },
  {
    name: "sends a head of a thousand fields",
    frames: () => [
      ...HELLO,
      frame("headers", END_STREAM, 1, head("/openai/v1/x")),
      ...many(
        1_000,
        (index) => [frame("continuation", index === 999 ? END_HEADERS : 0, 1, literal(`x-${index}`, "y"))],
      ),
    ],
  },
  {
    name: "pings without end",
    frames: () => [...HELLO, ...many(50_000, () => [frame("ping", 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])])],
  },
  {
    name: "changes its settings without end",
    frames: () => [...HELLO, ...many(50_000, () => [frame("settings", 0, 0, [0, 4, 0, 0, 255, 255])])],
  },
  {
    name: "opens its window too wide",
    frames: () => [...HELLO, ...many(4, () => [frame("window", 0, 0, [127, 255, 255, 255])])],
  },
  { name: "sends data for no stream", frames: () => [...HELLO, frame("data", END_STREAM, 1, [1])] },
  { name: "uses an even stream", frames: () => [...HELLO, frame("headers", WHOLE, 2, head("/openai/v1/x"))] },
  {
    name: "sends a head with fields of HTTP/1.1's connection",
    frames: () => [
      ...HELLO,
      frame("headers", WHOLE, 1, [
        ...head("/openai/v1/x"),
        ...literal("connection", "upgrade"),
        ...literal("upgrade", "websocket"),
      ]),
    ],
  },
  {
    name: "sends a name in capitals",
    frames: () => [...HELLO, frame("headers", WHOLE, 1, [...head("/openai/v1/x"), ...literal("X-A", "1")])],
  },
  {
    name: "sends a line break in a value",
    frames: () => [
      ...HELLO,
      frame("headers", WHOLE, 1, [...head("/openai/v1/x"), ...literal("x-a", "1\r\nx-b: 2")]),
    ],
    // Without that field: the runtime drops it.
    arrivals: 1,
  },
  {
    name: "says a length that is not its body's",
    frames: () => [
      ...HELLO,
      frame("headers", END_HEADERS, 1, [
        ...head("/openai/v1/x", { method: POST }),
        ...literal("content-length", "10"),
      ]),
      frame("data", END_STREAM, 1, [1]),
    ],
    arrivals: 1,
  },
  {
    name: "sends a pseudo field behind others",
    frames:
      () => [...HELLO, frame("headers", WHOLE, 1, [...head("/openai/v1/x"), ...literal(":scheme", "http")])],
  },
  ...[
    "//evil.test/openai",
    "http://evil.test/openai/v1/x",
    "*",
    "",
    "openai/v1/x",
    "/openai/../manage",
    "/openai/%2e%2e/x",
    "/openai\\x",
  ].map((path) => ({
    // Without its slash it is the same path.
    arrivals: path === "openai/v1/x" ? 1 : 0,
    name: `asks for ${JSON.stringify(path)}`,
    frames: () => [...HELLO, frame("headers", WHOLE, 1, head(path))],
  })),
  {
    name: "asks for a tunnel",
    frames: () => [
      ...HELLO,
      frame("headers", WHOLE, 1, [
        ...literal(":method", "CONNECT"),
        ...literal(":authority", "evil.test:443"),
        ...literal("x-api-key", SECRETS.proxyToken),
      ]),
    ],
  },
  {
    name: "has no token",
    frames: () => [...HELLO, frame("headers", WHOLE, 1, head("/openai/v1/x", { token: "wrong" }))],
  },
];

/** Sends all of it and goes, as soon as everything is sent or the proxy has had enough. */
async function play(port: number, frames: readonly Uint8Array[]): Promise<string> {
  const connection = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [pem("ca.pem")],
    alpnProtocols: ["h2"],
  });
  let received = "";
  const reading = (async () => {
    const piece = new Uint8Array(64 * 1024);
    for (let count = await connection.read(piece); count !== null; count = await connection.read(piece)) {
      if (received.length < 1_000_000) {
        received += String.fromCharCode(...piece.subarray(0, Math.min(count, 8_192)));
      }
    }
  })().catch(() => {});
  try {
    await connection.write(new Uint8Array(await new Blob([...frames] as BlobPart[]).arrayBuffer()));
  } catch {
    // The proxy has ended it.
  }
  return await settledOr(reading, connection).then(() => received);
}

/** What has been sent is on its way: half a second is for the answers, then the client is gone. */
async function settledOr(reading: Promise<void>, connection: Deno.Conn): Promise<void> {
  await within(reading, "the end", 500).catch(() => {});
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
  await reading;
}

Deno.test("HTTP/2: whatever a client does, nothing goes elsewhere, nothing is left behind, and others are served", async (t) => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/hang")) return await exchange.peerClosed();
      for await (const _ of exchange.body()) { /* it is taken */ }
      await exchange.write(plainAnswer("hello"));
    },
  });
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
  });
  const port = Number(new URL(proxy.url).port);
  using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
  for (const { name, frames, arrivals = 0 } of SESSIONS) {
    await t.step(`a client that ${name}`, async () => {
      upstream.requests.length = 0;
      const received = await play(port, frames());
      assertNoSecrets(received, "what the client got");
      assert(upstream.requests.length <= arrivals, `${upstream.requests.length} requests arrived`);
      for (const { target, raw } of upstream.requests) {
        assert(target.startsWith("/openai/v1/"), target);
        assert(!raw.includes(SECRETS.proxyToken), "the token went upstream");
        assert(!/^x-b:/m.test(raw), "a value became a field of its own");
      }
      const response = await fetch(`https://localhost:${port}/openai/v1/models`, {
        client,
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
      assertEquals([response.status, await response.text()], [200, "hello"]);
    });
  }
  await proxy.drain();
  assertEquals(
    proxy.log.find(({ event }) => event === "draining")?.["in_flight"],
    0,
    "exchanges were left behind",
  );
  assertEquals(proxy.log.filter(({ event }) => event === "unexpected"), []);
});
