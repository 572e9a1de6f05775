import { assert, assertEquals } from "@std/assert";
import { DCLinter } from "dclint";
import { parse } from "yaml";
import { composeFile } from "../../src/service/compose.ts";
import type { ContainerFacts } from "../../src/service/container_facts.ts";
import { command } from "../support/processes/command.ts";
import { freePort } from "../support/processes/port.ts";
import { withoutPostgres } from "../support/processes/postgres_server.ts";
import { postgres } from "../support/processes/shared_postgres.ts";
import { firstOf, unless, without } from "../support/runner/left_out.ts";
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

/** The configuration of the load balancer, as Compose hands it over. */
function caddyfileOf(facts: ContainerFacts): string {
  return dataOf(facts).services["load-balancer"].environment.CADDYFILE.replaceAll("$$", "$");
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

Deno.test("docs/install.md: docker run waits for the drain as long as docker-compose.yml", async () => {
  const { services } = parse(await Deno.readTextFile(new URL("docker-compose.yml", ROOT)));
  const text = await Deno.readTextFile(new URL("docs/install.md", ROOT));
  const [, seconds] = /docker run [^`]*--stop-timeout (\d+)/.exec(text) ?? [];
  assertEquals(`${seconds}s`, services["llm-proxy"].stop_grace_period);
});

Deno.test("docs/replicas/Caddyfile: the one of service print, with two replicas and the default port", async () => {
  const [client] = FACTS.ports;
  assertEquals(
    await Deno.readTextFile(new URL("docs/replicas/Caddyfile", ROOT)),
    caddyfileOf({ ...FACTS, replicas: 2, ports: [client] }),
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
  const name = "# \u2028 sep \x85 nel \u2029 end";
  const facts = { ...FACTS, variables: new Map([["ENDPOINTS", name]]), notes: ["a\x85b"] };
  assertEquals(/[\x85\u2028\u2029]/.test(composeFile(facts).text), false);
  assertEquals(dataOf(facts)["x-replica"].environment.ENDPOINTS, name);
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
  assertEquals(configs, { config: { file: "./config.toml" } });
  const { commands, text } = composeFile(OWN_DATABASE);
  assertEquals(commands, [
    "mkdir -m 700 secrets",
    "openssl rand -hex 24 >secrets/database_password",
    'printf %s "${GROQ_KEY:?}" >secrets/GROQ_KEY',
    'printf %s "${MANAGEMENT_TOKEN:?}" >secrets/MANAGEMENT_TOKEN',
    'printf postgres://llm_proxy:%s@postgres/llm_proxy "$(cat secrets/database_password)" >secrets/DATABASE_URL',
    "openssl rand -base64 32 >secrets/ENCRYPTION_KEY",
    "chmod 444 secrets/*",
    "chmod a+r config.toml",
    "docker compose --file compose.yaml up --detach",
  ]);
  for (const line of commands) assert(text.includes(`\n#   ${line}\n`), line);
});

Deno.test("composeFile: the configuration is mounted from its path on this machine", () => {
  const fileOf = (path: string) => {
    const facts = { ...OWN_DATABASE, config: { name: "config.toml", path, text: "" } };
    const { commands } = composeFile(facts);
    return [dataOf(facts).configs.config.file, commands.find((command) => command.startsWith("chmod a+r"))];
  };
  assertEquals(fileOf("my config.toml"), ["./my config.toml", "chmod a+r 'my config.toml'"]);
  assertEquals(fileOf("../a$b.toml"), ["../a$$b.toml", "chmod a+r '../a$b.toml'"]);
  assertEquals(fileOf("/etc/config.toml"), ["/etc/config.toml", "chmod a+r /etc/config.toml"]);
  assertEquals(dataOf(PLAIN).configs, undefined);
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
  // Compose cannot write texts into containers with a read-only root: it mounts files.
  const { configs, secrets } = dataOf(OWN_DATABASE);
  for (const [name, source] of Object.entries({ ...configs, ...secrets })) {
    // Every source is a table.
    assertEquals(Object.keys(source as object), ["file"], name);
  }
  assertEquals(dataOf(OWN_DATABASE)["x-replica"].stop_grace_period, "105s");
});

Deno.test({
  ...unless(
    firstOf(withoutPostgres(), without("pg_isready")),
    "composeFile, docker-compose.yml: PostgreSQL is healthy only once it listens at its address",
  ),
  async fn() {
    const { folder, port } = postgres();
    // The image creates the database with a server that has only the socket.
    const early = freePort();
    await Deno.symlink(`${folder}/.s.PGSQL.${port}`, `${folder}/.s.PGSQL.${early}`);
    const text = await Deno.readTextFile(new URL("docker-compose.yml", ROOT));
    for (const { services } of [dataOf(OWN_DATABASE), parse(text)]) {
      const [, program, ...args] = services.postgres.healthcheck.test;
      const isHealthy = async (at: number) => {
        const env = { PGHOST: folder, PGPORT: String(at) };
        return (await command(program, { args, env }).output()).success;
      };
      assertEquals([await isHealthy(early), await isHealthy(port)], [false, true]);
    }
    await Deno.remove(`${folder}/.s.PGSQL.${early}`);
  },
});

Deno.test({
  ...unless(without("caddy"), "composeFile: Caddy accepts its configuration"),
  async fn() {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, caddyfileOf(OWN_DATABASE));
    const { success, stderr } = await command("caddy", {
      args: ["validate", "--adapter", "caddyfile", "--config", file],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await Deno.remove(file);
  },
});
