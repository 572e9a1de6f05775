/** HTTP/2 clients that ask for much and take nothing, or send what is cheap to send and costly to read. */

import { assert, assertEquals } from "@std/assert";
import { PAGE_FOLDER } from "../../../src/management/admin/assets.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import {
  frame,
  GET,
  HTTPS,
  literal,
  POST,
  PREFACE,
  setting,
  text,
  TYPES,
  uint32,
  WHOLE,
} from "../../support/clients/http2_frames.ts";
import { Http2Peer } from "../../support/clients/http2_peer.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
/** `INITIAL_WINDOW_SIZE` 0: no byte of a body may be sent. */
const NO_WINDOW = frame("settings", 0, 0, setting(4, 0));
const ROOM = 16;

function answering(): FakeUpstream {
  return new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
}

function managed(upstream: FakeUpstream): Promise<ManagedProxy> {
  return ManagedProxy.start(upstream, { server: { tls: TLS } });
}

function portOf({ url }: { readonly url: string }): number {
  return Number(new URL(url).port);
}

function head(path: string, { method = GET, token = "" } = {}): number[] {
  return [
    method,
    HTTPS,
    ...literal(":path", path),
    ...literal(":authority", "p"),
    ...(token === "" ? [] : literal("authorization", `Bearer ${token}`)),
  ];
}

/** The longest file of the admin page that everybody may load. */
async function longestAsset(): Promise<{ path: string; bytes: number }> {
  let longest = { path: "", bytes: 0 };
  for await (const { name } of Deno.readDir(PAGE_FOLDER)) {
    if (!name.endsWith(".js")) continue;
    const { size } = await Deno.stat(new URL(name, PAGE_FOLDER));
    if (size > longest.bytes) longest = { path: `/admin/assets/${name}`, bytes: size };
  }
  return longest;
}

/** The streams whose answers have begun before this many PINGs were answered one after the other. */
async function begunWithin(peer: Http2Peer, pings: number): Promise<number[]> {
  const begun: number[] = [];
  for (let count = 0; count < pings; count++) {
    await peer.send(frame("ping", 0, 0, Array(8).fill(1)));
    for (let received = await peer.next(); received?.type !== TYPES.ping; received = await peer.next()) {
      assert(received !== null, "the connection has ended");
      if (received.type === TYPES.headers) begun.push(received.stream);
    }
  }
  return begun;
}

Deno.test("HTTP/2: a client with a token that takes nothing has a few whole answers in memory, and the next ones as it takes them", async () => {
  await using upstream = answering();
  await using proxy = await managed(upstream);
  using peer = await Http2Peer.open(portOf(proxy));
  const { path } = await longestAsset();
  await peer.send(NO_WINDOW, frame("headers", WHOLE, 1, head("/nothing", { token: SECRETS.proxyToken })));
  await within(peer.nextOf("headers", 1), "the first answer");
  await peer.send(
    ...Array.from({ length: 100 }, (_, index) => frame("headers", WHOLE, 3 + 2 * index, head(path))),
  );
  const begun = await within(begunWithin(peer, 200), "the answers to pings");
  assert(begun.length <= ROOM, `${begun.length} answers have begun`);
  await peer.send(
    frame("window", 0, 0, uint32(0x7fff_0000)),
    frame("settings", 0, 0, setting(4, 0x3fff_ffff)),
  );
  const all = new Set(begun);
  await within(
    (async () => {
      while (all.size < 100) {
        const received = await peer.nextOf("headers");
        assert(received !== null, "the connection has ended");
        all.add(received.stream);
      }
    })(),
    "all answers",
  );
});

Deno.test("HTTP/2: requests that wait behind unread answers to strangers go on as soon as the client shows a token", async () => {
  await using upstream = answering();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls: TLS } });
  using peer = await Http2Peer.open(portOf(proxy));
  const token = SECRETS.proxyToken;
  const strangers = Array.from(
    { length: ROOM },
    (_, index) => frame("headers", WHOLE, 1 + 2 * index, head("/openai/v1/models")),
  );
  await peer.send(NO_WINDOW, ...strangers);
  for (const _ of strangers) await within(peer.nextOf("headers"), "an answer to a stranger");
  const arrived = new Set<string>();
  const bothArrived = Promise.withResolvers<void>();
  upstream.script(async (exchange) => {
    arrived.add(exchange.request.target);
    if (arrived.size === 2) bothArrived.resolve();
    await exchange.write(plainAnswer("hello"));
  });
  await peer.send(
    // This request waits for a slot, and a POST needs none.
    frame("headers", WHOLE, 1 + 2 * ROOM, head("/openai/v1/waiting", { token })),
    frame("headers", WHOLE, 3 + 2 * ROOM, head("/openai/v1/first", { method: POST, token })),
  );
  await within(bothArrived.promise, "both requests at the upstream");
  assertEquals([...arrived].sort(), ["/openai/v1/first", "/openai/v1/waiting"]);
});

Deno.test("HTTP/2: bytes that are no part of a body do not make untaken answers look taken", async () => {
  await using upstream = answering();
  await using proxy = await managed(upstream);
  using peer = await Http2Peer.open(portOf(proxy));
  const { path, bytes } = await longestAsset();
  await peer.send(NO_WINDOW);
  const ping = frame("ping", 0, 0, Array(8).fill(1));
  const pings = Array.from({ length: 2_000 }, () => ping);
  const most = 4 * 1024 * 1024;
  let stream = 1;
  let untaken = 0;
  const end = async () => {
    for (; untaken < most; untaken += 4 * bytes) {
      for (let count = 0; count < 4; count++, stream += 2) {
        await peer.send(frame("headers", WHOLE, stream, head(path)));
        if (await peer.nextOf("headers") === null) return;
      }
      // More bytes than the answers have.
      for (let sent = 0; sent < 4.5 * bytes; sent += pings.length * ping.length) {
        await peer.send(...pings);
        for (let count = 0; count < pings.length; count++) if (await peer.nextOf("ping") === null) return;
      }
    }
  };
  await within(end(), "the end of the connection");
  assert(untaken < most, `${untaken} bytes of answers are in memory`);
});

Deno.test("HTTP/2: a header block of thousands of references ends its connection before it is decoded", async () => {
  await using upstream = answering();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls: TLS } });
  using peer = await Http2Peer.open(portOf(proxy));
  // The first one enters the table of HPACK as index 62.
  const big = [0x40, ...text("x-big"), ...text("v".repeat(3_900))];
  await peer.send(frame("headers", WHOLE, 1, [...head("/x"), ...big]));
  await within(peer.nextOf("headers", 1), "the first answer");
  await peer.send(frame("headers", WHOLE, 3, [...head("/x"), ...Array(15_000).fill(0xbe)]));
  assertEquals(await within(peer.nextOf("headers", 3), "the end of the connection"), null);
});

Deno.test("HTTP/2: of clients without a token so many frames are read in a second and no more", async () => {
  await using upstream = answering();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls: TLS } });
  using client = await Deno.connectTls({
    hostname: "localhost",
    port: portOf(proxy),
    caCerts: [pem("ca.pem")],
    alpnProtocols: ["h2"],
  });
  const pings = 60_000;
  const ping = frame("ping", 0, 0, Array(8).fill(1));
  const bytes = new Uint8Array(pings * ping.length);
  for (let index = 0; index < pings; index++) bytes.set(ping, index * ping.length);
  const began = performance.now();
  const sending = (async () => {
    for (const part of [PREFACE, frame("settings", 0, 0), bytes]) {
      for (let sent = 0; sent < part.length;) sent += await client.write(part.subarray(sent));
    }
  })();
  const buffer = new Uint8Array(64 * 1024);
  for (let received = 0; received < bytes.length;) {
    const count = await within(client.read(buffer), "the answers to pings");
    assert(count !== null, "the connection has ended");
    received += count;
  }
  await sending;
  const seconds = (performance.now() - began) / 1000;
  assert(seconds > 1.5, `${pings} were answered in ${seconds} s`);
});
