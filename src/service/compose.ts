/** A file of Docker Compose with replicas behind a load balancer, made from the template `compose.yaml`. */

import { Alias, type Document, isMap, type Node, parseDocument, Scalar } from "yaml";
import {
  commented,
  CONFIG_FOLDER,
  CONTAINER_HOST,
  type ContainerFacts,
  type ContainerFiles,
  SHELL_LINES,
  stopSeconds,
  valueOf,
} from "./container_facts.ts";
import caddyfile from "./Caddyfile" with { type: "text" };
import template from "./compose.yaml" with { type: "text" };
import { shellWord } from "../text/shell_word.ts";
import { fillTemplate } from "./template.ts";
import { yamlText } from "./yaml_text.ts";

const FILE_NAME = "compose.yaml";
const REPLICA = "x-replica";
/** How Docker checks the load balancer, before the URL. */
const PROBE = ["CMD", "wget", "--quiet", "--spider"];
/** The load balancer terminates TLS, so that the replicas get no certificate. */
const OF_LOAD_BALANCER: ReadonlySet<string> = new Set(["TLS_CERT", "TLS_KEY", "HTTPS_PORT"]);
/** The addresses that Docker gives to containers. The load balancer is one of them. */
const CONTAINER_ADDRESSES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7";

/**
 * One file of Docker Compose: replicas, a load balancer, and with the management plane PostgreSQL and Valkey.
 * If the configuration names a PostgreSQL server, the replicas use this server. The ports of `facts` have no
 * TLS.
 */
export function composeFile(facts: ContainerFacts): ContainerFiles {
  const document = parseDocument(template.replaceAll("\r\n", "\n"));
  const secrets = secretsOf(facts);
  editReplica(document, { ...facts, secrets });
  if (facts.store !== "sqlite") removePostgres(document);
  if (!needsValkey(facts)) removeValkey(document);
  if (facts.store === "none") removeDataNetwork(document);
  const names = Array.from({ length: facts.replicas }, (_, index) => `llm-proxy-${index + 1}`);
  addReplicas(document, names);
  editLoadBalancer(document, { ...facts, names });
  setCaddyfile(document, caddyText(facts, names));
  if (facts.config === undefined) document.delete("configs");
  else document.setIn(["configs", "config", "file"], escaped(besideFile(facts.config.path)));
  for (const name of secrets) document.setIn(["secrets", name, "file"], `./secrets/${name}`);
  if (secrets.length === 0) document.delete("secrets");
  const commands = [
    ...(secrets.length === 0 ? [] : secretCommands(secrets, facts)),
    // The account of the containers reads the file, which has no secrets.
    ...(facts.config === undefined ? [] : [`chmod a+r ${shellWord(facts.config.path)}`]),
    `docker compose --file ${FILE_NAME} up --detach`,
  ];
  const text = `${heading(facts, commands)}\n${yamlText(document)}`;
  return { name: FILE_NAME, text, commands };
}

/** The secrets of the replicas. PostgreSQL needs the same encryption key in all of them. */
function secretsOf({ secrets, store }: ContainerFacts): string[] {
  const names = secrets.filter((name) => !OF_LOAD_BALANCER.has(name));
  const needed = store === "sqlite" ? ["DATABASE_URL", "ENCRYPTION_KEY"] : [];
  return [...new Set([...names, ...needed])];
}

function editReplica(document: Document, facts: ContainerFacts): void {
  const { image, variables, secrets, config, drainDelaySeconds } = facts;
  const trusted = variables.get("TRUSTED_PROXIES");
  const environment = new Map<string, string>([
    ...[...variables].filter(([name]) => !OF_LOAD_BALANCER.has(name)),
    ["HOST", CONTAINER_HOST],
    // The load balancer asks for /readyz every 2 seconds.
    ["DRAIN_DELAY_SECONDS", String(drainDelaySeconds)],
    // Caddy replaces the header X-Forwarded-For of its clients.
    ["TRUSTED_PROXIES", trusted === undefined ? CONTAINER_ADDRESSES : `${trusted},${CONTAINER_ADDRESSES}`],
    ...(config === undefined ? [] : [["CONFIG_PATH", `${CONFIG_FOLDER}/${config.name}`] as const]),
    // An empty value replaces the one of the image, and its file counts.
    ...(secrets.includes("DATABASE_URL") ? [["DATABASE_URL", ""] as const] : []),
    ...secrets.map((name) => [`${name}_FILE`, `/run/secrets/${name}`] as const),
    ...(needsValkey(facts) ? [["LIMITS_URL", "redis://valkey:6379"] as const] : []),
  ]);
  const set = (key: string, value: unknown) => document.setIn([REPLICA, key], document.createNode(value));
  document.setIn([REPLICA, "image"], image);
  set("environment", Object.fromEntries([...environment].map(([name, value]) => [name, escaped(value)])));
  if (config === undefined) document.deleteIn([REPLICA, "configs"]);
  else set("configs", [{ source: "config", target: `${CONFIG_FOLDER}/${config.name}` }]);
  if (secrets.length === 0) document.deleteIn([REPLICA, "secrets"]);
  else set("secrets", secrets);
  document.setIn([REPLICA, "stop_grace_period"], `${stopSeconds(facts)}s`);
}

function removePostgres(document: Document): void {
  document.deleteIn(["services", "postgres"]);
  document.deleteIn([REPLICA, "depends_on", "postgres"]);
  document.deleteIn(["secrets", "database_password"]);
  document.delete("volumes");
}

/** The management plane counts limits in Valkey, unless the configuration names a server for them. */
function needsValkey({ store, secrets }: ContainerFacts): boolean {
  return store !== "none" && !secrets.includes("LIMITS_URL");
}

function removeValkey(document: Document): void {
  document.deleteIn(["services", "valkey"]);
  document.deleteIn([REPLICA, "depends_on", "valkey"]);
}

function removeDataNetwork(document: Document): void {
  document.deleteIn([REPLICA, "depends_on"]);
  document.deleteIn([REPLICA, "networks"]);
  document.deleteIn(["services", "load-balancer", "networks"]);
  document.delete("networks");
}

/** Puts a reference to the common settings before the other services for each replica. */
function addReplicas(document: Document, names: readonly string[]): void {
  const services = document.get("services");
  if (!isMap(services)) throw new Error("The template has no services");
  services.delete("llm-proxy-1");
  services.items.unshift(...names.map((name) => document.createPair(name, new Alias("replica"))));
}

function editLoadBalancer(
  document: Document,
  { ports, names }: ContainerFacts & { names: readonly string[] },
): void {
  const at = ["services", "load-balancer"];
  const published = ports.map(({ name, port }) =>
    // Only programs of this machine reach the admin page.
    quoted(name === "admin" ? `127.0.0.1:${port}:${port}` : `${port}:${port}`)
  );
  document.setIn([...at, "ports"], document.createNode(published));
  const url = `http://127.0.0.1:${ports[0].port}/healthz`;
  document.setIn([...at, "healthcheck", "test"], document.createNode([...PROBE, url], { flow: true }));
  const ready = Object.fromEntries(names.map((name) => [name, { condition: "service_healthy" }]));
  document.setIn([...at, "depends_on"], document.createNode(ready));
}

function setCaddyfile(document: Document, text: string): void {
  const content = new Scalar(escaped(text));
  content.type = Scalar.BLOCK_LITERAL;
  document.setIn(["services", "load-balancer", "environment", "CADDYFILE"], content);
}

/** Compose takes a path for a file only if it begins like one. */
function besideFile(path: string): string {
  return /^(?:[./\\]|[A-Za-z]:)/.test(path) ? path : `./${path}`;
}

/** The configuration of Caddy: one site for each port of the replicas. */
function caddyText({ ports }: ContainerFacts, names: readonly string[]): string {
  const sites = ports.map(({ port }) => {
    const upstreams = names.map((name) => `${name}:${port}`).join(" ");
    return [
      `:${port} {`,
      "\t# The pages of one browser come from one replica.",
      "\t@admin path /admin /admin/* /manage /manage/*",
      `\treverse_proxy @admin ${upstreams} {`,
      "\t\tlb_policy ip_hash",
      "\t\timport replicas",
      "\t}",
      `\treverse_proxy ${upstreams} {`,
      "\t\tlb_policy least_conn",
      "\t\timport replicas",
      "\t}",
      "}",
    ].join("\n");
  });
  return fillTemplate(caddyfile, { HEALTH_PORT: String(ports[0].port), SITES: sites });
}

/**
 * The commands that write the files of the secrets. They take the values from the shell, or make new ones.
 */
function secretCommands(names: readonly string[], { secrets, store }: ContainerFacts): string[] {
  const isOwn = store === "sqlite";
  return [
    "mkdir -m 700 secrets",
    ...(isOwn ? ["openssl rand -hex 24 >secrets/database_password"] : []),
    ...names.map((name) => {
      if (isOwn && name === "DATABASE_URL") {
        const password = '"$(cat secrets/database_password)"';
        return `printf postgres://llm_proxy:%s@postgres/llm_proxy ${password} >secrets/DATABASE_URL`;
      }
      const value = secrets.includes(name) ? `printf %s "${valueOf(name)}"` : "openssl rand -base64 32";
      return `${value} >secrets/${name}`;
    }),
    // Other accounts of this machine cannot open the folder; those of the containers read the files.
    "chmod 444 secrets/*",
  ];
}

function heading({ notes, hasCertificateFiles }: ContainerFacts, commands: readonly string[]): string {
  return commented([
    "llm-proxy with Docker Compose 2.26 or later. This file contains no secrets.",
    ...SHELL_LINES,
    "",
    ...commands.map((command) => `  ${command}`),
    ...(hasCertificateFiles
      ? ["", "The replicas have no certificate. The load balancer terminates TLS: see the Caddyfile below."]
      : []),
    ...notes.flatMap((note) => ["", note]),
  ]);
}

/** Compose replaces `$NAME` in all values, and `$$` stands for a dollar. */
function escaped(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function quoted(text: string): Node {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}
