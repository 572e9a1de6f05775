import { assert, assertEquals } from "@std/assert";
import { DCLinter } from "dclint";
import { parse } from "yaml";
import { composeFile } from "../../src/service/compose.ts";
import type { ContainerFacts } from "../../src/service/container_facts.ts";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";
import { FACTS } from "./container_facts.ts";

const OWN_DATABASE: ContainerFacts = {
  ...FACTS,
  replicas: 2,
  store: "sqlite",
  secrets: ["GROQ_KEY", "MANAGEMENT_TOKEN"],
};
const PLAIN: ContainerFacts = { ...FACTS, store: "none", config: undefined, secrets: [] };
const TLS: ContainerFacts = {
  ...FACTS,
  hasCertificateFiles: true,
  secrets: ["TLS_CERT", "TLS_KEY", "LIMITS_URL"],
  variables: new Map([["HTTPS_PORT", "33443"], ["TRUSTED_PROXIES", "9.9.9.9"]]),
};

const ROOT = new URL("../../", import.meta.url);

/** The file as plain data, of which tests read any field. */
// deno-lint-ignore no-explicit-any
function dataOf(facts: ContainerFacts): any {
  return parse(composeFile(facts).text, { merge: true });
}

for (const [name, facts] of Object.entries({ own: OWN_DATABASE, postgres: FACTS, plain: PLAIN, tls: TLS })) {
  Deno.test(`composeFile: ${name}: the schema of Compose accepts every field`, async () => {
    assertEquals(await schemaErrors(composeFile(facts).text), []);
  });
}

Deno.test("schemaErrors: finds a misspelled field", async () => {
  const text = composeFile(OWN_DATABASE).text.replace("read_only:", "readonly:");
  assertEquals((await schemaErrors(text)).length, 1);
});

Deno.test("docker-compose.yml: the schema of Compose accepts every field; only one profile has replicas", async () => {
  const text = await Deno.readTextFile(new URL("docker-compose.yml", ROOT));
  assertEquals(await schemaErrors(text), []);
  // Every service is a table.
  const services = Object.entries<Record<string, unknown>>(parse(text).services);
  const inProfile = services.filter(([, { profiles }]) => JSON.stringify(profiles) === '["replicas"]');
  assertEquals(inProfile.map(([name]) => name), Object.keys(dataOf(OWN_DATABASE).services));
  for (const [name, service] of inProfile) {
    assertEquals([service.read_only, service.cap_drop], [true, ["ALL"]], name);
  }
});

Deno.test("docs/replicas/Caddyfile: the one of service print, with two replicas and the default port", async () => {
  const [client] = FACTS.ports;
  const { configs } = dataOf({ ...FACTS, replicas: 2, ports: [client] });
  assertEquals(
    await Deno.readTextFile(new URL("docs/replicas/Caddyfile", ROOT)),
    configs.caddyfile.content.replaceAll("$$", "$"),
  );
});

/** What contradicts the schema of Compose. */
async function schemaErrors(text: string): Promise<string[]> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, text);
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const results = linter.lintFiles([path], false);
  assertEquals(results.length, 1);
  await Deno.remove(path);
  // Other severities are about taste, such as the order of keys.
  return results.flatMap(({ messages }) => messages)
    .flatMap(({ severity, message }) => severity === "critical" ? [message] : []);
}

Deno.test("composeFile: replicas behind one load balancer; the databases are on a network of their own", () => {
  const { services, networks, secrets, volumes } = dataOf(OWN_DATABASE);
  assertEquals(Object.keys(services), ["llm-proxy-1", "llm-proxy-2", "load-balancer", "postgres", "valkey"]);
  assertEquals(services["llm-proxy-1"], services["llm-proxy-2"]);
  assertEquals(services["llm-proxy-1"].ports, undefined);
  assertEquals(services["load-balancer"].ports, ["33000:33000", "127.0.0.1:33001:33001"]);
  assertEquals(services["load-balancer"].depends_on, {
    "llm-proxy-1": { condition: "service_healthy" },
    "llm-proxy-2": { condition: "service_healthy" },
  });
  assertEquals(networks.data, { internal: true });
  assertEquals([services["llm-proxy-1"].networks, services.postgres.networks, services.valkey.networks], [
    ["front", "data"],
    ["data"],
    ["data"],
  ]);
  assertEquals(Object.keys(secrets), [
    "database_password",
    "GROQ_KEY",
    "MANAGEMENT_TOKEN",
    "DATABASE_URL",
    "ENCRYPTION_KEY",
  ]);
  assertEquals(volumes, { database: {} });
});

Deno.test("composeFile: line breaks of YAML 1.1 alone are escaped", () => {
  const text = "# \u2028 sep \x85 nel \u2029 end\nvalue = 1\n";
  const facts = { ...FACTS, config: { name: "config.toml", text }, notes: ["a\x85b"] };
  assertEquals(/[\x85\u2028\u2029]/.test(composeFile(facts).text), false);
  assertEquals(dataOf(facts)["configs"].config.content, text);
});

Deno.test("composeFile: only the services that the configuration needs", () => {
  const servicesOf = (facts: ContainerFacts) => Object.keys(dataOf(facts).services);
  const replicas = ["llm-proxy-1", "llm-proxy-2", "llm-proxy-3", "load-balancer"];
  assertEquals(servicesOf(FACTS), [...replicas, "valkey"]);
  assertEquals(servicesOf(TLS), replicas);
  assertEquals(servicesOf(PLAIN), replicas);
  const { "x-replica": replica, services, networks, secrets } = dataOf(PLAIN);
  assertEquals([replica.depends_on, replica.secrets, replica.networks, networks, secrets], [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(services["load-balancer"].networks, undefined);
});

Deno.test("composeFile: secrets are files; the commands write them; a dollar stays a dollar", () => {
  const { "x-replica": { environment, secrets }, configs } = dataOf(OWN_DATABASE);
  assertEquals(environment, {
    LOG_LEVEL: "debug",
    ALLOWED_HOSTS: "a$$b.test",
    HOST: "::",
    DRAIN_DELAY_SECONDS: "5",
    TRUSTED_PROXIES: "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
    CONFIG_PATH: "/etc/llm-proxy/config.toml",
    DATABASE_URL: "",
    GROQ_KEY_FILE: "/run/secrets/GROQ_KEY",
    MANAGEMENT_TOKEN_FILE: "/run/secrets/MANAGEMENT_TOKEN",
    DATABASE_URL_FILE: "/run/secrets/DATABASE_URL",
    ENCRYPTION_KEY_FILE: "/run/secrets/ENCRYPTION_KEY",
    LIMITS_URL: "redis://valkey:6379",
  });
  assertEquals(secrets, ["GROQ_KEY", "MANAGEMENT_TOKEN", "DATABASE_URL", "ENCRYPTION_KEY"]);
  assertEquals(configs.config.content.replaceAll("$$", "$"), FACTS.config?.text);
  const { commands, text } = composeFile(OWN_DATABASE);
  assertEquals(commands, [
    "mkdir -m 700 secrets",
    "openssl rand -hex 24 >secrets/database_password",
    'printf %s "$GROQ_KEY" >secrets/GROQ_KEY',
    'printf %s "$MANAGEMENT_TOKEN" >secrets/MANAGEMENT_TOKEN',
    'printf postgres://llm_proxy:%s@postgres/llm_proxy "$(cat secrets/database_password)" >secrets/DATABASE_URL',
    "openssl rand -base64 32 >secrets/ENCRYPTION_KEY",
    "chmod 444 secrets/*",
    "docker compose --file compose.yaml up --detach",
  ]);
  for (const line of commands) assert(text.includes(`\n#   ${line}\n`), line);
});

Deno.test("composeFile: the load balancer has the certificate, and the replicas do not", () => {
  const { "x-replica": { environment } } = dataOf(TLS);
  assertEquals(Object.keys(environment).filter((name) => /^(TLS|HTTPS)/.test(name)), []);
  assertEquals(environment.TRUSTED_PROXIES, "9.9.9.9,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7");
  assert(composeFile(TLS).text.includes("# The replicas have no certificate."));
});

Deno.test("composeFile: every service is read-only and without privileges, and replicas stop after the drain", () => {
  // Every service is a table.
  for (const [name, service] of Object.entries<Record<string, unknown>>(dataOf(OWN_DATABASE).services)) {
    assertEquals([service.read_only, service.cap_drop, service.security_opt, typeof service.user], [
      true,
      ["ALL"],
      ["no-new-privileges:true"],
      "string",
    ], name);
    assert("healthcheck" in service, name);
  }
  assertEquals(dataOf(OWN_DATABASE)["x-replica"].stop_grace_period, "105s");
});

Deno.test({
  ...unless(without("caddy"), "composeFile: Caddy accepts its configuration"),
  async fn() {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, dataOf(OWN_DATABASE).configs.caddyfile.content.replaceAll("$$", "$"));
    const { success, stderr } = await command("caddy", {
      args: ["validate", "--adapter", "caddyfile", "--config", file],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await Deno.remove(file);
  },
});
