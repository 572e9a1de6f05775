/** The tables `[[management.sign_in]]`. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { secretsOf } from "../../src/config/redact.ts";
import type { Role } from "../../src/config/values/sign_in_presets.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const BEFORE = `
[endpoints.local]
base_url = "http://127.0.0.1:1"
[management]
token = "a-management-token-1"
`;
const PUBLIC_URL = 'public_url = "https://llm.example.com/"\n';

async function load(tables: string, { before = BEFORE + PUBLIC_URL, env = {} } = {}) {
  const files = {
    "config.toml": before + tables,
    "./secret": "a-secret-of-a-file\n",
    "secret": "a-secret-of-a-file\n",
  };
  return await loadConfig(configSources(env, files));
}

async function problems(tables: string, options?: Parameters<typeof load>[1]): Promise<string[]> {
  const error = await assertRejects(() => load(tables, options), ConfigError);
  return error.problems.map(({ origin, message }) => `${origin.replace(/.*: /, "")} ${message}`);
}

const KEYCLOAK = `
[[management.sign_in]]
name = "sso"
preset = "keycloak"
issuer = "https://sso.example.com/realms/lab"
client_id = "llm-proxy"
client_secret_file = "secret"
roles = { "llm-admins" = "admin", lab = "member" }
projects = { lab = ["Lab", "Shared"] }
`;

Deno.test("sign_in: a preset has the defaults of a provider", async () => {
  const { config, settings, literalSecrets } = await load(KEYCLOAK);
  assertEquals(config.management?.signIn, {
    publicUrl: "https://llm.example.com",
    providers: [{
      name: "sso",
      title: "Keycloak",
      preset: "keycloak",
      issuer: "https://sso.example.com/realms/lab",
      clientId: "llm-proxy",
      clientSecret: "a-secret-of-a-file",
      clientSecretFile: "secret",
      scopes: ["openid", "profile", "email"],
      groupsClaim: "groups",
      allow: { domains: [], groups: [], emails: [] },
      roles: new Map<string, Role>([["llm-admins", "admin"], ["lab", "member"]]),
      projects: new Map([["lab", ["Lab", "Shared"]]]),
      outbound: { noProxy: "" },
    }],
  });
  assertEquals(literalSecrets, [["management", "token"]]);
  const shown = JSON.stringify(await settings());
  assert(shown.includes("management.sign_in"));
  assert(!shown.includes("a-secret-of-a-file"));
  assert(secretsOf(config).includes("a-secret-of-a-file"));
});

Deno.test("sign_in: a secret in the file is redacted, and known as a secret in clear text", async () => {
  const { config, settings, literalSecrets } = await load(
    KEYCLOAK.replace('client_secret_file = "secret"', 'client_secret = "a-literal-secret"'),
  );
  assert(!JSON.stringify(await settings()).includes("a-literal-secret"));
  assertEquals(literalSecrets.at(-1), ["management", "sign_in", 0, "client_secret"]);
  assert(secretsOf(config).includes("a-literal-secret"));
});

Deno.test("sign_in: a table without name, client or issuer is a problem, and so is a missing public_url", async () => {
  assertEquals(await problems('[[management.sign_in]]\ndefault_role = "member"\n', { before: BEFORE }), [
    "management.public_url is missing (PUBLIC_URL): the address by which browsers reach the admin page, like " +
    "https://llm.example.com; providers send people back to it",
    "management.sign_in.0.issuer is missing: the URL of the provider",
    "management.sign_in.0.name is missing: the name of the provider in its URL, like google",
    "management.sign_in.0.client_id is missing: the name that the provider gave to this proxy",
  ]);
});

Deno.test("sign_in: without the management plane, a table is a problem", async () => {
  const before = '[endpoints.local]\nbase_url = "http://127.0.0.1:1"\n';
  assertEquals(await problems(KEYCLOAK, { before }), [
    "management.sign_in needs the management plane: set MANAGEMENT_TOKEN, at least 16 characters",
  ]);
});

Deno.test("sign_in: PUBLIC_URL is the address too, and an address has no path", async () => {
  const { config } = await load(KEYCLOAK, { before: BEFORE, env: { PUBLIC_URL: "http://nas.lan:33000" } });
  assertEquals(config.management?.signIn?.publicUrl, "http://nas.lan:33000");
  const [message = ""] = await problems(KEYCLOAK, {
    before: BEFORE + 'public_url = "https://llm.example.com/admin"\n',
  });
  assert(message.includes("is not an address like https://llm.example.com"), message);
});

const GOOGLE = `
[[management.sign_in]]
name = "google"
preset = "google"
client_id = "1"
client_secret = "a-literal-secret"
`;

Deno.test("sign_in: a table by which every account of a public provider could sign in is a problem", async () => {
  const [message = ""] = await problems(`${GOOGLE}default_role = "member"\n`);
  assert(message.includes("every account of Google in the world could sign in"), message);
  const [empty = ""] = await problems(`${GOOGLE}default_role = "member"\nallow = { domains = [] }\n`);
  assert(empty.includes("every account of Google"), empty);
  await load(`${GOOGLE}default_role = "member"\nallow = { domains = ["example.com"] }\n`);
  const personal = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
  const microsoft = `${
    GOOGLE.replaceAll("google", "microsoft")
  }issuer = "${personal}"\ndefault_role = "member"\n`;
  assert((await problems(microsoft))[0]?.includes("every account of Microsoft"));
});

Deno.test("sign_in: a table by which no person could sign in is a problem", async () => {
  const [message = ""] = await problems(GOOGLE);
  assert(message.includes("without roles and default_role no person can sign in"), message);
  const [noGroups = ""] = await problems(`${GOOGLE}roles = { admins = "admin" }\n`);
  assert(noGroups.includes("groups_claim is missing: Google sends no groups by itself"), noGroups);
});

Deno.test("sign_in: an issuer must be https and like those of its preset", async () => {
  const issuers = {
    "http://sso.example.com/realms/lab": "must be an https:// URL",
    "https://sso.example.com/realms/lab/": "is not an issuer of Keycloak: it looks like",
    "https://sso.example.com": "is not an issuer of Keycloak: it looks like",
    "https://sso.example.com/realms/lab?x": "is not a URL like",
    "https://user:pass@sso.example.com/realms/lab": "is not a URL like",
  };
  for (const [issuer, why] of Object.entries(issuers)) {
    const found = await problems(KEYCLOAK.replace("https://sso.example.com/realms/lab", issuer));
    assert(found.some((problem) => problem.includes(why)), `${issuer}: ${found.join("\n")}`);
  }
  for (const tenant of ["common", "organizations", "contoso.example"]) {
    const table = `${GOOGLE.replaceAll("google", "microsoft")}default_role = "member"\n`;
    const [message = ""] = await problems(
      `${table}issuer = "https://login.microsoftonline.com/${tenant}/v2.0"\n`,
    );
    assert(message.includes("is not an issuer of Microsoft"), message);
  }
  await load(KEYCLOAK.replace("https://sso.example.com", "http://127.0.0.1:8080"));
});

Deno.test("sign_in: names, roles, secrets and scopes are checked", async () => {
  const found = await problems(
    `${KEYCLOAK}scopes = ["profile"]\ndefault_role = "boss"\n` +
      KEYCLOAK.replace('"secret"', '"missing"').replace('= "admin"', '= "root"') +
      KEYCLOAK.replace("client_secret_file", 'client_secret = "a-literal-secret"\nclient_secret_file'),
  );
  const expected = [
    'scopes must contain "openid"',
    '"boss" is not one of admin, manager, member, viewer',
    '"root" is not one of admin, manager, member, viewer',
    'names "missing", which cannot be read',
    "is set together with client_secret: keep one of the two",
    'name "sso" appears twice',
  ];
  for (const one of expected) {
    assert(found.some((problem) => problem.includes(one)), `${one}: ${found.join("\n")}`);
  }
  assert(!found.join().includes("a-literal-secret"));
});

Deno.test("scim: a directory names its provider, whose preset says which claim has the externalId", async () => {
  const scimOf = async (table: string, tables = KEYCLOAK) =>
    (await load(`${tables}\n[management.scim]\n${table}`)).config.management?.scim;
  assertEquals(await scimOf('provider = "sso"'), { provider: "sso", claim: "sub", groupsDecide: false });
  assertEquals(await scimOf('provider = "sso"\nclaim = "uid"\ngroups = true'), {
    provider: "sso",
    claim: "uid",
    groupsDecide: true,
  });
  const microsoft = `
[[management.sign_in]]
name = "sso"
preset = "microsoft"
issuer = "https://login.microsoftonline.com/12345678-abcd-abcd-abcd-1234567890ab/v2.0"
client_id = "llm-proxy"
client_secret = "a-secret-of-the-proxy"
default_role = "member"
`;
  assertEquals((await scimOf('provider = "sso"', microsoft))?.claim, "oid");
  assertEquals((await load(KEYCLOAK)).config.management?.scim, undefined);
  const { settings } = await load(`${KEYCLOAK}\n[management.scim]\nprovider = "sso"`);
  assert((await settings()).some(({ key }) => key === "management.scim.claim"), "check shows it");
  const wrong = (table: string, tables = KEYCLOAK) => problems(`${tables}\n[management.scim]\n${table}`);
  assertEquals(await wrong(""), [
    "management.scim.provider is missing: the name of the provider in [[management.sign_in]]",
  ]);
  assertEquals(await wrong('provider = "other"'), [
    'management.scim.provider there is no provider "other" in [[management.sign_in]]',
  ]);
  assertEquals(await wrong('provider = "sso"', ""), [
    'management.scim.provider there is no provider "sso" in [[management.sign_in]]',
  ]);
  assertEquals(await wrong('provider = "sso"\ngroups = true', microsoft), [
    "management.scim.groups has no effect: the provider has no table roles or projects",
  ]);
});
