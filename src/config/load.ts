/** Puts the configuration together from flags, environment and file, or says everything that is wrong with it. */

import * as v from "valibot";
import { DEFAULT_DRAIN_MS, DEFAULT_HOST, DEFAULT_PORT } from "./defaults.ts";
import { ENVIRONMENT_ENDPOINTS, readEndpoint } from "./endpoints.ts";
import { type Environment, type EnvironmentSources, readEnvironment, type VariableName } from "./env.ts";
import type { ConfigFile } from "./file.ts";
import type { FileConfig } from "./file_schema.ts";
import { type Origin, type Problem, reasonOf } from "./problem.ts";
import { type Candidate, type Flags, Resolver, type Setting } from "./resolver.ts";
import type { AuthConfig, Config, Endpoint, LogConfig, NamedToken, ServerConfig } from "./schema.ts";
import { nearest } from "./suggest.ts";
import {
  bytesSchema,
  drainSchema,
  hostSchema,
  nameSchema,
  originSchema,
  portSchema,
  secretSchema,
  switchSchema,
  textListSchema,
  textSchema,
  type ValueSchema,
  wordSchema,
} from "./values.ts";

/** A valid configuration, and what there is to say about it. */
export interface LoadedConfig {
  readonly config: Config;
  /** The configuration file; undefined where there is none. */
  readonly path: string | undefined;
  /** What is odd, but works. */
  readonly warnings: readonly Problem[];
  /** Every setting with its origin, for people. */
  readonly settings: () => Promise<readonly Setting[]>;
  /** Secrets that stand in the file itself instead of a `${NAME}`. */
  readonly writtenSecrets: readonly Origin[];
  /** Variables of the environment that the configuration uses, with their values. */
  readonly variables: ReadonlyMap<string, string>;
}

/** First segments of paths that belong to the proxy itself. */
const RESERVED_NAMES: readonly string[] = [
  "healthz",
  "health",
  "readyz",
  "manage",
  "admin",
  "metrics",
  "v1",
  "favicon.ico",
  "robots.txt",
];
/** The file that is read where none is named. */
const USUAL_FILE = "config.toml";

/**
 * Reads and checks the whole configuration.
 * Throws a `ConfigError` that holds every problem at once, each with its origin.
 */
export async function loadConfig(sources: EnvironmentSources, flags: Flags = {}): Promise<LoadedConfig> {
  const { resolver, path, environment } = await openSources(sources, flags);
  const settings = resolver.file?.settings ?? {};
  const address = readAddress(resolver, settings.server);
  const server = readServer(resolver, { address, settings: settings.server, sources, path });
  const { tokens, mode } = readTokens(resolver, settings.auth);
  const names = endpointNames(resolver, settings);
  const targetBase = resolver.inFile(["server", "target_base"], settings.server?.target_base);
  const endpoints = names.map((name) =>
    readEndpoint(name, settings.endpoints?.[name], {
      resolver,
      sources,
      resolvePath: (file) => besideFile(path, file),
      targetBase,
      asksForToken: tokens.length > 0,
    })
  );
  const defaultEndpoint = readDefaultEndpoint(resolver, settings.server, names);
  const config: Config = {
    server,
    auth: settleAuth(resolver, { tokens, mode, endpoints, hasFile: settings.endpoints !== undefined }),
    endpoints,
    ...(defaultEndpoint !== undefined && { defaultEndpoint }),
    log: readLog(resolver, settings.log),
  };
  checkTogether(resolver, config);
  await resolver.throwProblems();
  return {
    config,
    path,
    warnings: await resolver.warnings(),
    settings: () => resolver.settings(),
    writtenSecrets: resolver.writtenSecrets(),
    variables: resolver.usedVariables(environment),
  };
}

/** Where the proxy listens, for a program that only wants to reach it; problems of other values do not count. */
export async function loadAddress(
  sources: EnvironmentSources,
  flags: Flags = {},
): Promise<{ host: string; port: number; tls: boolean }> {
  const { resolver } = await openSources(sources, flags);
  const { server } = resolver.file?.settings ?? {};
  const address = {
    ...readAddress(resolver, server),
    tls: resolver.has("TLS_CERT") || server?.tls_cert_file !== undefined,
  };
  await resolver.throwProblems(({ at }) => /\b(HOST|PORT|host|port)$/.test(String(at)));
  return address;
}

async function openSources(
  sources: EnvironmentSources,
  flags: Flags,
): Promise<{ resolver: Resolver; path: string | undefined; environment: Environment }> {
  const environment = await readEnvironment(sources);
  const named = flags.CONFIG_PATH ?? environment.found.get("CONFIG_PATH");
  const path = named === undefined ? USUAL_FILE : named.value ?? undefined;
  let file: ConfigFile | undefined;
  let broken: string | undefined;
  try {
    if (path !== undefined) {
      const text = sources.readTextFile(path);
      // Loaded only where it is needed: most containers are configured by their environment alone.
      const { readConfigFile } = await import("./file.ts");
      file = await readConfigFile(text, { name: path, get: environment.get });
    }
  } catch (error) {
    const isUsual = named === undefined && error instanceof Deno.errors.NotFound;
    if (!isUsual) broken = `names ${JSON.stringify(path)}, which cannot be read: ${reasonOf(error)}`;
  }
  const resolver = new Resolver(environment, flags, file);
  if (broken !== undefined) resolver.report(named?.origin ?? USUAL_FILE, broken);
  // What the rest of such a configuration lacks stands in the file, mostly.
  if (broken !== undefined || file?.isBroken === true) await resolver.throwProblems();
  return { resolver, path: file && path, environment };
}

/** A path as it is written in the configuration file: relative to the file's folder. */
function besideFile(configPath: string | undefined, path: string): string {
  if (configPath === undefined || /^(?:[/\\]|[A-Za-z]:)/.test(path)) return path;
  return configPath.replace(/[^/\\]*$/, "") + path;
}

type Section<Name extends keyof FileConfig> = NonNullable<FileConfig[Name]>;

/** Settles values of one table of the file. */
function sectionReader<Settings extends object>(
  resolver: Resolver,
  section: string,
  settings: Settings | undefined,
) {
  return <Key extends keyof Settings & string, Fallback extends NonNullable<Settings[Key]> | undefined>(
    key: Key,
    variable: VariableName,
    schema: ValueSchema<NonNullable<Settings[Key]>>,
    fallback: Fallback,
    show?: (value: NonNullable<Settings[Key]> | Fallback) => string,
  ): NonNullable<Settings[Key]> | Fallback => {
    const inFile = settings?.[key] ?? undefined;
    return resolver.settle<NonNullable<Settings[Key]> | Fallback>([section, key], [
      resolver.variable(variable, schema),
      resolver.inFile([section, key], inFile),
    ], { fallback, ...(show && { show }) });
  };
}

function readAddress(
  resolver: Resolver,
  settings: Section<"server"> | undefined,
): { host: string; port: number } {
  const read = sectionReader(resolver, "server", settings);
  return {
    host: read("host", "HOST", hostSchema, DEFAULT_HOST),
    port: read("port", "PORT", portSchema, DEFAULT_PORT),
  };
}

function readServer(
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

function readLog(resolver: Resolver, settings: Section<"log"> | undefined): LogConfig {
  const read = sectionReader(resolver, "log", settings);
  return {
    level: read("level", "LOG_LEVEL", wordSchema(["debug", "info", "warn", "error"]), "info"),
    format: read("format", "LOG_FORMAT", wordSchema(["pretty", "json"]), "pretty"),
    access: read("access", "ACCESS_LOG", switchSchema, false),
  };
}

/** The name under which the one token is logged. */
const SHARED = "shared";

function readTokens(
  resolver: Resolver,
  settings: Section<"auth"> | undefined,
): { tokens: NamedToken[]; mode: "token" | "none" | undefined } {
  const shared = resolver.settle<string | undefined>(["auth", "token"], [
    resolver.variable("PROXY_TOKEN", secretSchema),
    resolver.inFile(["auth", "token"], settings?.token),
  ], { fallback: undefined, show: (token) => token === undefined ? "none" : "[redacted]" });
  const tokens: NamedToken[] = shared === undefined ? [] : [{ name: SHARED, token: shared }];
  for (const [index, { name, token }] of (settings?.tokens ?? []).entries()) {
    const at = ["auth", "tokens", index];
    if (name === undefined) resolver.reportMissing([...at, "name"], "is missing: who holds this token");
    if (token === undefined) resolver.reportMissing([...at, "token"], "is missing");
    if (name === undefined || token === undefined) continue;
    if (tokens.some((other) => other.name === name)) {
      resolver.report([...at, "name"], `${JSON.stringify(name)} stands twice`);
    }
    if (tokens.some((other) => other.token === token)) {
      resolver.report([...at, "token"], "is the same as another token");
    }
    resolver.settle([...at, "token"], [{ value: token, at: [...at, "token"] }], {
      fallback: token,
      show: () => `[redacted] (${name})`,
    });
    tokens.push({ name, token });
  }
  return { tokens, mode: settings?.mode };
}

function settleAuth(
  resolver: Resolver,
  { tokens, mode, endpoints, hasFile }: {
    tokens: readonly NamedToken[];
    mode: "token" | "none" | undefined;
    endpoints: readonly Endpoint[];
    hasFile: boolean;
  },
): AuthConfig {
  const injecting = endpoints.find(({ backends }) => backends.some(({ key }) => key.mode === "inject"));
  if (mode === "none" && tokens.length > 0) {
    resolver.report(["auth", "mode"], '"none" stands beside a token: keep one of the two');
  }
  const isNeeded = mode === "token" || mode === undefined && (!hasFile || injecting !== undefined);
  if (tokens.length === 0 && isNeeded && !resolver.has("PROXY_TOKEN")) {
    const why = hasFile && injecting !== undefined
      ? `, or anybody could use the key of ${injecting.name}; auth.mode = "none" allows that`
      : "";
    resolver.report("env PROXY_TOKEN", `is missing: the token that clients of this proxy present${why}`);
  }
  const auth: AuthConfig = tokens.length > 0 ? { mode: "token", tokens } : { mode: "none" };
  resolver.settle(["auth", "mode"], [resolver.inFile(["auth", "mode"], mode)], { fallback: auth.mode });
  return auth;
}

/** Which endpoints are served: those that `ENDPOINTS` names, else those of the file, else both of the environment. */
function endpointNames(resolver: Resolver, { endpoints = {} }: FileConfig): string[] {
  const inFile = Object.keys(endpoints);
  const byEnvironment = Object.keys(ENVIRONMENT_ENDPOINTS);
  const taken = new Map<string, string>();
  for (const name of inFile) {
    const at = ["endpoints", name];
    const check = v.safeParse(nameSchema, name);
    if (!check.success) resolver.report(at, check.issues[0].message);
    else if (RESERVED_NAMES.includes(name.toLowerCase())) {
      resolver.report(at, `${JSON.stringify(name)} is a path of the proxy's own: choose another name`);
    }
    const other = taken.get(name.toLowerCase());
    if (other !== undefined) resolver.report(at, `differs from ${JSON.stringify(other)} only in capitals`);
    taken.set(name.toLowerCase(), name);
  }
  const known = [...new Set([...inFile, ...byEnvironment])];
  const fallback = inFile.length > 0 ? inFile : byEnvironment;
  return resolver.settle(["endpoints"], [
    resolver.variable("ENDPOINTS", textListSchema(wordSchema(known))),
  ], {
    fallback,
    fallbackAt: inFile.length > 0 ? "file" : "default",
    show: (names) => names.join(", "),
  });
}

function readDefaultEndpoint(
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

/** What single values cannot show. */
function checkTogether(resolver: Resolver, { auth, endpoints, server }: Config): void {
  const keys = endpoints.flatMap(({ name, backends }) =>
    backends.flatMap(({ key }) => key.mode === "inject" ? [{ name, value: key.value }] : [])
  );
  const tokens = auth.mode === "token" ? auth.tokens : [];
  for (const { name, token } of tokens) {
    const owner = keys.find(({ value }) => value === token)?.name;
    if (owner === undefined) continue;
    const at = name === SHARED ? resolver.originOf("PROXY_TOKEN", ["auth", "token"]) : ["auth", "tokens"];
    resolver.report(at, `is the same as the key of ${owner}: clients would hold the provider's key`);
  }
  if (server.corsOrigins.includes("*") && keys.length > 0) {
    resolver.report(
      resolver.originOf("CORS_ORIGINS", ["server", "cors_origins"]),
      `"*" lets every web page use the key of ${keys[0]?.name}: name the origins`,
    );
  }
}
