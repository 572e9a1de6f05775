/** Puts the configuration together from flags, environment and file, or says everything that is wrong with it. */

import { readTokens, settleAuth, SHARED } from "./read/auth_settings.ts";
import { injectsCredential } from "./credentials.ts";
import { endpointNames } from "./read/endpoint_names.ts";
import { readEndpoint } from "./read/endpoints.ts";
import { type EnvironmentSources, readEnvironment } from "./sources/env.ts";
import { checkLimitedEndpoints, checkModelLimits } from "./read/limit_settings.ts";
import { MANAGEMENT_VARIABLES, readManagement } from "./read/management_settings.ts";
import type { KeyPath, Problem } from "./problem.ts";
import { environmentProxy } from "./read/outbound_proxy.ts";
import { type Flags, Resolver, type ShownSetting } from "./read/resolver.ts";
import type { Config, ManagementConfig, OutboundProxy } from "./config.ts";
import type { Section } from "./read/section.ts";
import {
  readAddress,
  readAdminPort,
  readDefaultEndpoint,
  readLog,
  readServer,
} from "./read/server_settings.ts";
import { openSources, resolveBesideConfig } from "./sources/sources.ts";

/** A valid configuration, and what there is to say about it. */
export interface LoadedConfig {
  readonly config: Config;
  /** The configuration file; undefined where there is none. */
  readonly path: string | undefined;
  /** What is odd, but works. */
  readonly warnings: readonly Problem[];
  /** Every setting with its origin, for people. */
  readonly settings: () => Promise<readonly ShownSetting[]>;
  /** Which settings have other values than in another configuration. */
  readonly resolver: Resolver;
  /** Secrets that stand in the file itself instead of a `${NAME}`. */
  readonly literalSecrets: readonly KeyPath[];
  /** Variables of the environment that the configuration uses, with their values. */
  readonly variables: ReadonlyMap<string, string>;
}

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
  const management = readManagement(resolver, settings.management);
  if (server.adminPort !== undefined && management === undefined) {
    checkManagementToken(resolver, settings.management);
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
  const config: Config = {
    server,
    auth: settleAuth(resolver, {
      tokens,
      mode,
      endpoints,
      hasManagedTokens: management !== undefined,
      hasFile: settings.endpoints !== undefined || resolver.hasProblemAt(["endpoints"]),
    }),
    endpoints,
    ...(defaultEndpoint !== undefined && { defaultEndpoint }),
    log: readLog(resolver, settings.log),
    ...(management && { management }),
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

/** Where the proxy listens, its plain port if it has one, for a program that only wants to reach it; problems of other values do not count. */
export async function loadAddress(
  sources: EnvironmentSources,
  flags: Flags = {},
): Promise<{
  host: string;
  port: number;
  /** TLS is spoken at `port`. */
  tls: boolean;
  /** Where the management plane is; undefined: at `port`. */
  adminPort: number | undefined;
  /** TLS is spoken at {@link adminPort}. */
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

/** The management plane alone, for a program that only opens its database; problems of other values do not count. */
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
 * How the command line reaches an origin: by the proxy that the environment names for it, which no loopback address
 * has; undefined: directly.
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

/** A port for the management plane alone serves nothing without it. A token that broke a rule has been reported. */
function checkManagementToken(resolver: Resolver, settings: Section<"management"> | undefined): void {
  if (resolver.has("MANAGEMENT_TOKEN") || settings?.token !== undefined) return;
  if (resolver.hasProblemAt(["management"])) return;
  resolver.report(
    resolver.originOf("ADMIN_PORT", ["server", "admin_port"]),
    "needs the management plane: set MANAGEMENT_TOKEN, 16 characters at least",
  );
}

/** What single values cannot show. */
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
