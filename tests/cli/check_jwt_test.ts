/** What `llm-proxy check` says of providers whose tokens are valid. */

import { assertEquals, assertMatch } from "@std/assert";
import { checkJwt, jwtText } from "../../src/cli/check_jwt.ts";
import { jwtAddresses } from "../../src/cli/jwt_addresses.ts";
import type { AuthConfig } from "../../src/config/config.ts";
import { testIssuer } from "../support/proxies/jwt_bench.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { ScriptedProvider } from "../support/upstreams/scripted_provider.ts";

Deno.test("check: it names the providers whose tokens are valid, and reads nothing", async () => {
  await using provider = await ScriptedProvider.open(new FakeClock());
  const jwt = [testIssuer({ issuer: provider.issuer, keys: { kind: "discovery" } })];
  const auth: AuthConfig = { mode: "token", tokens: [], jwt };
  assertMatch(jwtText(await checkJwt({ auth }, { online: false })), /sso +http:\S+ +llm-proxy +not checked/);
  assertEquals(provider.asked, []);
  assertEquals(jwtAddresses(auth), [new URL(provider.issuer).host]);
  assertEquals(jwtText(await checkJwt({ auth: { mode: "none" } }, { online: true })), "");
});

Deno.test("check --online: it reads the keys of each provider, and says what is wrong", async () => {
  await using right = await ScriptedProvider.open(new FakeClock());
  await using wrong = await ScriptedProvider.open(new FakeClock());
  wrong.metadata = { issuer: "https://other.test" };
  wrong.answers.set("/long", () => Response.json({ keys: [{ kty: "RSA", n: "A".repeat(600_000) }] }));
  wrong.answers.set("/moved", () => Response.redirect(`${right.issuer}/jwks`));
  wrong.answers.set("/secret", () => Response.json({ keys: [{ kty: "oct", k: "AA" }] }));
  const { issuer } = right;
  const at = (path: string) => ({ kind: "url", url: wrong.issuer + path }) as const;
  const jwt = [
    testIssuer({ issuer, keys: { kind: "discovery" } }),
    testIssuer({ issuer, keys: { kind: "url", url: `${issuer}/jwks` } }),
    testIssuer({ issuer: wrong.issuer, keys: { kind: "discovery" } }),
    testIssuer({ issuer, keys: { kind: "url", url: `${issuer}/jwks` }, algorithms: ["ES256"] }),
    ...["/nothing", "/long", "/moved", "/secret"].map((path) => testIssuer({ issuer, keys: at(path) })),
    testIssuer({ issuer, keys: { kind: "url", url: "http://10.0.0.1/jwks" } }),
  ];
  const checks = await checkJwt({ auth: { mode: "token", tokens: [], jwt } }, { online: true });
  const found = checks.map(({ ok, detail }) => `${ok} ${detail}`);
  const wanted = [
    /^true keys for signatures: 1$/,
    /^true keys for signatures: 1$/,
    /^false the provider names itself differently/,
    /^false no key for a signature with ES256$/,
    /^false \S+ answered with the status 404$/,
    /^false sso sent a response that is too long/,
    /^false \S+ answered with the status 302$/,
    /^false no key for a signature/,
    /^false sso names an address that is not safe to use/,
  ];
  assertEquals(found.length, wanted.length);
  for (const [index, message] of wanted.entries()) assertMatch(found[index] ?? "", message);
});
