import { PulledSource } from "../../../src/streams/pulled_source.ts";
import { nextText, textOf } from "../../support/data/body_text.ts";
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { ConnectionSettings } from "../../../src/config/config.ts";
import { ReplayableBody } from "../../../src/forwarding/replayable_body.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import {
  RequestBodyBroken,
  type Transport,
  TransportError,
  type UpstreamRequest,
} from "../../../src/forwarding/transport/transport.ts";
import type { MessageBody } from "../../../src/streams/byte_source.ts";
import { until, within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { textSource } from "../../support/proxies/handler.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { collectGarbage } from "../../support/runner/collect_garbage.ts";
import { unless, withoutIpv6 } from "../../support/runner/left_out.ts";
import { passing } from "../../support/time/passing_time.ts";
import { TRUSTING, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";
import { upstreamRequest } from "../../support/upstreams/upstream_exchange.ts";

const ECHO: Script = async (exchange) => {
  const body = await gather(exchange.body());
  await exchange.write(plainAnswer(`${exchange.request.connection}:${new TextDecoder().decode(body)}`));
};

async function withTransport(
  script: Script,
  test: (
    send: (parts?: Partial<UpstreamRequest>) => Promise<string>,
    upstream: FakeUpstream,
  ) => Promise<void>,
  connection: ConnectionSettings = DIRECT,
): Promise<void> {
  await using upstream = new FakeUpstream({ script });
  const transport = createHttp1Transport();
  try {
    await test((parts) => read(transport, { origin: upstream.origin, connection, ...parts }), upstream);
  } finally {
    transport.close();
  }
}

/** Sends a request and gives its whole answer's body. */
async function read(transport: Transport, parts: Partial<UpstreamRequest>): Promise<string> {
  const { body } = await transport.send(upstreamRequest(parts));
  return await textOf(body);
}

function posted(text: string): Partial<UpstreamRequest> {
  const bodyLength = new TextEncoder().encode(text).length;
  return {
    method: "POST",
    body: textSource(text, bodyLength),
    again: bodyLength > 65_536 ? undefined : () => textSource(text, bodyLength),
  };
}

Deno.test("transport: one request after the other shares a connection; at the same time they do not", () =>
  withTransport(ECHO, async (send) => {
    assertEquals([await send(), await send(), await send(posted("x"))], ["0:", "0:", "0:x"]);
    const together = await Promise.all([send(), send()]);
    assertEquals(together.sort(), ["0:", "1:"]);
  }));

Deno.test("transport: an idle connection keeps nothing of its requests in memory", () =>
  withTransport(ECHO, async (send) => {
    const bodies: WeakRef<MessageBody>[] = [];
    // The first request opens the connection, and the second one is the last on it.
    for (const expected of ["0:first", "0:last"]) {
      const body = textSource(expected.slice(2));
      bodies.push(new WeakRef(body));
      assertEquals(await send({ method: "POST", body, again: () => body }), expected);
    }
    await collectGarbage();
    assertEquals(bodies.map((body) => body.deref()), [undefined, undefined]);
    assertEquals(await send(), "0:");
  }));

Deno.test("transport: an answer that is not read to its end frees no connection", () =>
  withTransport(ECHO, async (send, upstream) => {
    const transport = createHttp1Transport();
    const { body } = await transport.send(
      upstreamRequest({ origin: upstream.origin, ...posted("x".repeat(50_000)) }),
    );
    body?.cancel();
    assertEquals(await read(transport, { origin: upstream.origin }), "1:");
    assertEquals(await send(), "2:");
    transport.close();
  }));

Deno.test("transport: an answer that is given up while its rest is still to come frees no connection", () =>
  withTransport(async (exchange) => {
    if (exchange.request.target !== "/long") return await ECHO(exchange);
    await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    await exchange.peerClosed();
  }, async (_send, upstream) => {
    const transport = createHttp1Transport();
    const { origin } = upstream;
    const { body } = await transport.send(upstreamRequest({ origin, target: "/long" }));
    assertEquals(await nextText(body), "half");
    body?.cancel();
    assertEquals(await within(read(transport, { origin }), "the next answer"), "1:");
    transport.close();
  }));

Deno.test("transport: an idle connection that the upstream closed is noticed before use", () =>
  withTransport(async (exchange) => {
    await ECHO(exchange);
    if (exchange.request.target === "/closes") exchange.close();
  }, async (send, upstream) => {
    assertEquals(await send({ target: "/closes" }), "0:");
    await until(() => upstream.openConnections === 0, "the close");
    await passing(20, { why: "no event reports that the transport has seen the close" });
    const phases: string[] = [];
    assertEquals(await send({ ...posted("small"), onPhase: (phase) => phases.push(phase) }), "1:small");
    assertEquals(phases.slice(0, 1), ["connect"], "the dead connection was tried first");
  }));

Deno.test("transport: bytes that nobody asked for spoil an idle connection", () =>
  withTransport(async (exchange) => {
    await ECHO(exchange);
    if (exchange.request.connection > 0) return;
    // Later than the answer, when the connection waits for its next request.
    await passing(10, { why: "the bytes come after the answer" });
    await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned");
    await exchange.peerClosed();
  }, async (send, upstream) => {
    await send();
    await until(() => upstream.openConnections === 0, "the end of the connection");
    assertEquals(await send(), "1:");
  }));

/**
 * An upstream that closes a connection when its second request comes: what an idle close looks like that
 * crosses it.
 */
const closesSecond = (answerBegins: string): Script => {
  const served = new Map<number, number>();
  return async (exchange) => {
    const { connection } = exchange.request;
    const count = (served.get(connection) ?? 0) + 1;
    served.set(connection, count);
    if (count === 1) return await ECHO(exchange);
    await gather(exchange.body());
    if (answerBegins !== "") await exchange.write(answerBegins);
    exchange.close();
  };
};

Deno.test("transport: a small request that crosses an idle close is sent once more, whole", () =>
  withTransport(closesSecond(""), async (send, upstream) => {
    assertEquals(await send(), "0:");
    assertEquals(await send(posted("once more")), "1:once more");
    assertEquals(upstream.requests.length, 3);
  }));

Deno.test("transport: sent once more while the client is still uploading, the body has no hole", () =>
  withTransport(closesAtFirstPiece(), async (send, upstream) => {
    assertEquals(await send(), "0:");
    const more = Promise.withResolvers<void>();
    const pieces = ["first,", "second,", "third"];
    const body = new PulledSource(async () => {
      const piece = pieces.shift();
      // The rest comes once the first attempt has failed and the second one has begun.
      if (piece === "second,") await more.promise;
      return piece === undefined ? null : new TextEncoder().encode(piece);
    }, { length: 18 });
    const replayable = new ReplayableBody(body, 100);
    const answer = send({
      method: "POST",
      body: replayable.attempt(),
      again: () => replayable.attempt(),
    });
    await until(() => upstream.requests.length >= 3, "the third request");
    more.resolve();
    assertEquals(await answer, "1:first,second,third");
  }));

/** An upstream that closes a connection at the first piece of its second request. */
function closesAtFirstPiece(): Script {
  const served = new Map<number, number>();
  return async (exchange) => {
    const { connection } = exchange.request;
    const count = (served.get(connection) ?? 0) + 1;
    served.set(connection, count);
    if (count === 1) return await ECHO(exchange);
    await exchange.body().next();
    exchange.close();
  };
}

Deno.test("transport: once a byte of an answer came, nothing is sent again", () =>
  withTransport(closesSecond("H"), async (send, upstream) => {
    await send();
    const error = await assertRejects(() => send(posted("x")), TransportError);
    assertEquals([error.facts.reused, error.facts.received, upstream.requests.length], [true, true, 2]);
  }));

Deno.test("transport: a request that is sent again on a fresh connection is reported once", () =>
  withTransport(closesSecond(""), async (send) => {
    let resent = 0;
    const onResent = () => void resent++;
    await send({ onResent });
    assertEquals(resent, 0);
    assertEquals(await send({ ...posted("x"), onResent }), "1:x");
    assertEquals(resent, 1);
  }));

Deno.test("transport: a failure on a fresh connection is not tried again", () =>
  withTransport((exchange) => exchange.close(), async (send, upstream) => {
    const error = await assertRejects(() => send(posted("x")), TransportError);
    const { phase, sent, received, reused } = error.facts;
    assertEquals([phase, sent, received, reused], ["first byte", true, false, false]);
    assertEquals(upstream.requests.length, 1);
  }));

Deno.test("transport: a body that is large or of unknown length goes on a fresh connection", () =>
  withTransport(ECHO, async (send) => {
    const large = "x".repeat(70_000);
    assertEquals(await send(), "0:");
    assertEquals(await send(posted(large)), `1:${large}`);
    assertEquals(await send({ method: "POST", body: textSource("chunks") }), "2:chunks");
  }));

Deno.test("transport: an answer before the upload's end is delivered and the connection not used again", () =>
  withTransport(async (exchange) => {
    await exchange.write(plainAnswer("too large", { status: "413 Content Too Large" }));
    if (exchange.request.method === "POST") await exchange.peerClosed();
  }, async (send) => {
    let given = 0;
    const endless = new PulledSource(() =>
      given++ < 3 ? Promise.resolve(new Uint8Array(10)) : new Promise<never>(() => {})
    );
    assertEquals(await within(send({ method: "POST", body: endless }), "the early answer"), "too large");
    assertEquals(await within(send(), "the next answer"), "too large");
  }));

/** A body whose pieces have to be waited for; it breaks off behind them where `end` is an error. */
function awaited(texts: readonly string[], length?: number, end: Error | null = null): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new PulledSource(() => {
    const piece = left.shift();
    return piece === undefined && end !== null ? Promise.reject(end) : Promise.resolve(piece ?? null);
  }, { length });
}

/** Answers what it has read whole. */
const READS_WHOLE: Script = async (exchange) => {
  await gather(exchange.body());
  await exchange.write(plainAnswer("read as whole"));
};

Deno.test("transport: a request whose body has another length than stated ends its connection: nothing follows on it", () =>
  withTransport(READS_WHOLE, async (send, upstream) => {
    for (const texts of [["abc"], ["ab", "c"]]) {
      const sent = send({ method: "POST", body: awaited(texts, 5) });
      await assertRejects(() => within(sent, "the end"), TransportError);
    }
    assertEquals(await send(), "read as whole");
    assertEquals(upstream.requests.map(({ connection }) => connection), [0, 1, 2]);
  }));

Deno.test("transport: a request whose body breaks off ends its connection, and the upstream is not to blame", () =>
  withTransport(READS_WHOLE, async (send) => {
    for (const length of [undefined, 10]) {
      const sent = send({ method: "POST", body: awaited(["a", "b"], length, new Error("broken off")) });
      await assertRejects(() => within(sent, "the end"), RequestBodyBroken);
    }
  }));

Deno.test("transport: idle connections are bounded in number and in time", () =>
  withTransport(ECHO, async (send, upstream) => {
    await Promise.all([send(), send(), send()]);
    await until(() => upstream.openConnections <= 1, "the end of two idle connections");
    await until(() => upstream.openConnections === 0, "the end of the last idle connection");
    assertEquals(upstream.requests.length, 3);
  }, { ...DIRECT, pool: { maxIdle: 1, idleMs: 40 } }));

/** Waits until a count stays the same for a while. */
async function still(count: () => number): Promise<void> {
  let before = -1;
  await until(async () => {
    const isStill = before === count();
    before = count();
    if (!isStill) await passing(50, { why: "no event reports that nothing moves" });
    return isStill;
  }, "a count that stays the same");
}

Deno.test("transport: a slow reader stops the upstream, a slow upstream stops the upload", async () => {
  const piece = "x".repeat(64 * 1024);
  const size = 64 * 1024 * 1024;
  let written = 0;
  await withTransport(async (exchange) => {
    if (exchange.request.method === "POST") return await exchange.peerClosed();
    await exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    for (; written < size; written += piece.length) await exchange.write(piece);
  }, async (_send, upstream) => {
    const transport = createHttp1Transport();
    const { body } = await transport.send(upstreamRequest({ origin: upstream.origin }));
    await nextText(body);
    await still(() => written);
    // What the kernel's buffers hold is all that went ahead of the reader.
    assertLess(written, size / 2, "the upstream ran ahead of its reader");
    body?.cancel();
    transport.close();
  });
  let taken = 0;
  const endless = new PulledSource(() =>
    Promise.resolve(new Uint8Array(64 * 1024)).finally(() => taken += 64 * 1024)
  );
  const { promise: stalled, resolve: stop } = Promise.withResolvers<void>();
  await withTransport(() => stalled, async (_send, upstream) => {
    const transport = createHttp1Transport();
    const sending = transport.send(
      upstreamRequest({ origin: upstream.origin, method: "POST", body: endless }),
    );
    await still(() => taken);
    assertLess(taken, size / 2, "the upload ran ahead of the upstream");
    stop();
    transport.close();
    await assertRejects(() => sending, TransportError);
  });
});

Deno.test("transport: TLS to an upstream of a trusted CA, by http/1.1, on a kept connection", () =>
  withTlsUpstream(async (origin) => {
    const transport = createHttp1Transport();
    assertEquals(await read(transport, { origin, connection: TRUSTING }), "http/1.1");
    assertEquals(await read(transport, { origin, connection: TRUSTING }), "http/1.1");
    transport.close();
  }));

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test({
    ...unless(withoutIpv6(), `transport: localhost leads to a server that listens on ${hostname} only`),
    async fn() {
      const server = Deno.serve({ hostname, port: 0, onListen() {} }, () => new Response("here"));
      const transport = createHttp1Transport();
      const origin = `http://localhost:${server.addr.port}`;
      assertEquals(await textOf((await transport.send(upstreamRequest({ origin }))).body), "here");
      transport.close();
      await server.shutdown();
      const error = await assertRejects(() => transport.send(upstreamRequest({ origin })), TransportError);
      assertEquals(error.message, "it refused the connection");
    },
  });
}

Deno.test("transport: a certificate that nobody vouches for is refused, with the reason", () =>
  withTlsUpstream(async (origin) => {
    const transport = createHttp1Transport();
    const error = await assertRejects(() => read(transport, { origin }), TransportError);
    assertEquals(error.facts.phase, "tls");
    assertStringIncludes(error.message, "its certificate is not valid (UnknownIssuer)");
    transport.close();
  }));

Deno.test("transport: a certificate for another name is refused", () =>
  withTlsUpstream(async (origin) => {
    const transport = createHttp1Transport();
    const error = await assertRejects(
      () => read(transport, { origin: origin.replace("localhost", "127.0.0.1"), connection: TRUSTING }),
      TransportError,
    );
    assert(/certificate/.test(error.message), error.message);
    transport.close();
  }));

Deno.test("transport: a cancellation ends every stage with its reason", async () => {
  // Takes connections and says nothing: to a TLS client that is an endless handshake.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr; // a listener on TCP has a NetAddr
  for (
    const [origin, phase] of [[`https://127.0.0.1:${port}`, "tls"], [
      `http://127.0.0.1:${port}`,
      "first byte",
    ]]
  ) {
    const transport = createHttp1Transport();
    const request = upstreamRequest({
      origin: origin ?? "",
      onPhase(entered) {
        if (entered === phase) setTimeout(() => request.cancellation.cancel(new RangeError("enough")), 10);
      },
    });
    await assertRejects(() => transport.send(request), RangeError, "enough");
    transport.close();
  }
});

Deno.test("transport: while the client is waited for nobody waits for the upstream; an answer that has begun is not asked about again", async () => {
  const answered = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      const pieces = exchange.body();
      await pieces.next();
      await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      await within(answered.promise, "the answer");
      await gather(pieces);
      await exchange.write("ok");
    },
  });
  const transport = createHttp1Transport();
  const phases: string[] = [];
  const rest = Promise.withResolvers<Uint8Array>();
  const pieces = [Promise.resolve(new TextEncoder().encode("one")), rest.promise, Promise.resolve(null)];
  const body = new PulledSource(() => pieces.shift() ?? Promise.resolve(null), { length: 6 });
  const { body: answer } = await transport.send(upstreamRequest({
    origin: upstream.origin,
    method: "POST",
    body,
    onPhase: (phase) => phases.push(phase),
  }));
  assertEquals(phases, ["connect", "first byte", "upload", "first byte", "upload"]);
  answered.resolve();
  rest.resolve(new TextEncoder().encode("two"));
  assertEquals(await nextText(answer), "ok");
  assertEquals(phases.length, 5);
  answer?.cancel();
  transport.close();
});
