/** Loads the configuration from flags, environment and file, and reports all of its problems. */

import { readTokens, resolveAuth, SHARED } from "./read/auth_settings.ts";
import { readAuthorities } from "./read/authorities.ts";
import { injectsCredential } from "./credentials.ts";
import { endpointNames } from "./read/endpoint_names.ts";
import { readEndpoint } from "./read/endpoints.ts";
import { type EnvironmentSources, readEnvironment } from "./sources/env.ts";
import { checkLimitedEndpoints, checkModelLimits } from "./read/limit_settings.ts";
import { MANAGEMENT_VARIABLES, readManagement } from "./read/management_settings.ts";
import type { KeyPath, Origin, Problem } from "./problem.ts";
import { readJwt } from "./read/jwt_settings.ts";
import { environmentProxy } from "./read/outbound_proxy.ts";
import { type Flags, Resolver, type ShownSetting } from "./read/resolver.ts";
import type { Config, ManagementConfig, OutboundProxy } from "./config.ts";
import { readScim } from "./read/scim_settings.ts";
import { readSignIn } from "./read/sign_in_settings.ts";
import { readRouting } from "./read/routing.ts";
import type { Section } from "./read/section.ts";
import {
  readAddress,
  readAdminPort,
  readDefaultEndpoint,
  readLog,
  readServer,
} from "./read/server_settings.ts";
import { openSources, resolveBesideConfig } from "./sources/sources.ts";

/** A valid configuration and where it comes from. */
export interface LoadedConfig {
  /** The valid configuration of all parts of the proxy. */
  readonly config: Config;
  /** The path of the configuration file; `undefined` if there is no file. */
  readonly path: string | undefined;
  /** What looks like a mistake but does not stop the start. */
  readonly warnings: readonly Problem[];
  /** All settings with their origins, for people. Secrets are redacted. */
  readonly settings: () => Promise<readonly ShownSetting[]>;
  /** Compares this configuration with another one. */
  readonly resolver: Resolver;
  /** The keys of secrets that the file contains in plain text instead of as `${NAME}`. */
  readonly literalSecrets: readonly KeyPath[];
  /** The variables that the configuration uses, with their values. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Reads and checks the whole configuration. Throws a `ConfigError` with all problems, each with its origin.
 */
export async function loadConfig(sources: EnvironmentSources, flags: Flags = {}): Promise<LoadedConfig> {
  const { resolver, path, environment } = await openSources(sources, flags);
  const settings = resolver.file?.settings ?? {};
  const address = readAddress(resolver, settings.server);
  const server = readServer(resolver, { address, settings: settings.server, sources, path });
  const { tokens, mode } = readTokens(resolver, settings.auth);
  const management = readManagement(resolver, settings.management);
  if (server.adminPort !== undefined && management === undefined) {
    const at = resolver.originOf("ADMIN_PORT", ["server", "admin_port"]);
    checkManagementToken(resolver, settings.management, at);
  }
  const hasManagedTokens = management !== undefined && mode !== "none";
  const names = endpointNames(resolver, settings);
  const targetBase = resolver.inFile(["server", "target_base"], settings.server?.target_base);
  const endpoints = names.map((name) =>
    readEndpoint(name, settings.endpoints?.[name], {
      resolver,
      sources,
      resolvePath: (file) => resolveBesideConfig(path, file),
      targetBase,
      requiresToken: tokens.length > 0 || hasManagedTokens,
    })
  );
  checkLimitedEndpoints(resolver, settings.auth, names);
  checkModelLimits(resolver, settings.auth);
  const defaultEndpoint = readDefaultEndpoint(resolver, settings.server, names);
  const routing = readRouting(resolver, settings, endpoints);
  const authorities = readAuthorities(environment, { resolver, sources });
  const signInTables = settings.management?.sign_in;
  if (signInTables !== undefined && management === undefined) {
    checkManagementToken(resolver, settings.management, ["management", "sign_in"]);
  }
  const signIn = management && readSignIn(signInTables, {
    resolver,
    sources,
    resolvePath: (file) => resolveBesideConfig(path, file),
    publicUrl: management.publicUrl,
  });
  const scimTable = settings.management?.scim;
  if (scimTable !== undefined && signInTables === undefined && management === undefined) {
    checkManagementToken(resolver, settings.management, ["management", "scim"]);
  }
  const scim = management &&
    readScim(scimTable, {
      resolver,
      signIn,
      names: (signInTables ?? []).flatMap(({ name }) => name === undefined ? [] : [name]),
    });
  const jwt = readJwt(settings.auth?.jwt, {
    resolver,
    sources,
    resolvePath: (file) => resolveBesideConfig(path, file),
    hasProjects: management !== undefined,
  });
  const config: Config = {
    server,
    auth: resolveAuth(resolver, {
      tokens,
      jwt,
      mode,
      endpoints,
      hasManagedTokens: management !== undefined,
      hasFile: settings.endpoints !== undefined || resolver.hasProblemAt(["endpoints"]),
    }),
    endpoints,
    ...(defaultEndpoint !== undefined && { defaultEndpoint }),
    ...(routing && { routing }),
    log: readLog(resolver, settings.log),
    ...(management && { management: { ...management, ...(signIn && { signIn }), ...(scim && { scim }) } }),
    ...(authorities && { authorities }),
    hash: await resolver.hash(),
  };
  checkTogether(resolver, config);
  await resolver.throwProblems();
  return {
    config,
    path,
    warnings: await resolver.warnings(),
    settings: () => resolver.settings(),
    resolver,
    literalSecrets: resolver.file?.literalSecrets ?? [],
    variables: resolver.usedVariables(environment),
  };
}

/**
 * Reads only where the proxy listens, for commands that send it a request. If the proxy has an HTTP and an
 * HTTPS port, returns the HTTP port. Throws a `ConfigError` if the host or port is invalid. Other problems
 * are ignored.
 */
export async function loadAddress(
  sources: EnvironmentSources,
  flags: Flags = {},
): Promise<{
  host: string;
  port: number;
  /** Whether `port` uses TLS. */
  tls: boolean;
  /** The separate port of the management plane; `undefined` if the management plane uses `port`. */
  adminPort: number | undefined;
  /** Whether `adminPort` uses TLS. */
  adminTls: boolean;
}> {
  const { resolver } = await openSources(sources, flags);
  const { server } = resolver.file?.settings ?? {};
  const hasTls = resolver.has("TLS_CERT") || server?.tls_cert_file !== undefined;
  const address = {
    ...readAddress(resolver, server),
    tls: hasTls && !resolver.has("HTTPS_PORT") && server?.https_port === undefined,
    adminPort: readAdminPort(resolver, server),
    adminTls: hasTls,
  };
  await resolver.throwProblems({
    variables: ["HOST", "PORT"],
    keys: [["server", "host"], ["server", "port"]],
  });
  return address;
}

/**
 * Reads only the management plane, for commands that open its database. Returns undefined if it is off.
 * Throws a `ConfigError` if one of its settings is invalid. Other problems are ignored.
 */
export async function loadManagement(
  sources: EnvironmentSources,
  flags: Flags = {},
): Promise<ManagementConfig | undefined> {
  const { resolver } = await openSources(sources, flags);
  const management = readManagement(resolver, resolver.file?.settings?.management);
  await resolver.throwProblems({ variables: MANAGEMENT_VARIABLES, keys: [["management"]] });
  return management;
}

/**
 * The forward proxy that the environment names for an origin, for commands that send requests. `undefined`
 * for a direct connection, which loopback addresses always have. Throws a `ConfigError` if the variables are
 * invalid.
 */
export async function loadOutboundProxy(
  sources: EnvironmentSources,
  origin: string,
): Promise<OutboundProxy | undefined> {
  const resolver = new Resolver(await readEnvironment(sources), {}, undefined);
  const proxy = environmentProxy(origin, resolver)?.value;
  await resolver.throwProblems({ variables: ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"], keys: [] });
  return proxy === "direct" ? undefined : proxy;
}

/** Reports a setting at `at` that needs a management token. An invalid token is already reported. */
function checkManagementToken(
  resolver: Resolver,
  settings: Section<"management"> | undefined,
  at: Origin,
): void {
  if (resolver.has("MANAGEMENT_TOKEN") || settings?.token !== undefined) return;
  if (resolver.hasProblemAt(["management"])) return;
  resolver.report(at, "needs the management plane: set MANAGEMENT_TOKEN, at least 16 characters");
}

/** Reports problems of values that are valid on their own but not together. */
function checkTogether(resolver: Resolver, { auth, endpoints, server, management }: Config): void {
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
  const sameAs = tokens.find(({ token }) => token === management?.token);
  if (sameAs !== undefined) {
    resolver.report(
      resolver.originOf("MANAGEMENT_TOKEN", ["management", "token"]),
      `is the same as the token ${sameAs.name}: every client could manage the proxy`,
    );
  }
  const injecting = endpoints.find(({ backends }) => backends.some(injectsCredential));
  if (server.corsOrigins.includes("*") && injecting !== undefined) {
    resolver.report(
      resolver.originOf("CORS_ORIGINS", ["server", "cors_origins"]),
      `"*" lets every web page use the key of ${injecting.name}: name the origins`,
    );
  }
}
