import { bodyOf } from "../../../src/streams/bytes.ts";
import { textOf } from "../../support/data/body_text.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { ConnectionSettings, OutboundProxy } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import { type Transport, TransportError } from "../../../src/forwarding/transport/transport.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { pem, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";
import { upstreamRequest } from "../../support/upstreams/upstream_exchange.ts";

const SCHEMES = ["http", "https", "socks5"] as const;

/** Through a tunnel of a proxy on loopback, with its login or another one. */
function through(scheme: OutboundProxy["scheme"], port: number, login?: string): ConnectionSettings {
  const [user = "", password = ""] = login?.split(":") ?? [];
  const hostname = scheme === "https" ? "localhost" : "127.0.0.1";
  const proxy = { scheme, hostname, port, ...(login !== undefined && { login: { user, password } }) };
  return { ...DIRECT, key: JSON.stringify(proxy), proxy, proxyTunnel: true, caCerts: [pem("ca.pem")] };
}

/** The same without a tunnel where none is needed. */
function wholeUrls(...proxy: Parameters<typeof through>): ConnectionSettings {
  return { ...through(...proxy), proxyTunnel: false };
}

async function read(transport: Transport, origin: string, connection: ConnectionSettings): Promise<string> {
  const { body } = await transport.send(upstreamRequest({ origin, connection }));
  return await textOf(body);
}

async function withTransport(test: (transport: Transport) => Promise<void>): Promise<void> {
  const transport = createHttp1Transport();
  try {
    await test(transport);
  } finally {
    transport.close();
  }
}

for (const scheme of ["http", "https"] as const) {
  for (const login of [undefined, "user:p@ss word"]) {
    const how = `${scheme} ${login === undefined ? "without" : "with"} a login`;

    Deno.test(`outbound proxy: ${how}: it gets the whole URL of a plain upstream, on a kept connection`, () =>
      withTransport(async (transport) => {
        await using upstream = new FakeUpstream({
          script: async (exchange) => {
            const body = await Array.fromAsync(exchange.body());
            await exchange.write(plainAnswer(`${body.length > 0 ? "with" : "without"} a body`));
          },
        });
        const port = Number(new URL(upstream.origin).port);
        await using proxy = new ForwardProxy({
          scheme,
          noTunnels: true,
          ...(login && { login }),
          hosts: { "inside.test": port },
        });
        const connection = wholeUrls(scheme, proxy.port, login);
        const origin = "http://inside.test:8000";
        assertEquals(await read(transport, origin, connection), "without a body");
        const again = () => bodyOf(new TextEncoder().encode("{}"));
        const target = "/v1/x?a=http://b";
        const request = upstreamRequest({ origin, connection, method: "POST", target, body: again(), again });
        assertEquals(await textOf((await transport.send(request)).body), "with a body");
        assertEquals(proxy.urls, [
          "GET http://inside.test:8000/ HTTP/1.1",
          "POST http://inside.test:8000/v1/x?a=http://b HTTP/1.1",
        ]);
        assertEquals([proxy.asked, proxy.relayed], [[], ["inside.test:8000"]], "one connection for both");
        assertEquals(upstream.requests.map(({ raw }) => raw.trimEnd().split("\r\n")), [
          ["GET / HTTP/1.1", "host: inside.test:8000"],
          [`POST ${target} HTTP/1.1`, "host: inside.test:8000", "Content-Length: 2"],
        ]);
      }));
  }

  Deno.test(`outbound proxy: ${scheme}: a WebSocket goes through a tunnel, also to a plain upstream`, () =>
    withTransport(async (transport) => {
      await using upstream = new FakeUpstream({
        script: (exchange) => exchange.write(plainAnswer("no", { status: "400 Bad Request" })),
      });
      await using proxy = new ForwardProxy({ scheme });
      const connection = wholeUrls(scheme, proxy.port);
      const request = upstreamRequest({ origin: upstream.origin, connection, upgrade: true });
      assertEquals((await transport.send(request)).status, 400);
      assertEquals([proxy.asked.length, proxy.urls.length], [1, 0]);
    }));
}

Deno.test("outbound proxy: the 407 of a proxy with a whole URL is not the upstream's answer", () =>
  withTransport(async (transport) => {
    await using proxy = new ForwardProxy({ scheme: "http", login: "user:right" });
    const connection = wholeUrls("http", proxy.port, "user:wrong-secret");
    const error = await assertRejects(
      () => read(transport, "http://inside.test", connection),
      TransportError,
    );
    assertEquals(
      error.message,
      `the outbound proxy http://[redacted]@127.0.0.1:${proxy.port} did not forward the request: it wants another user name or password (407)`,
    );
    // An upstream can answer like this too, so it must not count as a request that surely did not arrive:
    // that would put the backend into cooldown for all clients.
    assertEquals([error.facts.phase, error.facts.sent, error.facts.received], ["connect", true, false]);
  }));

for (const scheme of SCHEMES) {
  for (const login of [undefined, "user:p@ss word"]) {
    const how = `${scheme} ${login === undefined ? "without" : "with"} a login`;

    Deno.test(`outbound proxy: ${how}: a plain upstream, whose name only the proxy knows, in a kept tunnel`, () =>
      withTransport(async (transport) => {
        await using upstream = new FakeUpstream({
          script: (exchange) => exchange.write(plainAnswer("plain")),
        });
        const port = Number(new URL(upstream.origin).port);
        await using proxy = new ForwardProxy({
          scheme,
          ...(login && { login }),
          hosts: { "inside.test": port },
        });
        const connection = through(scheme, proxy.port, login);
        assertEquals(await read(transport, "http://inside.test:8000", connection), "plain");
        assertEquals(await read(transport, "http://inside.test:8000", connection), "plain");
        assertEquals(proxy.asked, ["inside.test:8000"], "one tunnel for both requests");
        const [head = ""] = upstream.received.split("\r\n\r\n");
        assertEquals(
          head.split("\r\n"),
          ["GET / HTTP/1.1", "host: inside.test:8000"],
          "nothing of the proxy's own",
        );
      }));

    Deno.test(`outbound proxy: ${how}: a TLS upstream of a private CA`, () =>
      withTlsUpstream((origin) =>
        withTransport(async (transport) => {
          await using proxy = new ForwardProxy({ scheme, ...(login && { login }) });
          const connection = through(scheme, proxy.port, login);
          assertEquals(await read(transport, origin, connection), "http/1.1");
          assertEquals(await read(transport, origin, connection), "http/1.1");
          assertEquals(proxy.asked, [`localhost:${new URL(origin).port}`]);
        })
      ));
  }

  Deno.test(`outbound proxy: ${scheme}: a wrong login is told without it`, () =>
    withTransport(async (transport) => {
      await using proxy = new ForwardProxy({ scheme, login: "user:right" });
      const connection = through(scheme, proxy.port, "user:wrong-secret");
      const error = await assertRejects(
        () => read(transport, "http://inside.test", connection),
        TransportError,
      );
      assertStringIncludes(error.message, `the outbound proxy ${scheme}://[redacted]@`);
      assert(
        /user name or password/.test(error.message) && !error.message.includes("wrong-secret"),
        error.message,
      );
      assertEquals([error.facts.phase, proxy.asked.length], ["connect", 0]);
    }));

  Deno.test(`outbound proxy: ${scheme}: a proxy that refuses, and one that is not there`, () =>
    withTransport(async (transport) => {
      // What the request brought, said again.
      const echo = `me:hunter2-password ${btoa("me:hunter2-password")}`;
      const refusal = scheme === "socks5" ? 2 : `403 Filtered ${echo}`;
      const proxy = new ForwardProxy({ scheme, refusal });
      const connection = through(scheme, proxy.port, scheme === "socks5" ? undefined : "me:hunter2-password");
      const refused = await assertRejects(
        () => read(transport, "http://inside.test", connection),
        TransportError,
      );
      assertStringIncludes(
        refused.message,
        scheme === "socks5" ? "its rules do not allow it" : "it answered 403",
      );
      for (const word of ["Filtered", ...echo.split(" ")]) assert(!refused.message.includes(word), word);
      await proxy[Symbol.asyncDispose]();
      const gone = await assertRejects(
        () => read(transport, "http://inside.test", connection),
        TransportError,
      );
      assertStringIncludes(gone.message, "it refused the connection");
    }));

  Deno.test(`outbound proxy: ${scheme}: a cancellation within its handshake ends it`, () =>
    withTransport(async (transport) => {
      using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const connection = through(scheme, silent.addr.port);
      const request = upstreamRequest({ origin: "http://inside.test", connection });
      const sent = transport.send(request);
      using accepted = await within(silent.accept(), "a connection");
      assert(accepted);
      request.cancellation.cancel(new RangeError("enough"));
      await assertRejects(() => sent, RangeError, "enough");
    }));
}

Deno.test("outbound proxy: a connection through it is not used by those who go directly, nor the other way round", () =>
  withTransport(async (transport) => {
    await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("x")) });
    await using proxy = new ForwardProxy({ scheme: "http" });
    for (const connection of [DIRECT, through("http", proxy.port), DIRECT, through("http", proxy.port)]) {
      await read(transport, upstream.origin, connection);
    }
    assertEquals(upstream.requests.map(({ connection }) => connection), [0, 1, 0, 1]);
    assertEquals(proxy.asked.length, 1);
  }));

Deno.test("outbound proxy: what it sends behind its answer is not taken for the upstream's", () =>
  withTransport(async (transport) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const sent = read(transport, "http://inside.test", through("http", listener.addr.port));
    using accepted = await within(listener.accept(), "a connection");
    const smuggled = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    await accepted.write(new TextEncoder().encode(smuggled));
    await assertRejects(() => sent, TransportError, "it sent more than its response");
  }));

Deno.test("outbound proxy: closing a tunnel within a tunnel leaves nothing open", () =>
  withTlsUpstream((origin) =>
    withTransport(async (transport) => {
      const proxy = new ForwardProxy({ scheme: "https" });
      assertEquals(await read(transport, origin, through("https", proxy.port)), "http/1.1");
      assertEquals(proxy.openConnections, 2);
      transport.close();
      await proxy[Symbol.asyncDispose]();
      assertEquals(proxy.openConnections, 0);
    })
  ));

Deno.test("outbound proxy: a cancellation within a handshake within TLS ends the tunnel", () =>
  withTransport(async (transport) => {
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using proxy = new ForwardProxy({ scheme: "https" });
    const entered = Promise.withResolvers<void>();
    const request = upstreamRequest({
      origin: `https://localhost:${silent.addr.port}`,
      connection: through("https", proxy.port),
      onPhase: (phase) => phase === "tls" && entered.resolve(),
    });
    const sent = transport.send(request);
    const far = await within(silent.accept(), "a connection");
    await within(entered.promise, "the handshake of TLS");
    request.cancellation.cancel(new RangeError("enough"));
    await assertRejects(() => sent, RangeError, "enough");
    // The hello may have come; then the end of it.
    const buffer = new Uint8Array(4096);
    while (await within(far.read(buffer), "the end of the connection") !== null) { /* the hello */ }
    far.close();
  }));
