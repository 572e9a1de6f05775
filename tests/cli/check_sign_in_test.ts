/** What `llm-proxy check` says of the providers of the sign-in. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { checkSignIn, signInText } from "../../src/cli/check_sign_in.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { ScriptedProvider } from "../support/upstreams/scripted_provider.ts";

const MANAGEMENT = {
  token: "a-management-token-1",
  databaseUrl: "",
  retentionDays: 1,
  adminIdleMs: 1,
  metricsPublic: false,
} as const;

Deno.test("check: it prints what to register at each provider, and reads nothing", async () => {
  await using provider = await ScriptedProvider.open(new FakeClock());
  const signIn = { publicUrl: "https://llm.example.com", providers: [provider.table()] };
  const checks = await checkSignIn({ management: { ...MANAGEMENT, signIn } }, { online: false });
  const text = signInText(checks);
  assertStringIncludes(text, "https://llm.example.com/admin/sign-in/scripted/callback");
  assertStringIncludes(text, "https://llm.example.com/admin\n");
  assertEquals(text.includes("the-secret"), false);
  assertEquals(text.includes("SCIM"), false);
  const scim = { provider: "scripted", claim: "sub", groupsDecide: false };
  const withDirectory = await checkSignIn({ management: { ...MANAGEMENT, signIn, scim } }, { online: false });
  assertStringIncludes(signInText(withDirectory), "of scripted: https://llm.example.com/manage/scim/v2\n");
  assertEquals(provider.asked, []);
  assertEquals(signInText(await checkSignIn({ management: MANAGEMENT }, { online: true })), "");
});

Deno.test("check --online: it reads the metadata of each provider, and says what is wrong", async () => {
  await using right = await ScriptedProvider.open(new FakeClock());
  await using wrong = await ScriptedProvider.open(new FakeClock());
  wrong.metadata = { issuer: "https://other.example" };
  const providers = [
    right.table(),
    wrong.table({ name: "wrong" }),
    right.table({ name: "github", preset: "github" }),
  ];
  const signIn = { publicUrl: "https://llm.example.com", providers };
  const checks = await checkSignIn({ management: { ...MANAGEMENT, signIn } }, { online: true });
  assertEquals(checks.map(({ provider, ok }) => [provider, ok]), [
    ["scripted", true],
    ["wrong", false],
    ["github", true],
  ]);
  assertMatch(checks[1]?.detail ?? "", /write "issuer" exactly like the provider/);
  assertMatch(signInText(checks), /wrong +no +http:\S+ +The provider/);
});
