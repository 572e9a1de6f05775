/** Whether a person may enter, with which role and which projects. */

import { assertEquals, assertThrows } from "@std/assert";
import type { SignInProvider } from "../../../src/config/config.ts";
import { enter } from "../../../src/people/oidc/entry.ts";
import { identityOf, missesClaims } from "../../../src/people/oidc/identity_claims.ts";
import { SignInFailure } from "../../../src/people/oidc/signed_in.ts";

const PROVIDER: SignInProvider = {
  name: "sso",
  title: "SSO",
  preset: "oidc",
  issuer: "https://sso.example.com",
  clientId: "the-proxy",
  scopes: ["openid"],
  groupsClaim: "groups",
  allow: { domains: [], groups: [], emails: [] },
  roles: new Map([["staff", "viewer"], ["lab", "member"], ["llm-admins", "admin"]]),
  projects: new Map([["lab", ["Lab", "Shared"]], ["staff", ["Shared"]]]),
  outbound: {},
};
const CLAIMS = {
  sub: "1",
  iss: "https://sso.example.com",
  exp: 1,
  email: "Anna@Example.com",
  email_verified: true,
};

function entered(claims: Record<string, unknown>, settings: Partial<SignInProvider> = {}) {
  const provider = { ...PROVIDER, ...settings };
  return enter({ ...identityOf({ ...CLAIMS, ...claims }, provider), provenAt: 0 }, provider);
}

function rejected(claims: Record<string, unknown>, settings: Partial<SignInProvider> = {}): string {
  const { message, status } = assertThrows(() => entered(claims, settings), SignInFailure);
  assertEquals(status, 403);
  return message;
}

Deno.test("entry: the highest role of all groups counts, and projects have no repeats", () => {
  const { role, projects } = entered({ groups: ["staff", "other", "llm-admins", "lab"] });
  assertEquals({ role, projects }, { role: "admin", projects: ["Shared", "Lab"] });
  assertEquals(entered({ groups: "lab" }).role, "member");
});

Deno.test("entry: without a group of roles, only default_role lets a person in", () => {
  for (
    const groups of [undefined, [], ["other"], [1, null, ["llm-admins"]], { "llm-admins": true }, [
      "LLM-ADMINS",
    ]]
  ) {
    assertEquals(rejected({ groups }), "Your account at SSO has no role here. Ask the administrator.");
    assertEquals(entered({ groups }, { defaultRole: "viewer" }).role, "viewer");
  }
});

Deno.test("entry: allow compares verified addresses alone, and whole domains", () => {
  const allow = { domains: ["example.com"], groups: [], emails: ["ben@home.example"] };
  const settings = { allow, defaultRole: "member" } as const;
  assertEquals(entered({}, settings).role, "member");
  assertEquals(entered({ email: "BEN@home.example" }, settings).role, "member");
  const others = [
    { email_verified: false },
    { email_verified: undefined },
    { email: undefined },
    { email: "anna@evil-example.com" },
    { email: "anna@sub.example.com" },
    { email: "anna@example.com.evil.example" },
    { email: "example.com" + "@evil.example" },
    { email: "eve@home.example" },
    { email: ["anna@example.com"] },
  ];
  for (const claims of others) {
    assertEquals(
      rejected(claims, settings),
      "Your account at SSO may not sign in here. Ask the administrator.",
    );
  }
});

Deno.test("entry: a group of allow lets a person in without an address", () => {
  const allow = { domains: [], groups: ["lab"], emails: [] };
  assertEquals(entered({ email: undefined, groups: ["lab"] }, { allow }).role, "member");
  rejected({ groups: ["llm-admins"] }, { allow });
});

Deno.test("entry: with Google, the domain is that of the organisation and not of the address", () => {
  const allow = { domains: ["example.com"], groups: [], emails: [] };
  const settings = { preset: "google", groupsClaim: undefined, allow, defaultRole: "member" } as const;
  rejected({}, settings);
  assertEquals(entered({ hd: "example.com" }, settings).role, "member");
});

Deno.test("entry: groups may be in tables, and a claim with dots in its name wins", () => {
  const nested = { groupsClaim: "realm_access.roles" };
  assertEquals(entered({ realm_access: { roles: ["lab"] } }, nested).role, "member");
  assertEquals(
    entered({ "realm_access.roles": ["staff"], realm_access: { roles: ["lab"] } }, nested).role,
    "viewer",
  );
  rejected({ realm_access: ["lab"] }, nested);
  rejected({}, { groupsClaim: "constructor.name" });
});

Deno.test("entry: groups that the provider left out are no missing groups", () => {
  const claims = { _claim_names: { groups: "src1" }, _claim_sources: { src1: { endpoint: "https://x" } } };
  assertEquals(/you are in too many/.test(rejected(claims, { defaultRole: "admin" })), true);
});

Deno.test("entry: names are harmless, and user info is read if groups or the address are missing", () => {
  assertEquals(entered({ groups: ["lab"], name: "\u202eAnna\n" }).name, "\\u202eAnna\\x0a");
  assertEquals(missesClaims({ email: "a@b", groups: [] }, PROVIDER), false);
  assertEquals(missesClaims({ email: "a@b" }, PROVIDER), true);
  assertEquals(missesClaims({ groups: [] }, PROVIDER), true);
  assertEquals(missesClaims({ email: "a@b" }, { ...PROVIDER, groupsClaim: undefined }), false);
});
