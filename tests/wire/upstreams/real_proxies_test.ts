/** The outbound proxies that people run, where they are installed: tinyproxy (HTTP) and microsocks (SOCKS5). */

import { nextText } from "../../support/data/body_text.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { OutboundProxy } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import { TransportError } from "../../../src/forwarding/transport/transport.ts";
import { command } from "../../support/processes/command.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { freePort, listening } from "../../support/processes/port.ts";
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

const login = { user: "user", password: "secret" };

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
