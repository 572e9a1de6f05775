import { assertEquals } from "@std/assert";
import { holdsSecret, isPlainVariable, VARIABLES } from "../../src/config/sources/variables.ts";

Deno.test("variables: one whose name says that it holds a secret is not plain", () => {
  const named = VARIABLES.filter((name) => /(?:KEY|TOKEN|PASSWORD|SECRET)$/.test(name));
  assertEquals(named.filter(isPlainVariable), ["MAX_CONCURRENT_PER_TOKEN"]);
});

Deno.test("variables: a URL holds a secret only with a login, and an unknown variable by its name", () => {
  const cases: [name: string, value: string, holds: boolean][] = [
    ["DATABASE_URL", "sqlite:/data/proxy.db", false],
    ["DATABASE_URL", "postgres://proxy:pw@db/proxy", true],
    ["HTTPS_PROXY", "http://proxy.lan:3128", false],
    ["HTTPS_PROXY", "http://anna:pw@proxy.lan:3128", true],
    ["PROXY_TOKEN", "a-token", true],
    ["PROXY_TOKEN", "", false],
    ["PORT", "33000", false],
    ["COMPANY_TOKEN", "x", true],
    ["COMPANY_NAME", "x", false],
  ];
  for (const [name, value, holds] of cases) assertEquals(holdsSecret(name, value), holds, `${name}=${value}`);
  assertEquals(isPlainVariable("COMPANY_NAME"), false, "the proxy does not know what is in it");
});
