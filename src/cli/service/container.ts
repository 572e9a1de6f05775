/** `llm-proxy service print` for platforms that run containers: Kubernetes and Docker Compose. */

import type { Config } from "../../config/config.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import type { Flags } from "../../config/read/resolver.ts";
import { resolveBesideConfig } from "../../config/sources/sources.ts";
import { processSources } from "../../config/sources/env.ts";
import { isPlainVariable, type VariableName } from "../../config/sources/variables.ts";
import { REPOSITORY, VERSION } from "../../release.ts";
import { composeFile } from "../../service/compose.ts";
import {
  CONFIG_FOLDER,
  type ContainerFacts,
  type ContainerPlatform,
  type ContainerPort,
  DRAIN_DELAY_SECONDS,
} from "../../service/container_facts.ts";
import { kubernetesManifests } from "../../service/kubernetes.ts";
import { hostAndPort, urlHost } from "../../network/host_port.ts";
import { isPostgresUrl } from "../../network/postgres_url.ts";
import { CommandError } from "../command_error.ts";
import { writeResult } from "../output.ts";
import { namedFiles } from "./named_files.ts";
import { refuseLiteralSecrets } from "./refuse_literal_secrets.ts";
import { serverPlaces } from "./server_places.ts";

/** The options of `service print` for containers. */
export interface ContainerOptions {
  /** The number of processes. `undefined` means two, or one with SQLite. */
  readonly replicas?: number | undefined;
  /**
   * The name of the image. `undefined` means the image of the release, or without a release that of a local
   * build.
   */
  readonly image?: string | undefined;
}

/** Variables whose texts have many lines. Both platforms read them from a secret. */
const BY_REFERENCE: ReadonlySet<string> = new Set(["TLS_CERT"] satisfies VariableName[]);

/** Variables that the platform sets, or that name places on this machine. */
const LEFT_OUT: ReadonlySet<string> = new Set(
  ["HOST", "CONFIG_PATH", "BACKUP_FOLDER", "PRICES_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"],
);

/**
 * Prints the file of a platform for the current configuration. Throws a {@link CommandError} if the
 * configuration cannot run on the platform.
 */
export async function printContainers(
  platform: ContainerPlatform,
  { options, flags }: { options: ContainerOptions; flags: Flags },
): Promise<void> {
  const loaded = await loadConfig(processSources, flags);
  refuseLiteralSecrets(
    loaded,
    'and the printed file would contain them.\nWrite "${NAME}" there and put NAME=… into the environment.',
  );
  const facts = containerFacts(loaded, { platform, options });
  const { name, text, commands } = platform === "kubernetes"
    ? await kubernetesManifests(facts)
    : composeFile(facts);
  writeResult({ files: [{ path: name, mode: "0644", text }], commands }, () => text);
}

function containerFacts(
  { config, path, variables }: LoadedConfig,
  { platform, options }: { platform: ContainerPlatform; options: ContainerOptions },
): ContainerFacts {
  const store = storeOf(config);
  const replicas = options.replicas ?? (store === "sqlite" && platform === "kubernetes" ? 1 : 2);
  if (store === "sqlite" && platform === "kubernetes" && replicas > 1) {
    throw new CommandError(
      `The database is SQLite, a file that only one pod can open, so ${replicas} replicas are not possible.\n` +
        "Use --replicas 1, or a PostgreSQL server (DATABASE_URL=postgres://…) for more replicas.",
      2,
    );
  }
  const text = path === undefined ? undefined : Deno.readTextFileSync(path);
  const isInEnvironment = variables.has("TLS_CERT") || variables.has("TLS_CERT_FILE");
  if (platform === "compose" && config.server.tls !== undefined && !isInEnvironment) {
    throw new CommandError(
      `${path} names a certificate (server.tls_cert_file). With Docker Compose the load balancer has the certificate:\n` +
        "remove it from the configuration, and add it to the load balancer.",
      2,
    );
  }
  const isPlain = (name: string) => isPlainVariable(name) && !BY_REFERENCE.has(name);
  const used = [...variables].filter(([name]) => !LEFT_OUT.has(name));
  return {
    image: options.image ?? imageName(),
    replicas,
    ports: portsOf(config, platform),
    variables: new Map(used.filter(([name]) => isPlain(name))),
    // With SQLite, the platform sets the path of the file.
    secrets: used.map(([name]) => name).filter((name) =>
      !isPlain(name) && !(name === "DATABASE_URL" && store !== "postgres")
    ),
    config: path === undefined || text === undefined
      ? undefined
      : { name: /\.json$/i.test(path) ? "config.json" : "config.toml", text, path },
    notes: notesOf(config, text),
    hasCertificateFiles: variables.has("TLS_CERT_FILE") && variables.has("TLS_KEY_FILE"),
    drainDelaySeconds: Math.ceil(config.server.drainDelayMs / 1000) || DRAIN_DELAY_SECONDS,
    drainSeconds: Math.ceil(config.server.drainMs / 1000),
    store,
    upstreamPorts: upstreamPorts(config),
  };
}

function storeOf({ management }: Config): ContainerFacts["store"] {
  if (management === undefined) return "none";
  return isPostgresUrl(management.databaseUrl) ? "postgres" : "sqlite";
}

/** Returns the ports of the proxy. With Compose, the load balancer terminates TLS. */
function portsOf({ server }: Config, platform: ContainerPlatform): ContainerFacts["ports"] {
  const { port, tls, httpsPort, adminPort } = server;
  const hasTls = tls !== undefined && platform === "kubernetes";
  const isPlain = !hasTls || httpsPort !== undefined;
  const more: ContainerPort[] = [
    ...(hasTls && httpsPort !== undefined ? [{ name: "https", port: httpsPort, tls: true } as const] : []),
    ...(adminPort === undefined ? [] : [{ name: "admin", port: adminPort, tls: hasTls } as const]),
  ];
  return [{ name: isPlain ? "http" : "https", port, tls: !isPlain }, ...more];
}

/** Returns the ports that the proxy connects to, without those of the platform itself. */
function upstreamPorts(config: Config): number[] {
  const { endpoints, management } = config;
  const ofBackends = endpoints.flatMap(({ backends }) =>
    backends.map(({ baseUrl, connection: { proxy } }) => proxy?.port ?? portOf(new URL(baseUrl.origin)))
  );
  const ofServers = serverPlaces(management).flatMap(({ address }) => address?.port ?? []);
  return [...new Set([...ofBackends, ...ofServers, ...identityPorts(config)])]
    .toSorted((one, other) => one - other);
}

/** Returns the ports of the providers of people and of client tokens, and of their forward proxies. */
function identityPorts({ auth, management }: Config): number[] {
  const ofPeople = (management?.signIn?.providers ?? []).map(({ issuer, outbound }) => ({
    url: issuer,
    outbound,
  }));
  const ofClients = (auth.mode === "token" ? auth.jwt ?? [] : []).flatMap(({ issuer, keys, outbound }) =>
    keys.kind === "file" ? [] : [{ url: keys.kind === "url" ? keys.url : issuer, outbound }]
  );
  return [...ofPeople, ...ofClients].flatMap(({ url, outbound: { http, https } }) => [
    portOf(new URL(url)),
    ...(http === undefined ? [] : [http.port]),
    ...(https === undefined ? [] : [https.port]),
  ]);
}

function portOf({ port, protocol }: URL): number {
  return port !== "" ? Number(port) : protocol === "http:" ? 80 : 443;
}

/** Matches host names of URLs that mean the machine itself. */
const LOOPBACK = /^(?:localhost|.*\.localhost|127\..*|\[::1\])$/;

/** Returns what else the user has to do, one sentence for each step. */
function notesOf({ endpoints, management, authorities }: Config, text: string | undefined): string[] {
  const servers = serverPlaces(management);
  const files = new Set([
    ...(text === undefined ? [] : namedFiles(text).map(withPlace)),
    ...servers.flatMap((server) => server.files),
  ]);
  const local = endpoints.flatMap(({ name, backends }) =>
    backends.filter(({ baseUrl }) => LOOPBACK.test(new URL(baseUrl.origin).hostname)).map(({ baseUrl }) =>
      `In the container, ${baseUrl.origin} is the container itself: give the endpoint ${name} another address.`
    )
  );
  // Without `LIMITS_URL`, the limits are in the database, so one server has both.
  const localServers = new Map(
    servers.flatMap(({ variable, address }) =>
      address !== undefined && LOOPBACK.test(urlHost(address.hostname))
        ? [[hostAndPort(address), variable] as const]
        : []
    ).toReversed(),
  );
  return [
    ...(files.size === 0
      ? []
      : [`The configuration names other files. Mount them too: ${[...files].join(", ")}`]),
    ...authorityNotes(authorities),
    ...new Set(local),
    ...[...localServers].map(([place, variable]) =>
      `In the container, ${place} is the container itself: set ${variable} to another address.`
    ),
  ];
}

/** Names a file and its place in the container. The configuration names files beside it without a folder. */
function withPlace(file: string): string {
  return resolveBesideConfig(`${CONFIG_FOLDER}/`, file) === file
    ? file
    : `${file} at ${CONFIG_FOLDER}/${file}`;
}

/** Matches the places where operating systems have their own authorities. The image has them too. */
const OF_SYSTEM = /^\/etc\/(?:ssl|pki|ca-certificates)\//;

function authorityNotes(authorities: Config["authorities"]): string[] {
  const folders = authorities?.folders.filter((folder) => !OF_SYSTEM.test(`${folder}/`)) ?? [];
  const file = OF_SYSTEM.test(authorities?.file ?? "") ? undefined : authorities?.file;
  return [
    ...(file === undefined ? [] : [["SSL_CERT_FILE", file] as const]),
    ...folders.map((folder) => ["SSL_CERT_DIR", folder] as const),
  ].map(([name, place]) =>
    `${place} has certificate authorities of upstreams. Mount it too, and set ${name}.`
  );
}

/** Returns the image of the release, or the name that `docker compose build` gives to a local image. */
function imageName(): string {
  return REPOSITORY === undefined ? "llm-proxy:local" : `ghcr.io/${REPOSITORY.toLowerCase()}:${VERSION}`;
}
