/**
 * Reads one backend from its settings, the settings of its endpoint, the environment and the provider's
 * preset.
 */

import { hostAndPort } from "../../network/host_port.ts";
import {
  DEFAULT_POOL,
  DEFAULT_TIMEOUTS,
  DEFAULT_WAKE_BROADCAST,
  DEFAULT_WAKE_MS,
} from "../values/defaults.ts";
import { shownDuration } from "../values/durations.ts";
import { readClientCert } from "./client_certificate.ts";
import type { EnvironmentSources } from "../sources/env.ts";
import { environmentProxy, proxyText } from "./outbound_proxy.ts";
import type { LayeredSettings } from "./layers.ts";
import { keyFieldOf, type Preset, type PresetName } from "../values/presets.ts";
import { reasonOf } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type {
  Backend,
  BackendKey,
  BaseUrl,
  CheckSettings,
  ConnectionSettings,
  ModelOverride,
  OutboundProxy,
  WakeSettings,
} from "../config.ts";
import { baseUrlOf } from "../values/address_values.ts";

/** What all endpoints share. */
export interface EndpointContext {
  readonly resolver: Resolver;
  readonly sources: EnvironmentSources;
  /** Resolves a path that the file holds: a relative path starts at the folder of the file. */
  readonly resolvePath: (path: string) => string;
  /** `server.target_base`, the base URL of endpoints without one. */
  readonly targetBase: Candidate<BaseUrl> | undefined;
  /** Whether clients need a token of the proxy. */
  readonly requiresToken: boolean;
}

/** The provider of an endpoint. */
export interface EndpointProvider {
  readonly name: PresetName;
  readonly preset: Preset;
  /** Whether the file names the provider. The preset of a named provider wins over `server.target_base`. */
  readonly isNamed: boolean;
}

/** What all backends of an endpoint share. */
export interface BackendContext extends EndpointContext {
  readonly provider: EndpointProvider;
  /**
   * Whether the file has the endpoint. If not, the missing variables of the endpoint are already reported.
   */
  readonly isInFile: boolean;
}

/** The base URL of a backend whose base URL is missing, which is a problem of the configuration. */
export const NO_BASE_URL: BaseUrl = { origin: "http://missing.invalid", path: "" };

/**
 * Reads a backend, or one backend for each of its `api_keys`. Its name is empty if the file does not name it.
 * Problems go to the resolver.
 */
export function readBackends(
  settings: LayeredSettings,
  { pool, ...context }: BackendContext & {
    /** The number of the backend, which a pool of keys gets. */
    readonly pool: number;
  },
): Backend[] {
  const keys = keysOfPool(settings);
  const backend = readBackend(settings, { ...context, keys });
  if (keys === undefined) return [backend];
  return keys.value.map((value) => ({ ...backend, key: { mode: "inject", value }, pool }));
}

/** The keys of `api_keys`, unless a layer with a higher precedence has an `api_key`. */
function keysOfPool(settings: LayeredSettings): Candidate<readonly string[]> | undefined {
  const { resolver } = settings;
  for (const { settings: { api_key, api_keys }, at } of settings.layers) {
    if (api_keys === undefined) {
      if (api_key !== undefined) return undefined;
      continue;
    }
    if (api_key === undefined) {
      const seen = new Set(api_keys);
      if (seen.size < api_keys.length) resolver.report(at("api_keys"), "has the same key twice");
      if (api_keys.length === 0) resolver.report(at("api_keys"), "is empty");
      return api_keys.length === 0 ? undefined : { value: [...seen], at: at("api_keys") };
    }
    const keyAt = at("api_key");
    if (typeof keyAt === "string") resolver.warn(at("api_keys"), `is ignored, because ${keyAt} is set`);
    else resolver.report(at("api_keys"), "is set beside api_key: keep one of the two");
    return undefined;
  }
  return undefined;
}

function readBackend(
  settings: LayeredSettings,
  context: BackendContext & { readonly keys: Candidate<readonly string[]> | undefined },
): Backend {
  const baseUrl = readBaseUrl(settings, context);
  const key = readKey(settings, context);
  const keyField = readKeyField(settings, context.provider);
  const headers = settings.resolve("headers", {}, shownHeaders);
  checkHeaders(headers, { settings, keyField: key.mode === "inject" ? keyField : undefined });
  const model = readModelOverride(settings);
  const check = readCheck(settings);
  const wake = readWake(settings);
  return {
    name: settings.layers[0]?.settings.name ?? "",
    baseUrl,
    key,
    keyField,
    connection: readConnection(settings, { origin: baseUrl.origin, context }),
    headers: Object.entries(headers),
    removeHeaders: settings.resolve("remove_headers", []).map((header) => header.toLowerCase()),
    model,
    weight: settings.resolve("weight", 1),
    timeouts: {
      connectMs: settings.timeoutMs("connect_timeout", DEFAULT_TIMEOUTS.connectMs),
      firstByteMs: settings.timeoutMs("first_byte_timeout", DEFAULT_TIMEOUTS.firstByteMs),
      idleMs: settings.timeoutMs("idle_timeout", DEFAULT_TIMEOUTS.idleMs),
      totalMs: settings.timeoutMs("total_timeout", DEFAULT_TIMEOUTS.totalMs),
    },
    ...(check && { check }),
    ...(wake && { wake }),
  };
}

/** Reads how the machine of the backend is woken. Returns `undefined` if it is not. */
function readWake(settings: LayeredSettings): WakeSettings | undefined {
  const mac = settings.resolveOptional("wake");
  const address = settings.resolve("wake_broadcast", DEFAULT_WAKE_BROADCAST, hostAndPort);
  const timeoutMs = settings.timeoutMs("wake_timeout", DEFAULT_WAKE_MS) ?? Infinity;
  if (mac !== undefined) return { mac, ...address, timeoutMs };
  for (const key of ["wake_broadcast", "wake_timeout"] as const) {
    const [written] = settings.candidates(key);
    if (written !== undefined) settings.resolver.warn(written.at, "does nothing without wake");
  }
  return undefined;
}

/** Reads how the backend is checked. Returns `undefined` if it is not. */
function readCheck(settings: LayeredSettings): CheckSettings | undefined {
  const everyMs = settings.resolve("check_every", "none", shownDuration);
  const path = settings.resolveOptional("check_path");
  if (everyMs !== "none") return { everyMs, ...(path !== undefined && { path }) };
  if (path !== undefined) {
    settings.resolver.warn(settings.keyPath("check_path"), "does nothing without check_every");
  }
  return undefined;
}

function readBaseUrl(settings: LayeredSettings, context: BackendContext): BaseUrl {
  checkTargetBase(settings);
  const { resolver, path } = settings;
  const { provider: { name, preset, isNamed }, targetBase } = context;
  const written: Candidate<BaseUrl>[] = settings.layers.flatMap((
    { settings: { base_url, target_base }, at },
  ) => [
    ...(base_url === undefined ? [] : [{ value: base_url, at: at("base_url") }]),
    ...(target_base === undefined ? [] : [{ value: target_base, at: at("target_base") }]),
  ]);
  const ofPreset = preset.baseUrl === undefined
    ? undefined
    : { value: baseUrlOf(new URL(preset.baseUrl)), at: `preset ${name}` };
  checkApiPath(written[0] ?? targetBase, resolver);
  const implied = isNamed ? [ofPreset, targetBase] : [targetBase, ofPreset];
  const baseUrl = resolver.resolve(settings.keyPath("base_url"), [...written, ...implied], {
    fallback: NO_BASE_URL,
    show: ({ origin, path }) => origin + path,
  });
  if (baseUrl === NO_BASE_URL && context.isInFile) {
    resolver.reportMissing(
      [...path, "base_url"],
      "is missing: the address of the API, like https://api.example.com/v1",
    );
  }
  return baseUrl === NO_BASE_URL || preset.hasOllamaApi !== true ? baseUrl : ofOllama(baseUrl);
}

/**
 * Ollama has its own API at `/api`, and the others at `/v1`, so a base URL may end in either, or in neither.
 */
function ofOllama({ origin, path }: BaseUrl): BaseUrl {
  return { origin, path: path.replace(/\/api$/, ""), besideVersion: ["/api"] };
}

/** Reports layers whose file has both spellings of the base URL. */
function checkTargetBase({ resolver, layers }: LayeredSettings): void {
  for (const { settings, at } of layers) {
    const isBaseUrlInFile = settings.base_url !== undefined && typeof at("base_url") !== "string";
    if (isBaseUrlInFile && settings.target_base !== undefined) {
      resolver.report(at("target_base"), "means the same as base_url, which is set too: keep one of the two");
    }
  }
}

/** Paths that clients append to a base URL. */
const API_PATH =
  /\/(?:(?:chat\/)?completions|messages|responses|embeddings|models|models\/[^/]+:\w+|images\/\w+|audio\/\w+)$/;

/**
 * Warns about a base URL that was copied with the path of one API method. Clients would append the path
 * again.
 */
function checkApiPath(candidate: Candidate<BaseUrl> | undefined, resolver: Resolver): void {
  if (candidate === undefined) return;
  const { value: { origin, path }, at } = candidate;
  const [end] = API_PATH.exec(path) ?? [];
  if (end === undefined) return;
  resolver.warn(
    at,
    `ends in ${end}, which clients append themselves: the base URL is probably ${origin}${
      path.slice(0, -end.length)
    }`,
  );
}

function readKey(
  settings: LayeredSettings,
  { provider, requiresToken, keys }: BackendContext & {
    readonly keys: Candidate<readonly string[]> | undefined;
  },
): BackendKey {
  if (keys !== undefined) {
    const [value = ""] = settings.resolver.resolve(settings.keyPath("api_keys"), [keys], {
      fallback: [],
      show: ({ length }) => `[redacted] (${length} keys)`,
    });
    return { mode: "inject", value };
  }
  // If the proxy requires a token, the credential of a client is that token. Most local servers need no key.
  const needsNoKey = provider.preset.local === true && requiresToken;
  const text = settings.resolver.resolve(settings.keyPath("api_key"), settings.candidates("api_key"), {
    fallback: needsNoKey ? "none" : "passthrough",
    fallbackAt: needsNoKey ? `preset ${provider.name}` : "default",
    show: (value) => value === "none" || value === "passthrough" ? value : "[redacted]",
  });
  if (text === "none") return { mode: "none" };
  return text === "passthrough" ? { mode: "passthrough" } : { mode: "inject", value: text };
}

/** The header that carries the key, in lower case. */
function readKeyField(settings: LayeredSettings, { name, preset }: EndpointProvider): string {
  const field = settings.resolver.resolve(settings.keyPath("key_header"), settings.candidates("key_header"), {
    fallback: keyFieldOf(preset),
    fallbackAt: `preset ${name}`,
  });
  return field.toLowerCase();
}

/** Reports headers that have the same name, and a header that has the name of the key's header. */
function checkHeaders(
  headers: Readonly<Record<string, string>>,
  { settings, keyField }: { settings: LayeredSettings; keyField: string | undefined },
): void {
  const seen = new Set<string>();
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase();
    const at = settings.keyPath("headers", name);
    if (seen.has(lower)) settings.resolver.report(at, "appears twice, with different capitals");
    if (lower === keyField) {
      settings.resolver.report(at, "is the header of api_key: keep one of the two");
    }
    seen.add(lower);
  }
}

/** The names of headers. Values are left out, because they may be credentials. */
function shownHeaders(headers: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.keys(headers).map((name) => [name, "[redacted]"])));
}

function readModelOverride(settings: LayeredSettings): ModelOverride | undefined {
  const otherwise = settings.resolveOptional("model");
  const byName = new Map(Object.entries(settings.resolve("models", {})));
  return otherwise === undefined && byName.size === 0 ? undefined : { byName, otherwise };
}

function readConnection(
  settings: LayeredSettings,
  { origin, context }: { origin: string; context: EndpointContext },
): ConnectionSettings {
  const proxy = readProxy(settings, origin);
  const proxyTunnel = settings.resolve("proxy_tunnel", false);
  const caCerts = readCaCerts(settings, context);
  const clientCert = readClientCert(settings, { ...context, origin });
  const maxIdle = settings.resolve("pool_max_idle", DEFAULT_POOL.maxIdle);
  const idleMs = settings.timeoutMs("pool_idle_timeout", DEFAULT_POOL.idleMs) ?? Infinity;
  const isDefault = proxy === undefined && !proxyTunnel && caCerts === undefined &&
    clientCert === undefined &&
    maxIdle === DEFAULT_POOL.maxIdle &&
    idleMs === DEFAULT_POOL.idleMs;
  return {
    key: isDefault ? "" : JSON.stringify([proxy, proxyTunnel, caCerts, clientCert, maxIdle, idleMs]),
    ...(proxy && { proxy }),
    ...(proxyTunnel && { proxyTunnel }),
    ...(caCerts && { caCerts }),
    ...(clientCert && { clientCert }),
    pool: { maxIdle, idleMs },
  };
}

/** Returns the forward proxy to an origin, or undefined for a direct connection. */
function readProxy(settings: LayeredSettings, origin: string): OutboundProxy | undefined {
  const candidates = [...settings.candidates("proxy_url"), environmentProxy(origin, settings.resolver)];
  const proxy = settings.resolver.resolve(settings.keyPath("proxy_url"), candidates, {
    fallback: "direct",
    show: (proxy) => proxy === "direct" ? proxy : proxyText(proxy),
  });
  return proxy === "direct" ? undefined : proxy;
}

/**
 * Reads the certificates of `ca_file`. Returns undefined without the setting, and after it reported a
 * problem.
 */
function readCaCerts(
  settings: LayeredSettings,
  { resolver, sources, resolvePath }: EndpointContext,
): string[] | undefined {
  const [caFile] = settings.candidates("ca_file");
  resolver.resolve(settings.keyPath("ca_file"), [caFile], { fallback: "none" });
  if (caFile === undefined) return undefined;
  const { value: path, at } = caFile;
  try {
    const text = sources.readTextFile(resolvePath(path));
    if (text.includes("-----BEGIN CERTIFICATE-----")) return [text];
    resolver.report(at, `names ${JSON.stringify(path)}, which contains no certificate in PEM format`);
  } catch (error) {
    resolver.report(at, `names ${JSON.stringify(path)}, which cannot be read: ${reasonOf(error)}`);
  }
  return undefined;
}
