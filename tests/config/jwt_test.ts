/** The tables `[[auth.jwt]]`. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { JwtIssuer } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { JWT_ALGORITHMS } from "../../src/config/values/jwt_algorithms.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const BEFORE = `
[endpoints.local]
base_url = "http://127.0.0.1:1"
[management]
token = "a-management-token-1"
`;
const KEY = { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "1" };

async function load(tables: string, before = BEFORE): Promise<readonly JwtIssuer[] | undefined> {
  const files: Record<string, string> = { "config.toml": before + tables };
  const keys = {
    "keys.json": { keys: [KEY] },
    "secret.json": { keys: [{ ...KEY, d: "AA" }] },
    "primes.json": { keys: [{ kty: "RSA", n: "AA", e: "AQAB", p: "AA", q: "AA" }] },
  };
  for (const [name, value] of Object.entries(keys)) files[name] = files[`./${name}`] = JSON.stringify(value);
  files["none.json"] = files["./none.json"] = "{}";
  const { config: { auth } } = await loadConfig(configSources({}, files));
  assert(auth.mode === "token");
  return auth.jwt;
}

async function problems(tables: string, before?: string): Promise<string[]> {
  const error = await assertRejects(() => load(tables, before), ConfigError);
  return error.problems.map(({ origin, message }) => `${origin.replace(/.*: /, "")} ${message}`);
}

const SSO = `
[[auth.jwt]]
name = "sso"
issuer = "https://sso.example.com/realms/lab"
audience = "llm-proxy"
`;
const RULE = 'projects = [{ claim = "groups", value = "lab", project = "Lab" }]\n';

Deno.test("auth.jwt: a table has the defaults of all other keys", async () => {
  assertEquals(await load(SSO + RULE), [{
    name: "sso",
    issuer: "https://sso.example.com/realms/lab",
    audiences: ["llm-proxy"],
    keys: { kind: "discovery" },
    algorithms: JWT_ALGORITHMS,
    clockSkewMs: 60_000,
    subjectClaim: "sub",
    nameClaim: "sub",
    projects: [{ claim: "groups", value: "lab", project: "Lab" }],
    outbound: { noProxy: "" },
  }]);
  assertEquals(await load(""), undefined);
});

Deno.test("auth.jwt: all keys", async () => {
  const [table] = await load(
    `${SSO.replace('"llm-proxy"', '["a", "b"]')}${RULE}jwks_file = "keys.json"\nalgorithms = ["ES256"]
clock_skew = 5\nsubject_claim = "oid"\nname_claim = "email"\ndefault_project = "All"\nproxy_url = "direct"
limits = { requests_per_minute = 3, budget_day_usd = 1.5 }\n`,
  ) ?? [];
  assertEquals(table, {
    name: "sso",
    issuer: "https://sso.example.com/realms/lab",
    audiences: ["a", "b"],
    keys: { kind: "file", path: "keys.json", keys: { keys: [KEY] } },
    algorithms: ["ES256"],
    clockSkewMs: 5_000,
    subjectClaim: "oid",
    nameClaim: "email",
    projects: [{ claim: "groups", value: "lab", project: "Lab" }],
    defaultProject: "All",
    rules: { requestsPerMinute: 3, dayBudgetMicros: 1_500_000 },
    outbound: {},
  });
});

Deno.test("auth.jwt: what is missing, and what would let others in, is reported", async () => {
  const at = (key: string) => `auth.jwt.0.${key}`;
  assertEquals(await problems("[[auth.jwt]]\n"), [
    `${at("name")} is missing: the name of the provider in the log`,
    `${at("issuer")} is missing: the claim iss of the tokens`,
    `${
      at("audience")
    } is missing: without it, tokens that the provider made for other programs would be valid`,
    `${at("projects")} is missing: without projects and default_project no token would be valid`,
  ]);
  const cases: readonly (readonly [string, RegExp])[] = [
    [SSO + RULE + 'algorithms = ["HS256"]', /algorithms.0 "HS256" is not one of RS256, .* private key/],
    [SSO + RULE + 'algorithms = ["none"]', /algorithms.0 "none" is not one of/],
    [SSO + RULE + 'clock_skew = "1h"', /clock_skew "1h" is not a duration/],
    [SSO.replace("https", "http") + RULE, /issuer must be an https:\/\/ URL/],
    [SSO + RULE + 'jwks_uri = "http://sso.example.com/jwks"', /jwks_uri must be an https:\/\/ URL/],
    [SSO + RULE + 'jwks_uri = "https://a.test/j"\njwks_file = "keys.json"', /jwks_file is set together/],
    [SSO + RULE + 'jwks_file = "no.json"', /jwks_file names "no.json", which cannot be read/],
    [SSO + RULE + 'jwks_file = "none.json"', /jwks_file names "none.json", which contains no list of keys/],
    [SSO + RULE + 'jwks_file = "secret.json"', /jwks_file names "secret.json", which contains a secret key/],
    [SSO.replace('"llm-proxy"', "[]") + RULE, /audience is empty/],
    [SSO + 'projects = [{ claim = "groups", project = "Lab" }]', /projects.0.value is missing/],
    [SSO + RULE + SSO.replace('"sso"', '"two"') + RULE, /auth.jwt.1.audience is that of another table/],
    [SSO + RULE + SSO.replace("llm-proxy", "b") + RULE, /auth.jwt.1.name "sso" appears twice/],
    [
      SSO.replace(/https[^"]*/, "https://agent.buildkite.com") + 'default_project = "All"',
      /default_project would let every account/,
    ],
    [SSO + RULE + 'jwks_file = "primes.json"', /jwks_file names "primes.json", which contains a secret key/],
    [
      SSO.replace(/https[^"]*/, "https://token.actions.githubusercontent.com") + 'default_project = "All"',
      /default_project would let every account/,
    ],
    [SSO + RULE + 'limits = { endpoints = ["nowhere"] }', /limits.endpoints.0 .*nowhere/],
    ['[auth]\nmode = "none"\n' + SSO + RULE, /auth.mode is "none", but \[\[auth.jwt\]\] has providers/],
  ];
  for (const [tables, message] of cases) {
    const found = await problems(tables);
    assert(found.length === 1 && message.test(found[0] ?? ""), `${message}: ${found.join("\n")}`);
  }
  const [first = ""] = await problems(SSO + RULE, '[endpoints.local]\nbase_url = "http://127.0.0.1:1"\n');
  assert(first.startsWith("auth.jwt needs the management plane"), first);
});
