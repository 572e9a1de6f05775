/** The table `[server]` and its counterparts in the environment. */

import * as v from "valibot";
import { DEFAULT_DRAIN_MS, DEFAULT_HOST, DEFAULT_PORT } from "./defaults.ts";
import type { EnvironmentSources } from "./env.ts";
import { reasonOf } from "./problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { LogConfig, ServerConfig } from "./schema.ts";
import { type Section, sectionReader } from "./section.ts";
import { besideFile } from "./sources.ts";
import { nearest } from "./suggest.ts";
import {
  bytesSchema,
  drainSchema,
  hostSchema,
  originSchema,
  portSchema,
  switchSchema,
  textListSchema,
  textSchema,
  wordSchema,
} from "./values.ts";

/** Where the proxy listens. */
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

/** Everything of the server but where it listens. */
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
  const tls = readTls(resolver, (key) => {
    const file = settings?.[key];
    if (file === undefined) return undefined;
    const at = ["server", key];
    try {
      return { value: sources.readTextFile(besideFile(path, file)), at };
    } catch (error) {
      resolver.report(at, `names ${JSON.stringify(file)}, which cannot be read: ${reasonOf(error)}`);
      return "broken";
    }
  });
  const maxBodyBytes = read("max_body_bytes", "MAX_BODY_BYTES", bytesSchema, "none");
  return {
    ...address,
    ...(tls && { tls }),
    drainMs: read("drain_seconds", "DRAIN_SECONDS", drainSchema, DEFAULT_DRAIN_MS, (ms) => String(ms / 1000)),
    ...(maxBodyBytes !== "none" && { maxBodyBytes }),
    corsOrigins: read("cors_origins", "CORS_ORIGINS", textListSchema(originSchema), []),
  };
}

/** The two halves of TLS: their variables, their keys in the file, and what they must hold. */
const TLS_PARTS = {
  cert: {
    variable: "TLS_CERT",
    key: "tls_cert_file",
    label: /-----BEGIN CERTIFICATE-----/,
    what: "certificate",
  },
  key: {
    variable: "TLS_KEY",
    key: "tls_key_file",
    label: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    what: "private key",
  },
} as const;
type TlsPart = typeof TLS_PARTS["cert" | "key"];

function readTls(
  resolver: Resolver,
  inFile: (key: TlsPart["key"]) => Candidate<string> | "broken" | undefined,
): { cert: string; key: string } | undefined {
  const read = ({ variable, key, label, what }: TlsPart): Candidate<string> | "broken" | undefined => {
    const schema = v.pipe(v.string(), v.check((text) => label.test(text), `holds no ${what} in PEM form`));
    if (resolver.has(variable)) return resolver.variable(variable, schema) ?? "broken";
    const candidate = inFile(key);
    if (candidate === undefined || candidate === "broken") return candidate;
    const { success, issues } = v.safeParse(schema, candidate.value);
    if (success) return candidate;
    resolver.report(candidate.at, issues[0].message);
    return "broken";
  };
  const cert = read(TLS_PARTS.cert);
  const key = read(TLS_PARTS.key);
  const whole = typeof cert === "object" && typeof key === "object";
  resolver.settle(["server", "tls"], [whole ? { value: "on", at: cert.at } : undefined], { fallback: "off" });
  if (whole) return { cert: cert.value, key: key.value };
  if (cert === undefined && key !== undefined) reportLacking(resolver, TLS_PARTS.cert, TLS_PARTS.key);
  if (key === undefined && cert !== undefined) reportLacking(resolver, TLS_PARTS.key, TLS_PARTS.cert);
  return undefined;
}

function reportLacking(resolver: Resolver, lacking: TlsPart, present: TlsPart): void {
  const isInEnvironment = resolver.has(present.variable);
  const at = isInEnvironment ? `env ${lacking.variable}` : ["server", lacking.key];
  const other = isInEnvironment ? present.variable : present.key;
  resolver.report(at, `is missing, though ${other} is set: TLS needs both`);
}

/** Which endpoint answers paths without a name. */
export function readDefaultEndpoint(
  resolver: Resolver,
  settings: Section<"server"> | undefined,
  names: readonly string[],
): string | undefined {
  const named = resolver.variable("DEFAULT_ENDPOINT", textSchema) ??
    resolver.inFile(["server", "default_endpoint"], settings?.default_endpoint);
  const implied = names.includes("openai") ? "openai" : names.length === 1 ? names[0] : undefined;
  const name = resolver.settle<string | undefined>(["server", "default_endpoint"], [named], {
    fallback: implied,
  });
  if (named === undefined || names.includes(named.value)) return name;
  const near = nearest(named.value, names);
  const hint = near === undefined ? `the endpoints are ${names.join(", ")}` : `did you mean ${near}?`;
  resolver.report(named.at, `${JSON.stringify(named.value)} is no endpoint; ${hint}`);
  return undefined;
}

/** The table `[log]`. */
export function readLog(resolver: Resolver, settings: Section<"log"> | undefined): LogConfig {
  const read = sectionReader(resolver, "log", settings);
  return {
    level: read("level", "LOG_LEVEL", wordSchema(["debug", "info", "warn", "error"]), "info"),
    format: read("format", "LOG_FORMAT", wordSchema(["pretty", "json"]), "pretty"),
    access: read("access", "ACCESS_LOG", switchSchema, false),
  };
}
