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
      return undefined;
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

function readTls(
  resolver: Resolver,
  inFile: (key: "tls_cert_file" | "tls_key_file") => Candidate<string> | undefined,
): { cert: string; key: string } | undefined {
  const read = (variable: "TLS_CERT" | "TLS_KEY", key: "tls_cert_file" | "tls_key_file", label: RegExp) => {
    const schema = v.pipe(
      v.string(),
      v.check(
        (text) => label.test(text),
        variable === "TLS_CERT" ? "holds no certificate in PEM form" : "holds no private key in PEM form",
      ),
    );
    const candidate = resolver.has(variable) ? resolver.variable(variable, schema) : inFile(key);
    if (candidate === undefined || v.is(schema, candidate.value)) return candidate;
    resolver.report(candidate.at, v.safeParse(schema, candidate.value).issues?.[0].message ?? "");
    return undefined;
  };
  const isGiven = resolver.has("TLS_CERT") || resolver.has("TLS_KEY");
  const cert = read("TLS_CERT", "tls_cert_file", /-----BEGIN CERTIFICATE-----/);
  const key = read("TLS_KEY", "tls_key_file", /-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  for (const [variable, one, other] of [["TLS_CERT", cert, key], ["TLS_KEY", key, cert]] as const) {
    if (one === undefined && other !== undefined && !resolver.has(variable)) {
      const present = variable === "TLS_CERT" ? "TLS_KEY" : "TLS_CERT";
      resolver.report(`env ${variable}`, `is missing, though ${present} is set: TLS needs both`);
    }
  }
  resolver.settle(["server", "tls"], [cert && { value: "on", at: cert.at }], {
    fallback: isGiven ? "broken" : "off",
  });
  return cert === undefined || key === undefined ? undefined : { cert: cert.value, key: key.value };
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
