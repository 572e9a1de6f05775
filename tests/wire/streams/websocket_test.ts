import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Backend } from "../../../src/config/config.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { headerOf } from "../../support/clients/http_reader.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { passing } from "../../support/time/passing_time.ts";
import { memoryMb } from "../../support/processes/process_stats.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { TRUSTING } from "../../support/upstreams/tls_upstream.ts";
import {
  accepted,
  BINARY,
  CLOSE,
  closePayload,
  closeText,
  frame,
  openWebSocket,
  PING,
  PONG,
  TEXT,
  WebSocketUpstream,
} from "../../support/clients/websocket.ts";

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;
const REALTIME = "/openai/v1/realtime?model=gpt-realtime";
/** So long a write has to wait before its receiver counts as not reading. */
const STUCK_MS = 500;

function proxyFor(
  upstream: WebSocketUpstream,
  { backend, ...options }: LocalProxyOptions & { backend?: Partial<Backend> } = {},
): LocalProxy {
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  return new LocalProxy(upstream, {
    endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key, ...backend })])],
    ...options,
  });
}

/** Both ends of a WebSocket through the proxy. */
async function connected(upstream: WebSocketUpstream, proxy: LocalProxy, path = REALTIME) {
  const arriving = upstream.next();
  const client = await openWebSocket(proxy.url, path, [TOKEN]);
  assertEquals(client.status, 101);
  const session = await arriving;
  return { client: client.peer, server: session.peer, session };
}

Deno.test("websocket: without a valid token it is a 401, and no upstream is dialled", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream);
  const wrong = [
    [],
    ["Authorization: Bearer wrong"],
    ["Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.wrong"],
  ];
  for (const lines of wrong) {
    const client = await openWebSocket(proxy.url, REALTIME, lines);
    assertEquals([client.status, client.header("x-llm-proxy-error")], [401, "unauthorized"]);
    client.peer[Symbol.dispose]();
  }
  assertEquals(upstream.connections, 0);
});

const PLACES: readonly (readonly [place: string, path: string, lines: readonly string[]])[] = [
  ["a header", REALTIME, [TOKEN]],
  ["the query", `${REALTIME}&key=${SECRETS.proxyToken}`, []],
  ["the subprotocol", REALTIME, [
    `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${SECRETS.proxyToken}, openai-beta.realtime-v1`,
  ]],
];

for (const [place, path, lines] of PLACES) {
  Deno.test(`websocket: the token in ${place} is exchanged for the key, and neither echoed nor sent on`, async () => {
    await using upstream = new WebSocketUpstream();
    await using proxy = proxyFor(upstream);
    using client = (await openWebSocket(proxy.url, path, lines)).peer;
    const [session] = upstream.sessions;
    assertEquals(session?.startLine, "GET /v1/realtime?model=gpt-realtime HTTP/1.1");
    assert(!session?.raw.includes(SECRETS.proxyToken), "the token went upstream");
    assertEquals(headerOf(session?.headers ?? [], "authorization"), `Bearer ${SECRETS.openaiKey}`);
    assertEquals(headerOf(session?.headers ?? [], "host"), new URL(upstream.origin).host);
    const offered = place === "the subprotocol" ? "realtime, openai-beta.realtime-v1" : undefined;
    assertEquals(headerOf(session?.headers ?? [], "sec-websocket-protocol"), offered);
    await client.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
  });
}

Deno.test("websocket: realtime is what gets selected, and the head is the upstream's", async () => {
  await using upstream = new WebSocketUpstream({
    answer: (session) =>
      accepted(session).replace("Upgrade: websocket", "Upgrade: websocket\r\nX-Own: 1\r\nX-Own: 2"),
  });
  await using proxy = proxyFor(upstream);
  const client = await openWebSocket(proxy.url, REALTIME, [
    `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${SECRETS.proxyToken}`,
  ]);
  using _ = client.peer;
  assertEquals([client.status, client.header("sec-websocket-protocol")], [101, "realtime"]);
  assertEquals(client.head.headers.filter(([name]) => name === "X-Own"), [["X-Own", "1"], ["X-Own", "2"]]);
  assertNoSecrets(client.head.raw, "the answer's head");
});

Deno.test("websocket: every byte passes both ways: text, binary, fragments, pings, masks and reserved bits", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream);
  const { client, server } = await connected(upstream, proxy);
  using _ = client;
  const frames = (isMasked: boolean): Uint8Array[] => [
    frame(TEXT, "hello", { isMasked }),
    frame(TEXT, "", { isMasked }),
    frame(BINARY, crypto.getRandomValues(new Uint8Array(300)), { isMasked }),
    frame(TEXT, "frag", { isMasked, isFinal: false }),
    frame(PING, "are you there", { isMasked }),
    frame(0, "men", { isMasked, isFinal: false }),
    frame(PONG, "", { isMasked }),
    frame(0, "ted", { isMasked }),
    frame(BINARY, crypto.getRandomValues(new Uint8Array(60_000)), { isMasked, reserved: 4 }),
    frame(BINARY, new Uint8Array(70_000).fill(7), { isMasked }),
  ];
  for (const [from, to, isMasked] of [[client, server, true], [server, client, false]] as const) {
    const bytes = new Uint8Array(await new Blob(frames(isMasked) as BlobPart[]).arrayBuffer());
    const sending = (async () => {
      // Cut anywhere: within heads, masks and payloads.
      for (let at = 0, size = 1; at < bytes.length; at += size, size = size % 9_973 * 2 + 1) {
        await from.send(bytes.subarray(at, at + size));
      }
    })();
    assertEquals(await to.bytes(bytes.length), bytes);
    await sending;
  }
});

Deno.test("websocket: close codes and reasons pass both ways, and the exchange is complete", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream);
  for (const who of ["client", "server"] as const) {
    const ends = await connected(upstream, proxy);
    const [closer, other] = who === "client" ? [ends.client, ends.server] : [ends.server, ends.client];
    await closer.send(frame(CLOSE, closePayload(4321, `${who} says so`), { isMasked: who === "client" }));
    const heard = await other.frame();
    assertEquals(heard && closeText(heard), `4321 ${who} says so`);
    await other.send(frame(CLOSE, closePayload(4321), { isMasked: who !== "client" }));
    const answer = await closer.frame();
    assertEquals(answer && closeText(answer), "4321");
    ends.server[Symbol.dispose]();
    assertEquals(await ends.client.rest(), []);
    ends.client[Symbol.dispose]();
    const { ending, status } = await proxy.logged("exchange");
    assertEquals([ending, status], ["complete", 101]);
    proxy.log.length = 0;
  }
});

Deno.test("websocket: an upstream that refuses is heard: its status and its body", async () => {
  await using upstream = new WebSocketUpstream({
    answer: () =>
      "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" +
      `{"error":"no go"}`,
  });
  await using proxy = proxyFor(upstream);
  const client = await openWebSocket(proxy.url, REALTIME, [TOKEN]);
  assertEquals([client.status, client.header("x-llm-proxy-error"), client.header("upgrade")], [
    403,
    undefined,
    undefined,
  ]);
  assertEquals(await client.text(), `{"error":"no go"}`);
  client.peer[Symbol.dispose]();
});

Deno.test("websocket: an answer to another handshake is a 502", async () => {
  const wrong = [
    (text: string) => text.replace(/Accept: .*/, "Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    (text: string) => text.replace("Upgrade: websocket", "Upgrade: other"),
    (text: string) => text.replace("Connection: Upgrade\r\n", ""),
  ];
  for (const spoil of wrong) {
    await using upstream = new WebSocketUpstream({ answer: (session) => spoil(accepted(session)) });
    await using proxy = proxyFor(upstream);
    const client = await openWebSocket(proxy.url, REALTIME, [TOKEN]);
    assertEquals([client.status, client.header("x-llm-proxy-error")], [502, "bad_gateway"]);
    client.peer[Symbol.dispose]();
    assertEquals(await upstream.sessions[0]?.peer.rest(), [], "the upstream's connection goes on");
  }
});

const IMPROPER: readonly (readonly [string, string])[] = [
  ["POST", "POST /openai/v1/realtime HTTP/1.1\r\nConnection: Upgrade\r\n"],
  ["no Connection: Upgrade", "GET /openai/v1/realtime HTTP/1.1\r\n"],
];
for (const [what, lines] of IMPROPER) {
  Deno.test(`websocket: asked for with ${what} is a 400 that says so`, async () => {
    await using upstream = new WebSocketUpstream();
    await using proxy = proxyFor(upstream);
    const { hostname, port } = new URL(proxy.url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(
      new TextEncoder().encode(
        `${lines}Host: p\r\n${TOKEN}\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n`,
      ),
    );
    const text = await new Response(connection.readable).text();
    assertMatch(text, /^HTTP\/1\.1 400 /);
    assertEquals(upstream.connections, 0);
  });
}

Deno.test("websocket: who leaves without a word ends the other side at once, and is told apart in the log", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream);
  const first = await connected(upstream, proxy);
  first.client[Symbol.dispose]();
  assertEquals(await first.server.rest(), []);
  assertEquals((await proxy.logged("exchange")).ending, "client_gone");
  proxy.log.length = 0;
  const second = await connected(upstream, proxy);
  second.server[Symbol.dispose]();
  assertEquals(await second.client.rest(), [], "no close frame is made up");
  assertEquals((await proxy.logged("exchange")).ending, "bad_gateway");
  second.client[Symbol.dispose]();
});

for (const who of ["client", "upstream"] as const) {
  Deno.test(`websocket: a message of the ${who} that is too long closes both sides with 1009, and does not pass`, async () => {
    await using upstream = new WebSocketUpstream();
    await using proxy = proxyFor(upstream, { server: { maxMessageBytes: 1_000 } });
    const { client, server } = await connected(upstream, proxy);
    const [sender, receiver] = who === "client" ? [client, server] : [server, client];
    const isMasked = who === "client";
    await sender.send(frame(TEXT, "x".repeat(1_000), { isMasked }));
    assertEquals((await receiver.frame())?.payload.length, 1_000);
    await sender.send(frame(TEXT, "x".repeat(600), { isMasked, isFinal: false }));
    assertEquals((await receiver.frame())?.payload.length, 600);
    await sender.send(frame(0, "x".repeat(401), { isMasked }));
    for (const end of [client, server]) {
      const heard = await end.frame();
      assertEquals(heard && closeText(heard), "1009 a message longer than 1000 bytes");
      assertEquals(heard?.isMasked, end === server, "a client masks, a server does not");
      assertEquals(await end.rest(), []);
      end[Symbol.dispose]();
    }
    assertEquals((await proxy.logged("exchange")).ending, "payload_too_large");
  });
}

Deno.test("websocket: one that is silent for too long is closed with 1001, and a word keeps it", async () => {
  await using upstream = new WebSocketUpstream();
  const timeouts = { connectMs: 1_000, firstByteMs: 1_000, idleMs: 400, totalMs: undefined };
  await using proxy = proxyFor(upstream, { backend: { timeouts } });
  const { client, server } = await connected(upstream, proxy);
  const begin = performance.now();
  for (let round = 0; round < 6; round++) {
    await server.send(frame(PING, "", {}));
    assertEquals((await client.frame())?.opcode, PING);
    await passing(100, { why: "the words come at a pace" });
  }
  assert(performance.now() - begin > 400);
  for (const end of [client, server]) {
    const heard = await end.frame();
    assertStringIncludes(heard === null ? "" : closeText(heard), "1001 idle_timeout (400ms) passed");
    end[Symbol.dispose]();
  }
  assertEquals((await proxy.logged("exchange")).ending, "upstream_timeout");
});

Deno.test("websocket: a drain closes both sides with 1001 between two frames, and does not wait for the deadline", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream, { drainMs: 10_000 });
  const { client, server } = await connected(upstream, proxy);
  const half = frame(TEXT, "the whole of it", {});
  await server.send(half.subarray(0, 5));
  assertEquals(await client.bytes(5), half.subarray(0, 5));
  const begin = performance.now();
  const drained = proxy.drain();
  await server.send(half.subarray(5));
  assertEquals(await client.bytes(half.length - 5), half.subarray(5));
  for (const end of [client, server]) {
    const heard = await end.frame();
    assertEquals(heard && closeText(heard), "1001 the proxy is shutting down");
    end[Symbol.dispose]();
  }
  await drained;
  assert(performance.now() - begin < 5_000);
  assertEquals((await proxy.logged("exchange")).ending, "complete");
});

Deno.test("websocket: one whose handshake is under way when a drain begins is told as well", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      arrived.resolve();
      await go.promise;
      await exchange.write(accepted(exchange.request));
      await exchange.peerClosed();
    },
  });
  const arrived = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, drainMs: 10_000 });
  const opening = openWebSocket(proxy.url, REALTIME, [TOKEN]);
  await within(arrived.promise, "the request at the upstream");
  const drained = proxy.drain();
  go.resolve();
  const { status, peer } = await opening;
  assertEquals(status, 101);
  const heard = await peer.frame();
  assertEquals(heard && closeText(heard), "1001 the proxy is shutting down");
  peer[Symbol.dispose]();
  await drained;
});

Deno.test("websocket: the next backend is asked where one cannot be reached", async () => {
  await using upstream = new WebSocketUpstream();
  const dead = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const deadOrigin = `http://127.0.0.1:${dead.addr.port}`;
  dead.close();
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  await using proxy = proxyFor(upstream, {
    endpoints: [
      testEndpoint("openai", [
        testBackend(deadOrigin, { key }),
        testBackend(upstream.origin, {
          key,
          path: "/v1",
          model: { byName: new Map([["gpt-realtime", "other & model"]]), otherwise: undefined },
        }),
      ]),
    ],
  });
  const { client, session } = await connected(upstream, proxy, `${REALTIME}&x=%20y`);
  assertEquals(session.startLine, "GET /v1/realtime?model=other%20%26%20model&x=%20y HTTP/1.1");
  client[Symbol.dispose]();
});

Deno.test("websocket: where no token is asked for, web pages that are not listed may not use the key", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = proxyFor(upstream, {
    auth: { mode: "none" },
    server: { corsOrigins: ["https://chat.test"] },
  });
  for (
    const [lines, status] of [[[], 101], [["Origin: https://chat.test"], 101], [
      ["Origin: https://evil.test"],
      403,
    ]] as const
  ) {
    const client = await openWebSocket(proxy.url, REALTIME, lines);
    assertEquals(client.status, status);
    client.peer[Symbol.dispose]();
  }
});

for (const scheme of ["http", "https", "socks5"] as const) {
  Deno.test(`websocket: over TLS to the upstream, through an ${scheme} proxy`, async () => {
    await using upstream = new WebSocketUpstream({ tls: true });
    await using way = new ForwardProxy({ scheme });
    const hostname = scheme === "https" ? "localhost" : "127.0.0.1";
    const proxy = { scheme, hostname, port: way.port };
    await using own = proxyFor(upstream, {
      backend: { connection: { ...TRUSTING, key: `${scheme} ${way.port}`, proxy } },
    });
    const { client, server } = await connected(upstream, own);
    assertEquals(way.asked, [new URL(upstream.origin).host]);
    await client.send(frame(TEXT, "over there", { isMasked: true }));
    assertEquals(new TextDecoder().decode((await server.frame())?.payload), "over there");
    await server.send(frame(TEXT, "and back"));
    assertEquals(new TextDecoder().decode((await client.frame())?.payload), "and back");
    client[Symbol.dispose]();
    assertEquals(await server.rest(), []);
  });
}

Deno.test("websocket: long messages pass byte for byte to an upstream that is slower than the client", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const arriving = upstream.next();
  const { peer: client } = await openWebSocket(proxy.url, REALTIME, [TOKEN]);
  const { peer: server } = await arriving;
  let next = 0;
  const payloads = Array.from({ length: 12 }, () => {
    const payload = new Uint8Array(1024 * 1024);
    const view = new DataView(payload.buffer);
    for (let at = 0; at < payload.length; at += 4) view.setUint32(at, next++);
    return payload;
  });
  const sending = (async () => {
    for (const payload of payloads) await client.send(frame(BINARY, payload, { isMasked: true }));
  })();
  for (const [index, payload] of payloads.entries()) {
    const got = await server.frame();
    assertEquals(got?.payload.length, payload.length, `message ${index}`);
    const wrong = got?.payload.findIndex((byte, at) => byte !== payload[at]);
    assertEquals(wrong, -1, `message ${index} differs at ${wrong}`);
  }
  await sending;
  client[Symbol.dispose]();
  server[Symbol.dispose]();
});

Deno.test("websocket: a client that does not read holds the upstream back, and the proxy's memory is bounded", async () => {
  await using upstream = new WebSocketUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const arriving = upstream.next();
  const { peer: client } = await openWebSocket(proxy.url, REALTIME, [TOKEN]);
  const { peer: server } = await arriving;
  const before = memoryMb(proxy.pid);
  const message = frame(BINARY, new Uint8Array(1024 * 1024));
  const [wanted, most] = [100, 75];
  let sent = 0;
  let read = 0;
  const held = Promise.withResolvers<void>();
  const sending = (async () => {
    for (; sent < wanted; sent++) {
      const stuck = setTimeout(held.resolve, STUCK_MS);
      await server.send(message);
      clearTimeout(stuck);
    }
  })();
  await within(held.promise, "a message that is not taken");
  assert(sent < most, `${sent} messages of a megabyte were taken though nobody reads`);
  const grown = memoryMb(proxy.pid) - before;
  assert(grown < 60, `${grown} MB more for one client that does not read`);
  for (; read < wanted; read++) assertEquals((await client.frame())?.payload.length, 1024 * 1024);
  await sending;
  client[Symbol.dispose]();
  server[Symbol.dispose]();
});
