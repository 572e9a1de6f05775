/**
 * The outbound proxies that people run, where they are installed: tinyproxy and squid (HTTP), and microsocks
 * (SOCKS5).
 */

import { nextText, textOf } from "../../support/data/body_text.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { OutboundProxy } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import { TransportError } from "../../../src/forwarding/transport/transport.ts";
import { field } from "../../../src/http/fields.ts";
import { bodyOf } from "../../../src/streams/bytes.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { command } from "../../support/processes/command.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { freePort, listening } from "../../support/processes/port.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { pem, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";
import { upstreamRequest } from "../../support/upstreams/upstream_exchange.ts";

async function withProgram(
  program: string,
  args: string[],
  port: number,
  test: () => Promise<void>,
): Promise<void> {
  const child = command(program, { args, stdout: "null", stderr: "null" }).spawn();
  try {
    await listening(port);
    await test();
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

async function tlsThrough(proxy: OutboundProxy): Promise<void> {
  await withTlsUpstream(async (origin) => {
    const transport = createHttp1Transport();
    try {
      const connection = { ...DIRECT, key: proxy.scheme, proxy, caCerts: [pem("ca.pem")] };
      const { status, body } = await transport.send(upstreamRequest({ origin, connection }));
      assertEquals([status, await nextText(body)], [200, "http/1.1"]);
      body?.cancel();
    } finally {
      transport.close();
    }
  });
}

/** Three requests to a plain upstream, with and without a body, and one to a dead one. */
async function plainThrough(proxy: OutboundProxy): Promise<void> {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      const body = new TextDecoder().decode(await gather(exchange.body()));
      await exchange.write(plainAnswer(`${exchange.request.target} ${body}`));
    },
  });
  const transport = createHttp1Transport();
  try {
    const connection = { ...DIRECT, key: "x", proxy };
    const ask = async (body?: string, origin = upstream.origin) => {
      const again = body === undefined ? undefined : () => bodyOf(new TextEncoder().encode(body));
      const { status, body: answer } = await transport.send(upstreamRequest({
        origin,
        connection,
        method: body === undefined ? "GET" : "POST",
        target: "/v1/x?a=|b",
        fields: [field("authorization", "Bearer key")],
        body: again?.() ?? null,
        again,
      }));
      return [status, await textOf(answer)];
    };
    for (const body of [undefined, "{}", undefined]) {
      assertEquals(await ask(body), [200, `/v1/x?a=|b ${body ?? ""}`]);
    }
    for (const { raw } of upstream.requests) {
      assert(/^authorization: Bearer key\r?$/im.test(raw), raw);
      assert(!/^proxy-/im.test(raw), raw);
    }
    const dead = `http://127.0.0.1:${freePort()}`;
    await assertRejects(() => ask(undefined, dead), TransportError, "did not forward the request");
    // Both open tunnels to port 443 only.
    const tunnel = { ...connection, key: "tunnel", proxyTunnel: true };
    await assertRejects(
      () => transport.send(upstreamRequest({ origin: upstream.origin, connection: tunnel })),
      TransportError,
      "it answered 403",
    );
    if (proxy.login === undefined) return;
    const wrong = {
      ...connection,
      key: "wrong",
      proxy: { ...proxy, login: { user: "user", password: "x" } },
    };
    await assertRejects(
      () => transport.send(upstreamRequest({ origin: upstream.origin, connection: wrong })),
      TransportError,
      "user name or password",
    );
  } finally {
    transport.close();
  }
}

const login = { user: "user", password: "secret" };

Deno.test({
  ...unless(
    without("tinyproxy"),
    "tinyproxy: a plain upstream by its whole URL, with a login; a wrong one, a dead upstream and a tunnel are refused",
  ),
  async fn() {
    const port = freePort();
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(
      file,
      `Port ${port}\nListen 127.0.0.1\nBasicAuth user secret\nMaxClients 10\nConnectPort 443\n`,
    );
    await withProgram(
      "tinyproxy",
      ["-d", "-c", file],
      port,
      () => plainThrough({ scheme: "http", hostname: "127.0.0.1", port, login }),
    );
    await Deno.remove(file);
  },
});

Deno.test({
  ...unless(
    without("squid"),
    "squid: a plain upstream by its whole URL; a dead upstream and a tunnel are refused",
  ),
  async fn() {
    const port = freePort();
    const folder = await Deno.makeTempDir();
    await Deno.chmod(folder, 0o777);
    await Deno.writeTextFile(`${folder}/squid.conf`, squidConfig(port, folder));
    await withProgram(
      "squid",
      ["-N", "-f", `${folder}/squid.conf`],
      port,
      () => plainThrough({ scheme: "http", hostname: "127.0.0.1", port }),
    );
    await Deno.remove(folder, { recursive: true });
  },
});

/** The rules of Debian's squid, but for the port and for where it writes. */
function squidConfig(port: number, folder: string): string {
  return `http_port 127.0.0.1:${port}
pid_filename ${folder}/squid.pid
access_log none
cache_log ${folder}/cache.log
coredump_dir ${folder}
cache deny all
shutdown_lifetime 1 second
acl SSL_ports port 443
http_access deny CONNECT !SSL_ports
http_access allow localhost
http_access deny all
`;
}

Deno.test({
  ...unless(
    without("tinyproxy"),
    "tinyproxy: a TLS upstream through CONNECT with a login; a wrong one is refused",
  ),
  async fn() {
    const port = freePort();
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, `Port ${port}\nListen 127.0.0.1\nBasicAuth user secret\nMaxClients 10\n`);
    await withProgram("tinyproxy", ["-d", "-c", file], port, async () => {
      await tlsThrough({ scheme: "http", hostname: "127.0.0.1", port, login });
      const wrong = {
        scheme: "http",
        hostname: "127.0.0.1",
        port,
        login: { ...login, password: "x" },
      } as const;
      await assertRejects(() => tlsThrough(wrong), TransportError, "user name or password");
    });
    await Deno.remove(file);
  },
});

Deno.test({
  ...unless(
    without("microsocks"),
    "microsocks: a TLS upstream through SOCKS5 with a login; a wrong one is refused",
  ),
  async fn() {
    const port = freePort();
    const args = ["-i", "127.0.0.1", "-p", String(port), "-u", login.user, "-P", login.password];
    await withProgram("microsocks", args, port, async () => {
      await tlsThrough({ scheme: "socks5", hostname: "127.0.0.1", port, login });
      const wrong = {
        scheme: "socks5",
        hostname: "127.0.0.1",
        port,
        login: { ...login, password: "x" },
      } as const;
      await assertRejects(() => tlsThrough(wrong), TransportError, "user name or password");
    });
  },
});
