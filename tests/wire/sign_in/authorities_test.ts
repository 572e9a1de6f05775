/** The authorities by which the proxy trusts providers of the sign-in. */

import { assertEquals, assertMatch } from "@std/assert";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { LaterClock } from "../../support/time/later_clock.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

const TLS = new URL("../../support/tls", import.meta.url).pathname;

Deno.test("sign-in authorities: a reload changes them for providers that the proxy has used before", async () => {
  const [cert = "", key = ""] = ["cert.pem", "key.pem"].map((name) =>
    Deno.readTextFileSync(`${TLS}/${name}`)
  );
  await using provider: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    (): Response =>
      Response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
      }),
  );
  const issuer = `https://localhost:${provider.addr.port}`;
  const publicUrl = "https://llm.example.com";
  const clock = new LaterClock();
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, {
    clock,
    management: {
      publicUrl,
      signIn: {
        publicUrl,
        providers: [{
          name: "sso",
          title: "Sso",
          preset: "oidc",
          issuer,
          clientId: "x",
          scopes: ["openid"],
          groupsClaim: undefined,
          allow: { domains: [], groups: [], emails: [] },
          roles: new Map(),
          projects: new Map(),
          outbound: {},
        }],
      },
    },
  });
  const begun = async () => {
    // An hour later, the proxy reads the metadata of the provider again.
    clock.pass(3_600_000);
    const url = `${proxy.url}/admin/sign-in/sso?redirected=1`;
    const response = await fetch(url, { redirect: "manual" });
    return { status: response.status, text: await response.text() };
  };
  const distrusted = await begun();
  assertEquals(distrusted.status, 502);
  assertMatch(distrusted.text, /The proxy cannot reach Sso/);
  const { proxy: { configure, config } } = proxy;
  configure({ ...config, authorities: { file: `${TLS}/ca.pem`, folders: [] } });
  assertEquals((await begun()).status, 303);
});
