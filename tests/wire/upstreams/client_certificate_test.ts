/** The certificate that the proxy shows to an upstream: nginx, which requires one. */

import { assertEquals, assertRejects } from "@std/assert";
import type { ConnectionSettings } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import { TransportError } from "../../../src/forwarding/transport/transport.ts";
import { textOf } from "../../support/data/body_text.ts";
import { startNginx } from "../../support/processes/nginx.ts";
import { freePort } from "../../support/processes/port.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { until, within } from "../../support/time/deadline.ts";
import { pem, TRUSTING, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";
import { upstreamRequest } from "../../support/upstreams/upstream_exchange.ts";

/** The certificate of the test server. Its authority is the test CA, and it is for clients too. */
const KNOWN = { cert: pem("cert.pem"), key: pem("key.pem") };
const UNKNOWN = { cert: pem("self_signed.pem"), key: pem("other_key.pem") };

async function withNginx(test: (origin: string) => Promise<void>): Promise<void> {
  const port = freePort();
  await using _nginx = await startNginx({
    port,
    files: Object.fromEntries(["ca.pem", "cert.pem", "key.pem"].map((name) => [name, pem(name)])),
    servers: (folder) =>
      `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    ssl_client_certificate ${folder}/ca.pem;
    ssl_verify_client on;
    location / { return 200 "$ssl_client_verify $ssl_client_s_dn"; }
  }`,
  });
  await test(`https://localhost:${port}`);
}

async function ask(origin: string, connection: ConnectionSettings): Promise<[status: number, text: string]> {
  const transport = createHttp1Transport();
  try {
    const { status, body } = await transport.send(upstreamRequest({ origin, connection }));
    return [status, await textOf(body)];
  } finally {
    transport.close();
  }
}

Deno.test({
  ...unless(
    without("nginx"),
    "client certificate: nginx requires one, and gets it; a missing or unknown one is a 400",
  ),
  fn: () =>
    withNginx(async (origin) => {
      assertEquals(await ask(origin, { ...TRUSTING, clientCert: KNOWN }), [200, "SUCCESS CN=localhost"]);
      assertEquals((await ask(origin, TRUSTING))[0], 400);
      assertEquals((await ask(origin, { ...TRUSTING, clientCert: UNKNOWN }))[0], 400);
    }),
});

Deno.test("client certificate: the upstream's certificate is checked as without one, with a kept connection after it", () =>
  withTlsUpstream(async (origin) => {
    const connection = { ...TRUSTING, clientCert: KNOWN };
    assertEquals(await ask(origin, connection), [200, "http/1.1"]);
    const untrusted = { ...connection, caCerts: [pem("other_ca.pem")] };
    await assertRejects(() => ask(origin, untrusted), TransportError, "UnknownIssuer");
    const otherName = origin.replace("localhost", "127.0.0.1");
    await assertRejects(() => ask(otherName, connection), TransportError, "its certificate is not valid");
    await assertRejects(
      () => ask(`https://localhost:${freePort()}`, connection),
      TransportError,
      "it refused the connection",
    );
  }));

Deno.test("client certificate: a cancellation within the handshake ends the request", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const transport = createHttp1Transport();
  const entered = Promise.withResolvers<void>();
  const request = upstreamRequest({
    origin: `https://127.0.0.1:${silent.addr.port}`,
    connection: { ...TRUSTING, clientCert: KNOWN },
    onPhase: (phase) => phase === "tls" && entered.resolve(),
  });
  const sent = transport.send(request);
  const accepted = await within(silent.accept(), "a connection");
  await entered.promise;
  request.cancellation.cancel(new RangeError("enough"));
  await assertRejects(() => sent, RangeError, "enough");
  // The runtime keeps a socket open on which TLS was begun and not answered.
  accepted.close();
  transport.close();
});

for (const scheme of ["http", "https", "socks5"] as const) {
  Deno.test({
    ...unless(
      without("nginx"),
      `client certificate: nginx gets it through a forward proxy (${scheme}), and is checked`,
    ),
    fn: () =>
      withNginx(async (origin) => {
        await using forward = new ForwardProxy({ scheme });
        const proxy = { scheme, hostname: "localhost", port: forward.port } as const;
        const connection = { ...TRUSTING, clientCert: KNOWN, proxy };
        assertEquals(await ask(origin, connection), [200, "SUCCESS CN=localhost"]);
        assertEquals((await ask(origin, { ...connection, clientCert: UNKNOWN }))[0], 400);
        assertEquals(forward.asked, Array.from({ length: 2 }, () => new URL(origin).host));
        const otherName = origin.replace("localhost", "127.0.0.1");
        await assertRejects(() => ask(otherName, connection), TransportError, "not valid for name");
        if (scheme !== "https") {
          const untrusted = { ...connection, caCerts: [pem("other_ca.pem")] };
          await assertRejects(() => ask(origin, untrusted), TransportError, "UnknownIssuer");
        }
        await until(() => forward.openConnections === 0, "the end of the tunnels");
      }),
  });
}

Deno.test("client certificate: a cancellation within the handshake ends the tunnel through a forward proxy", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using forward = new ForwardProxy({ scheme: "http" });
  const proxy = { scheme: "http", hostname: "127.0.0.1", port: forward.port } as const;
  const transport = createHttp1Transport();
  const entered = Promise.withResolvers<void>();
  const request = upstreamRequest({
    origin: `https://127.0.0.1:${silent.addr.port}`,
    connection: { ...TRUSTING, clientCert: KNOWN, proxy },
    onPhase: (phase) => phase === "tls" && entered.resolve(),
  });
  const sent = transport.send(request);
  const accepted = await within(silent.accept(), "a connection");
  await entered.promise;
  // The handshake begins.
  assertEquals(await within(accepted.read(new Uint8Array(1)), "more bytes or the end"), 1);
  request.cancellation.cancel(new RangeError("enough"));
  await assertRejects(() => sent, RangeError, "enough");
  await until(() => forward.openConnections === 0, "the end of the tunnel");
  accepted.close();
  transport.close();
});
