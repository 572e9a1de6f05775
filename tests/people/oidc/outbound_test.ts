/** How the proxy reaches providers: its outbound proxies and authorities, and no plain HTTP. */

import { assertEquals, assertRejects } from "@std/assert";
import type { SignInProvider } from "../../../src/config/config.ts";
import { connectionBy } from "../../../src/config/read/outbound_rules.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import { outbound } from "../../../src/people/oidc/outbound.ts";
import { SignInFailure } from "../../../src/people/oidc/signed_in.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { pem, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";

/** Requests a URL as from a provider. */
async function requested(
  url: string,
  settings: Pick<SignInProvider, "outbound" | "caCerts">,
): Promise<{ status: number; text: string }> {
  const transport = createHttp1Transport();
  const clock = new FakeClock();
  try {
    const send = outbound({ provider: { title: "SSO", ...settings }, transport, clock });
    const response = await send(url, { headers: { accept: "application/json" } });
    return { status: response.status, text: await response.text() };
  } finally {
    assertEquals(clock.pending, 0);
    transport.close();
  }
}

Deno.test("outbound: requests to a provider use ca_file and the outbound proxy", async () => {
  await using proxy = new ForwardProxy({ scheme: "http", login: "user:a-password" });
  await withTlsUpstream(async (origin) => {
    const settings = {
      outbound: {
        https: {
          scheme: "http",
          hostname: "127.0.0.1",
          port: proxy.port,
          login: { user: "user", password: "a-password" },
        },
      },
      caCerts: [pem("ca.pem")],
    } as const;
    const { status } = await requested(`${origin}/jwks`, settings);
    assertEquals({ status, asked: proxy.asked }, { status: 200, asked: [new URL(origin).host] });
    const failure = await assertRejects(
      () => requested(`${origin}/jwks`, { ...settings, caCerts: [pem("other_ca.pem")] }),
      SignInFailure,
    );
    assertEquals(failure.message, "The proxy cannot reach SSO.");
    assertEquals(/certificate/.test(failure.detail ?? ""), true, failure.detail);
  });
});

Deno.test("outbound: the environment's proxies leave out NO_PROXY and this machine, proxy_url leaves out none", () => {
  const proxy = { scheme: "http", hostname: "proxy.example", port: 3128 } as const;
  const proxied = (origin: string, rules: SignInProvider["outbound"]) =>
    connectionBy(rules, { origin, caCerts: undefined }).proxy !== undefined;
  const environment = { https: proxy, noProxy: "lan.example" };
  assertEquals(proxied("https://sso.example", environment), true);
  assertEquals(proxied("https://sso.lan.example", environment), false);
  assertEquals(proxied("https://localhost:8443", environment), false);
  assertEquals(proxied("http://sso.example", environment), false);
  assertEquals(proxied("https://localhost:8443", { https: proxy }), true);
  assertEquals(proxied("https://sso.example", {}), false);
});

Deno.test("outbound: plain HTTP leads to this machine alone, and no URL has a login", async () => {
  for (const url of ["http://192.0.2.1/token", "ftp://sso.example/", "https://user:secret@sso.example/"]) {
    const failure = await assertRejects(() => requested(url, { outbound: {} }), SignInFailure);
    assertEquals(failure.message, "SSO names an address that is not safe to use.");
    assertEquals(failure.detail?.includes("secret"), false);
  }
});
