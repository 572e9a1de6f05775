/** Reads the tables `[server]` and `[log]` and their variables. */

import {
  addressRangeSchema,
  hostNameSchema,
  hostSchema,
  originSchema,
  portSchema,
} from "../values/address_values.ts";
import {
  DEFAULT_HOST,
  DEFAULT_PORT,
  DEFAULT_SERVER_SETTINGS,
  LOG_FORMATS,
  LOG_LEVELS,
  SERVER_ENGINES,
} from "../values/defaults.ts";
import { durationText, shownDuration } from "../values/durations.ts";
import type { EnvironmentSources } from "../sources/env.ts";
import type { Resolver } from "./resolver.ts";
import type { ConcurrencyLimits, ConnectionLimits, LogConfig, ServerConfig } from "../config.ts";
import { type Section, sectionReader } from "./section.ts";
import { closestName } from "../values/suggest.ts";
import { readTls } from "./tls_settings.ts";
import {
  bytesSchema,
  countOrNoneSchema,
  countSchema,
  drainSchema,
  durationSchema,
  MAX_WORKERS,
  switchSchema,
  textListSchema,
  textSchema,
  wordSchema,
  workersSchema,
} from "../values/values.ts";

/** Reads the host and port to listen on. */
export function readAddress(
  resolver: Resolver,
  settings: Section<"server"> | undefined,
): { host: string; port: number } {
  const read = sectionReader(resolver, "server", settings);
  return {
    host: read("host", "HOST", hostSchema, DEFAULT_HOST),
    port: read("port", "PORT", portSchema, DEFAULT_PORT),
  };
}

/** Reads the table `[server]`. `address` is the result of {@link readAddress}. */
export function readServer(
  resolver: Resolver,
  { address, settings, sources, path }: {
    address: { host: string; port: number };
    settings: Section<"server"> | undefined;
    sources: EnvironmentSources;
    path: string | undefined;
  },
): ServerConfig {
  const read = sectionReader(resolver, "server", settings);
  const defaults = DEFAULT_SERVER_SETTINGS;
  const tls = readTls(resolver, { settings, sources, path });
  const httpsPort = read("https_port", "HTTPS_PORT", portSchema, undefined);
  if (httpsPort !== undefined) checkHttpsPort(resolver, { httpsPort, hasTls: tls !== undefined, address });
  const adminPort = readAdminPort(resolver, settings);
  if (adminPort !== undefined) checkAdminPort(resolver, { adminPort, httpsPort, port: address.port });
  const engine = read("engine", "SERVER_ENGINE", wordSchema(SERVER_ENGINES), defaults.engine);
  if (engine === "deno") checkDenoEngine(resolver, settings);
  const workers = readWorkers(resolver, { settings, engine });
  const maxBodyBytes = read("max_body_bytes", "MAX_BODY_BYTES", bytesSchema, "none");
  const maxMessage = read(
    "max_message_bytes",
    "MAX_MESSAGE_BYTES",
    bytesSchema,
    defaults.maxMessageBytes,
    shownSize,
  );
  const ranges = textListSchema(addressRangeSchema);
  const allowedIps = read(
    "allowed_ips",
    "ALLOWED_IPS",
    ranges,
    undefined,
    (list) => list?.join(", ") ?? "all",
  );
  return {
    engine,
    workers,
    ...address,
    ...(tls && { tls }),
    ...(httpsPort !== undefined && { httpsPort }),
    ...(adminPort !== undefined && { adminPort }),
    drainMs: read("drain_seconds", "DRAIN_SECONDS", drainSchema, defaults.drainMs, durationText),
    drainDelayMs: read(
      "drain_delay_seconds",
      "DRAIN_DELAY_SECONDS",
      drainSchema,
      defaults.drainDelayMs,
      durationText,
    ),
    ...(maxBodyBytes !== "none" && { maxBodyBytes }),
    maxMessageBytes: unlimited(maxMessage),
    corsOrigins: read("cors_origins", "CORS_ORIGINS", textListSchema(originSchema), []),
    allowedHosts: read("allowed_hosts", "ALLOWED_HOSTS", textListSchema(hostNameSchema), []),
    ...(allowedIps && { allowedIps }),
    trustedProxies: read("trusted_proxies", "TRUSTED_PROXIES", ranges, []),
    connections: readConnections(resolver, settings),
    concurrency: readConcurrency(resolver, settings),
  };
}

/** The number of threads that serve requests. */
function readWorkers(
  resolver: Resolver,
  { settings, engine }: { settings: Section<"server"> | undefined; engine: ServerConfig["engine"] },
): number {
  const read = sectionReader(resolver, "server", settings);
  const wanted = read("workers", "WORKERS", workersSchema, DEFAULT_SERVER_SETTINGS.workers);
  const canShare = Deno.build.os === "linux";
  if (wanted === "auto") {
    return canShare && engine === "own" ? Math.min(navigator.hardwareConcurrency, MAX_WORKERS) : 1;
  }
  if (wanted === 1) return 1;
  const at = resolver.originOf("WORKERS", ["server", "workers"]);
  if (!canShare) {
    resolver.report(at, "needs Linux: other systems do not spread connections over threads; use 1 or auto");
  }
  if (engine === "deno") resolver.report(at, 'needs engine = "own": use 1, or remove engine = "deno"');
  return wanted;
}

/** The settings that `Deno.serve` cannot keep, each with its variable if it has one. */
const NOT_WITH_DENO = [
  ["tls_cert_file", "TLS_CERT"],
  ["tls_key_file", "TLS_KEY"],
  ["https_port", "HTTPS_PORT"],
  ["max_connections", "MAX_CONNECTIONS"],
  ["header_timeout", undefined],
  ["keep_alive_timeout", undefined],
] as const;

/** Reports settings that would have no effect with `engine = "deno"`. */
function checkDenoEngine(resolver: Resolver, settings: Section<"server"> | undefined): void {
  for (const [key, variable] of NOT_WITH_DENO) {
    const isSet = settings?.[key] !== undefined || variable !== undefined && resolver.has(variable);
    if (!isSet) continue;
    const at = ["server", key];
    resolver.report(
      variable === undefined ? at : resolver.originOf(variable, at),
      'cannot be kept with engine = "deno": remove it, or use engine = "own"',
    );
  }
}

function checkHttpsPort(
  resolver: Resolver,
  { httpsPort, hasTls, address }: { httpsPort: number; hasTls: boolean; address: { port: number } },
): void {
  const at = resolver.originOf("HTTPS_PORT", ["server", "https_port"]);
  if (!hasTls && !resolver.hasProblemAt(["server"]) && !resolver.has("TLS_CERT")) {
    resolver.report(
      at,
      "needs a certificate: set TLS_CERT_FILE and TLS_KEY_FILE (`llm-proxy tls init` makes them)",
    );
  }
  if (httpsPort === address.port && httpsPort !== 0) resolver.report(at, "is the same as port");
}

/** Reads the separate port of the management plane. Returns undefined if it has none. */
export function readAdminPort(
  resolver: Resolver,
  settings: Section<"server"> | undefined,
): number | undefined {
  return sectionReader(resolver, "server", settings)("admin_port", "ADMIN_PORT", portSchema, undefined);
}

function checkAdminPort(
  resolver: Resolver,
  { adminPort, httpsPort, port }: { adminPort: number; httpsPort: number | undefined; port: number },
): void {
  if (adminPort === 0) return;
  const at = resolver.originOf("ADMIN_PORT", ["server", "admin_port"]);
  if (adminPort === port) resolver.report(at, "is the same as port");
  if (adminPort === httpsPort) resolver.report(at, "is the same as https_port");
}

function readConnections(resolver: Resolver, settings: Section<"server"> | undefined): ConnectionLimits {
  const read = sectionReader(resolver, "server", settings);
  const { connections } = DEFAULT_SERVER_SETTINGS;
  const inFile = <Value>(key: keyof Section<"server">, value: Value | undefined, fallback: Value): Value =>
    resolver.resolve(["server", key], [resolver.inFile(["server", key], value)], { fallback });
  const timeout = (
    key: "header_timeout" | "keep_alive_timeout" | "upload_timeout" | "send_timeout",
    fallback: number,
  ): number =>
    unlimited(
      resolver.resolve<number | "none">(["server", key], [
        resolver.inFile(["server", key], settings?.[key]),
      ], { fallback, show: shownDuration }),
    );
  return {
    maxConnections: read(
      "max_connections",
      "MAX_CONNECTIONS",
      countSchema(1, 1_000_000),
      connections.maxConnections,
    ),
    maxHeadBytes: unlimited(
      inFile<number | "none">("max_header_bytes", settings?.max_header_bytes, connections.maxHeadBytes),
    ),
    maxHeadFields: inFile("max_header_fields", settings?.max_header_fields, connections.maxHeadFields),
    headMs: timeout("header_timeout", connections.headMs),
    idleMs: timeout("keep_alive_timeout", connections.idleMs),
    uploadMs: timeout("upload_timeout", connections.uploadMs),
    sendMs: timeout("send_timeout", connections.sendMs),
  };
}

function readConcurrency(resolver: Resolver, settings: Section<"server"> | undefined): ConcurrencyLimits {
  const read = sectionReader(resolver, "server", settings);
  const { concurrency } = DEFAULT_SERVER_SETTINGS;
  const count = countOrNoneSchema(1, 1_000_000);
  return {
    maxExchanges: unlimited(
      read("max_concurrent_requests", "MAX_CONCURRENT_REQUESTS", count, concurrency.maxExchanges),
    ),
    maxPerPrincipal: unlimited(read("max_concurrent_per_token", "MAX_CONCURRENT_PER_TOKEN", count, "none")),
    queueMs: unlimited(
      read("queue_timeout", "QUEUE_TIMEOUT", durationSchema, concurrency.queueMs, shownDuration),
    ),
  };
}

/** Converts `none` to `Infinity`. */
function unlimited(value: number | "none"): number {
  return value === "none" ? Infinity : value;
}

function shownSize(bytes: number | "none"): string {
  return bytes === "none" ? bytes : `${bytes / 1024 ** 2}M`;
}

/** Reads the endpoint for paths without an endpoint name. Returns undefined if there is no such endpoint. */
export function readDefaultEndpoint(
  resolver: Resolver,
  settings: Section<"server"> | undefined,
  names: readonly string[],
): string | undefined {
  const named = resolver.variable("DEFAULT_ENDPOINT", textSchema) ??
    resolver.inFile(["server", "default_endpoint"], settings?.default_endpoint);
  const implied = names.includes("openai") ? "openai" : names.length === 1 ? names[0] : undefined;
  const name = resolver.resolve<string | undefined>(["server", "default_endpoint"], [named], {
    fallback: implied,
  });
  if (named === undefined || names.includes(named.value)) return name;
  const near = closestName(named.value, names);
  const hint = near === undefined ? `the endpoints are ${names.join(", ")}` : `did you mean ${near}?`;
  resolver.report(named.at, `${JSON.stringify(named.value)} is not an endpoint; ${hint}`);
  return undefined;
}

/** Reads the table `[log]`. */
export function readLog(resolver: Resolver, settings: Section<"log"> | undefined): LogConfig {
  const read = sectionReader(resolver, "log", settings);
  return {
    level: read("level", "LOG_LEVEL", wordSchema(LOG_LEVELS), "info"),
    format: read("format", "LOG_FORMAT", wordSchema(LOG_FORMATS), "pretty"),
    access: read("access", "ACCESS_LOG", switchSchema, false),
  };
}
