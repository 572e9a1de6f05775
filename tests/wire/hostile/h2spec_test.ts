/** HTTP/2 as a client meets it, case by case of h2spec's list, and what strange requests become upstream. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ACK, END_STREAM, frame, setting, TYPES, uint32, WHOLE } from "../../support/clients/http2_frames.ts";
import { errorOf, Http2Peer, statusOf } from "../../support/clients/http2_peer.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";
import { FIELD_CASES } from "./h2_field_cases.ts";
import { head, SPEC_CASES, type SpecCase } from "./h2spec_cases.ts";

/** How long a case may take; none that ends as it should comes near. */
const LIMIT_MS = 5_000;
/** Cases that run at the same time, each on another connection. */
const AT_ONCE = 8;
/** The stream of the request that shows that a connection goes on. */
const NEXT = 1_001;

function upstreamFor(): FakeUpstream {
  return new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/hang")) return await exchange.peerClosed();
      for await (const _ of exchange.body()) { /* it is taken */ }
      await exchange.write(plainAnswer("hello"));
    },
  });
}

function proxyFor(upstream: FakeUpstream): LocalProxy {
  return new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
  });
}

/** Resolves to the first thing of the kind that a {@link SpecCase} can end with. */
async function ending(peer: Http2Peer, stream?: number): Promise<string> {
  let status: number | undefined;
  while (true) {
    const received = await peer.next();
    if (received === null) return "close";
    const { type, flags } = received;
    if (type === TYPES.goaway && errorOf(received) !== "NO_ERROR") {
      const code = errorOf(received);
      while (await peer.next() !== null) { /* until the connection ends */ }
      return `goaway ${code}`;
    }
    if (type === TYPES.reset) return `reset ${errorOf(received)}`;
    if (stream !== undefined && received.stream !== stream) continue;
    if (type === TYPES.headers) status = statusOf(received);
    if (status !== undefined && (flags & END_STREAM) !== 0) return `answer ${status}`;
  }
}

async function outcome(port: number, { steps, raw = false, ends }: SpecCase): Promise<string> {
  using peer = raw ? await Http2Peer.connect(port) : await Http2Peer.open(port);
  const timer = setTimeout(() => peer[Symbol.dispose](), LIMIT_MS);
  const next = frame("headers", WHOLE, NEXT, head("/openai/v1/next"));
  try {
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (const step of steps()) {
      if (step !== "answered") frames.push(step);
      else {
        await peer.send(...frames.splice(0));
        assertEquals(await ending(peer), "answer 200");
      }
    }
    if (ends === "alive") {
      await peer.send(...frames, next);
      const last = await ending(peer, NEXT);
      return last === "answer 200" ? "alive" : last;
    }
    await peer.send(...frames);
    const first = await ending(peer);
    if (!first.startsWith("reset")) return first;
    // A stream's error is its own.
    await peer.send(next);
    const last = await ending(peer, NEXT);
    return last === "answer 200" ? first : `${first}, then ${last}`;
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("HTTP/2, by h2spec's list", async (t) => {
  await using upstream = upstreamFor();
  await using proxy = proxyFor(upstream);
  const port = Number(new URL(proxy.url).port);
  for (let at = 0; at < SPEC_CASES.length; at += AT_ONCE) {
    const cases = SPEC_CASES.slice(at, at + AT_ONCE);
    const outcomes = cases.map((one) => outcome(port, one));
    await Promise.allSettled(outcomes);
    for (const [index, { name, lax, ends }] of cases.entries()) {
      await t.step(lax === undefined ? name : `${name} (${lax})`, async () => {
        assertEquals(await outcomes[index], ends);
      });
    }
  }
  assertEquals(proxy.log.filter(({ event }) => event === "unexpected"), []);
});

Deno.test("HTTP/2, by h2spec's list: what takes more than one answer", async (t) => {
  await using upstream = upstreamFor();
  await using proxy = proxyFor(upstream);
  const port = Number(new URL(proxy.url).port);
  const hang = head("/openai/v1/hang");

  await t.step("generic 1.1, 3.5/1: the server's preface is SETTINGS", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send();
    const first = await peer.next();
    assertEquals([first?.type, first?.flags, first?.stream], [TYPES.settings, 0, 0]);
  });

  await t.step("6.5.3/2: SETTINGS are acknowledged", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(frame("settings", 0, 0, setting(3, 100)));
    let acknowledged = 0;
    for (let seen = 0; acknowledged < 2 && seen < 10; seen++) {
      const received = await peer.nextOf("settings");
      if (received !== null && (received.flags & ACK) !== 0) acknowledged++;
    }
    assertEquals(acknowledged, 2);
  });

  await t.step("6.7/1: PING is answered with its own bytes", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(frame("ping", 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]));
    const answer = await peer.nextOf("ping");
    assertEquals([answer?.flags, [...answer?.payload ?? []]], [ACK, [1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  await t.step("6.9.1/1: no more DATA comes than the window allows", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(frame("settings", 0, 0, setting(4, 1)), frame("headers", WHOLE, 1, head()));
    assertEquals((await peer.nextOf("data"))?.payload.length, 1);
    await peer.send(frame("window", 0, 1, uint32(100)));
    assertEquals((await peer.nextOf("data"))?.payload.length, 4);
  });

  await t.step("6.5.3/1: of two values of one setting the last holds", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(
      frame("settings", 0, 0, [...setting(4, 100), ...setting(4, 1)]),
      frame("headers", WHOLE, 1, head()),
    );
    assertEquals((await peer.nextOf("data"))?.payload.length, 1);
  });

  await t.step("6.9.2/1: a window that is opened later counts for streams that are open", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(frame("settings", 0, 0, setting(4, 0)), frame("headers", WHOLE, 1, head()));
    assertEquals((await peer.nextOf("headers"))?.stream, 1);
    await peer.send(frame("settings", 0, 0, setting(4, 1)));
    assertEquals((await peer.nextOf("data"))?.payload.length, 1);
  });

  await t.step("6.9.2/2: a window below zero is made up for first", async () => {
    using peer = await Http2Peer.open(port);
    await peer.send(frame("settings", 0, 0, setting(4, 3)), frame("headers", WHOLE, 1, head()));
    assertEquals((await peer.nextOf("data"))?.payload.length, 3);
    await peer.send(frame("settings", 0, 0, setting(4, 2)), frame("window", 0, 1, uint32(2)));
    assertEquals((await peer.nextOf("data"))?.payload.length, 1);
  });

  await t.step(
    "5.1.2/1: of more streams than SETTINGS_MAX_CONCURRENT_STREAMS the last are refused",
    async () => {
      using peer = await Http2Peer.open(port);
      await peer.send();
      const payload = (await peer.next())?.payload ?? new Uint8Array();
      const settings = Array.from({ length: payload.length / 6 }, (_, index) => {
        const view = new DataView(payload.buffer, index * 6);
        return [view.getUint16(0), view.getUint32(2)] as const;
      });
      const most = new Map(settings).get(3) ?? NaN;
      assert(most > 0 && most <= 200, `${most} streams may be open`);
      const over = most * 2 + 1;
      await peer.send(
        ...Array.from({ length: most + 1 }, (_, index) => frame("headers", WHOLE, index * 2 + 1, hang)),
      );
      const refusal = await peer.nextOf("reset");
      assertEquals([refusal?.stream, refusal && errorOf(refusal)], [over, "REFUSED_STREAM"]);
      // With one of them gone there is room again.
      await peer.send(frame("reset", 0, 1, uint32(8)), frame("headers", WHOLE, over + 2, head()));
      assertEquals(await ending(peer, over + 2), "answer 200");
    },
  );
});

/** Fields that every request to the upstream has. */
const USUAL = ["host", "authorization"];

Deno.test("HTTP/2: what strange fields become upstream", async (t) => {
  await using upstream = upstreamFor();
  await using proxy = proxyFor(upstream);
  const port = Number(new URL(proxy.url).port);
  for (const { name, frames, ends, upstream: arrives } of FIELD_CASES) {
    await t.step(name, async () => {
      upstream.requests.length = 0;
      assertEquals(await outcome(port, { name, ends, steps: () => frames }), ends);
      const [first, ...others] = upstream.requests.filter(({ target }) => target !== "/openai/v1/next");
      const arrived = first && [
        `${first.method} ${first.target}`,
        ...first.headers.filter(([field]) => !USUAL.includes(field.toLowerCase()))
          .map(([field, value]) => `${field}: ${value}`),
      ];
      assertEquals(arrived, arrives);
      assertEquals(first?.header("host"), first && new URL(upstream.origin).host);
      assertEquals(others, [], "one request became several");
    });
  }
});
