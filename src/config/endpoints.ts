/** Endpoints with their backends, out of the file, the environment and what is known of providers. */

import {
  DEFAULT_MAX_BUFFER_BYTES,
  DEFAULT_POOL,
  DEFAULT_RETRY_STATUSES,
  DEFAULT_TIMEOUTS,
} from "./defaults.ts";
import type { EnvironmentSources, VariableName } from "./env.ts";
import type { BackendSettings, EndpointSettings } from "./file_schema.ts";
import { environmentProxySchema, isExempt, proxyText } from "./outbound_proxy.ts";
import { type Preset, type PresetName, presetNameOf, PRESETS } from "./presets.ts";
import { type KeyPath, type Origin, reasonOf } from "./problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type {
  Backend,
  BackendKey,
  BaseUrl,
  ConnectionSettings,
  Endpoint,
  ModelOverride,
  OutboundProxy,
} from "./schema.ts";
import { anthropicVersionSchema, baseUrlSchema, keySchema, textSchema } from "./values.ts";

/** The endpoints that the environment alone can configure, and how their variables begin. */
export const ENVIRONMENT_ENDPOINTS: Readonly<Record<string, "OPENAI" | "ANTHROPIC">> = {
  openai: "OPENAI",
  anthropic: "ANTHROPIC",
};

const HINTS: Partial<Record<VariableName, string>> = {
  OPENAI_BASE_URL: "is missing: where OpenAI's API is, like https://api.openai.com/v1",
  OPENAI_API_KEY: "is missing: the key the proxy sends to OpenAI",
  ANTHROPIC_BASE_URL: "is missing: where Anthropic's API is, like https://api.anthropic.com",
  ANTHROPIC_API_KEY: "is missing: the key the proxy sends to Anthropic",
};

/** What endpoints depend on besides their own settings. */
export interface EndpointContext {
  readonly resolver: Resolver;
  readonly sources: EnvironmentSources;
  /** Paths in the file are relative to its folder. */
  readonly resolvePath: (path: string) => string;
  /** The base URL of endpoints that have none. */
  readonly targetBase: Candidate<BaseUrl> | undefined;
  /** Clients have to present a token of the proxy's. */
  readonly asksForToken: boolean;
}

/** Settings with their places; the most particular layer comes first. */
interface Layer {
  readonly settings: BackendSettings;
  readonly at: (key: keyof BackendSettings) => Origin;
}

/** Builds an endpoint; undefined settings: it is configured by the environment alone. */
export function readEndpoint(
  name: string,
  settings: EndpointSettings | undefined,
  context: EndpointContext,
): Endpoint {
  const { resolver } = context;
  const path = ["endpoints", name];
  const own = settings ?? {};
  const prefix = ENVIRONMENT_ENDPOINTS[name];
  const baseUrl = prefix && resolver.variable(`${prefix}_BASE_URL`, baseUrlSchema);
  const apiKey = prefix && resolver.variable(`${prefix}_API_KEY`, keySchema);
  if (prefix !== undefined && settings === undefined) {
    for (const variable of [`${prefix}_BASE_URL`, `${prefix}_API_KEY`] as const) {
      if (!resolver.has(variable)) resolver.report(`env ${variable}`, HINTS[variable] ?? "is missing");
    }
  }
  const layer: Layer = {
    settings: {
      ...own,
      ...(baseUrl && { base_url: baseUrl.value }),
      ...(apiKey && { api_key: apiKey.value }),
    },
    at: (key) =>
      (key === "base_url" ? baseUrl?.at : key === "api_key" ? apiKey?.at : undefined) ?? [...path, key],
  };

  const firstBase = layer.settings.base_url ?? layer.settings.target_base ?? context.targetBase?.value;
  const presetName = resolver.settle(
    [...path, "provider"],
    [resolver.inFile<PresetName>([...path, "provider"], own.provider)],
    { fallback: presetNameOf(name, firstBase?.origin), fallbackAt: "implied" },
  );
  const isNamed = own.provider !== undefined;
  const preset: Preset = PRESETS[presetName];
  const backendContext: BackendContext = { ...context, preset, presetName, isNamed };
  const listed = own.backends;
  const backends = listed === undefined
    ? [readBackend({ path, layers: [layer], isReportedMissing: settings === undefined }, backendContext)]
    : listed.map((backend, index) => {
      const backendPath = [...path, "backends", index];
      const backendLayer: Layer = { settings: backend, at: (key) => [...backendPath, key] };
      return readBackend(
        { path: backendPath, layers: [backendLayer, layer], settings: backend },
        backendContext,
      );
    });
  const named = nameBackends(backends, { listed, path, resolver });

  const anthropicVersion = resolver.settle<string | undefined>([...path, "anthropic_version"], [
    name === "anthropic" ? resolver.variable("ANTHROPIC_VERSION", anthropicVersionSchema) : undefined,
    resolver.inFile([...path, "anthropic_version"], own.anthropic_version),
  ], { fallback: undefined });
  const setting = <Value>(key: keyof EndpointSettings, value: Value | undefined, fallback: Value): Value =>
    resolver.settle([...path, key], [resolver.inFile([...path, key], value)], { fallback });
  const maxBuffer = setting("max_buffer_bytes", own.max_buffer_bytes, DEFAULT_MAX_BUFFER_BYTES);
  return {
    name,
    provider: preset.dialect,
    backends: named,
    strategy: setting("strategy", own.strategy, "failover"),
    retry: {
      retries: setting("retries", own.retries, named.length - 1),
      statuses: new Set(setting("retry_statuses", own.retry_statuses, [...DEFAULT_RETRY_STATUSES])),
    },
    maxBufferBytes: maxBuffer === "none" ? Infinity : maxBuffer,
    exposeBackend: setting("expose_backend", own.expose_backend, false),
    ...(anthropicVersion !== undefined && { anthropicVersion }),
  };
}

/** What each layer says about a key. */
function candidatesOf<Key extends keyof BackendSettings>(
  layers: readonly Layer[],
  key: Key,
): (Candidate<NonNullable<BackendSettings[Key]>> | undefined)[] {
  return layers.map(({ settings, at }) => {
    const value = settings[key];
    return value === undefined || value === null ? undefined : { value, at: at(key) };
  });
}

interface BackendContext extends EndpointContext {
  readonly preset: Preset;
  readonly presetName: PresetName;
  /** The provider was named, not guessed: what it fills in wins over the server's `target_base`. */
  readonly isNamed: boolean;
}

function readBackend(
  { path, layers, settings = {}, isReportedMissing = false }: {
    path: KeyPath;
    layers: readonly Layer[];
    settings?: BackendSettings;
    isReportedMissing?: boolean;
  },
  context: BackendContext,
): Backend {
  const { resolver, preset, presetName } = context;
  const candidates = <Key extends keyof BackendSettings>(key: Key) => candidatesOf(layers, key);
  const settle = <Key extends keyof BackendSettings>(
    key: Key,
    fallback: NonNullable<BackendSettings[Key]>,
    show?: (value: NonNullable<BackendSettings[Key]>) => string,
  ) => resolver.settle([...path, key], candidates(key), { fallback, ...(show && { show }) });
  const duration = (key: keyof BackendSettings & `${string}_timeout`, fallback: number | undefined) => {
    const value = settle(key, fallback ?? "none", (ms) => ms === "none" ? ms : `${ms / 1000}s`);
    return value === "none" ? undefined : value;
  };

  const baseUrl = readBaseUrl(path, layers, { ...context, isReportedMissing });
  const key = readKey(path, candidates("api_key"), context);
  const keyField = resolver.settle([...path, "key_header"], candidates("key_header"), {
    fallback: preset.keyField,
    fallbackAt: `preset ${presetName}`,
  });
  const headers = settle("headers", {}, (all) => shownHeaders(all));
  const model = resolver.settle<string | undefined>([...path, "model"], candidates("model"), {
    fallback: undefined,
  });
  const models = settle("models", {});
  return {
    name: settings.name ?? "",
    baseUrl,
    key,
    keyField: keyField.toLowerCase(),
    connection: readConnection(path, layers, { ...context, origin: baseUrl.origin, duration }),
    headers: Object.entries(headers),
    removeHeaders: settle("remove_headers", []).map((header) => header.toLowerCase()),
    model: modelOverride(model, models),
    weight: settle("weight", 1),
    timeouts: {
      connectMs: duration("connect_timeout", DEFAULT_TIMEOUTS.connectMs),
      firstByteMs: duration("first_byte_timeout", DEFAULT_TIMEOUTS.firstByteMs),
      idleMs: duration("idle_timeout", DEFAULT_TIMEOUTS.idleMs),
      totalMs: duration("total_timeout", DEFAULT_TIMEOUTS.totalMs),
    },
  };
}

/** Header values may be credentials: only the names are shown. */
function shownHeaders(headers: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.keys(headers).map((name) => [name, "[redacted]"])));
}

function readBaseUrl(
  path: KeyPath,
  layers: readonly Layer[],
  { resolver, preset, presetName, isNamed, targetBase, isReportedMissing }: BackendContext & {
    isReportedMissing: boolean;
  },
): BaseUrl {
  for (const { settings, at } of layers) {
    const isWritten = settings.base_url !== undefined && typeof at("base_url") !== "string";
    if (isWritten && settings.target_base !== undefined) {
      resolver.report(at("target_base"), "stands beside base_url, which means the same: keep one of the two");
    }
  }
  const ofPreset: Candidate<BaseUrl>[] = preset.baseUrl === undefined
    ? []
    : [{ value: parseBaseUrl(preset.baseUrl), at: `preset ${presetName}` }];
  const written = layers.flatMap((layer) => [
    ...candidatesOf([layer], "base_url"),
    ...candidatesOf([layer], "target_base"),
  ]);
  const implied = isNamed ? [...ofPreset, targetBase] : [targetBase, ...ofPreset];
  const baseUrl = resolver.settle([...path, "base_url"], [...written, ...implied], {
    fallback: NO_BASE_URL,
    show: ({ origin, path }) => origin + path,
  });
  if (baseUrl === NO_BASE_URL && !isReportedMissing) {
    resolver.reportMissing(
      [...path, "base_url"],
      "is missing: where the API is, like https://api.example.com/v1",
    );
  }
  return baseUrl;
}

/** Stands in for what has been reported as missing. */
const NO_BASE_URL: BaseUrl = { origin: "http://missing.invalid", path: "" };

function parseBaseUrl(text: string): BaseUrl {
  const url = new URL(text);
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, "") };
}

function readKey(
  path: KeyPath,
  candidates: readonly (Candidate<string> | undefined)[],
  { resolver, preset, presetName, asksForToken }: BackendContext,
): BackendKey {
  // Where the proxy asks for a token, the client's one credential is that token; a local server mostly needs none.
  const isOpen = preset.local === true && asksForToken;
  const text = resolver.settle([...path, "api_key"], candidates, {
    fallback: isOpen ? "none" : "passthrough",
    fallbackAt: isOpen ? `preset ${presetName}` : "default",
    show: (value) => value === "none" || value === "passthrough" ? value : "[redacted]",
  });
  if (text === "none") return { mode: "none" };
  return text === "passthrough" ? { mode: "passthrough" } : { mode: "inject", value: text };
}

function readConnection(
  path: KeyPath,
  layers: readonly Layer[],
  { resolver, sources, resolvePath, origin, duration }: BackendContext & {
    origin: string;
    duration: (key: "pool_idle_timeout", fallback: number) => number | undefined;
  },
): ConnectionSettings {
  const candidates = <Key extends keyof BackendSettings>(key: Key) => candidatesOf(layers, key);
  const chosen = resolver.settle([...path, "proxy_url"], [
    ...candidates("proxy_url"),
    environmentProxy(origin, resolver),
  ], { fallback: "direct", show: (proxy) => proxy === "direct" ? proxy : proxyText(proxy) });
  const proxy = chosen === "direct" ? undefined : chosen;
  const caFile = candidates("ca_file").find((candidate) => candidate !== undefined);
  resolver.settle([...path, "ca_file"], [caFile], { fallback: "none" });
  const caCerts = caFile && readCertificates(caFile, { resolver, sources, resolvePath });
  const maxIdle = resolver.settle([...path, "pool_max_idle"], candidates("pool_max_idle"), {
    fallback: DEFAULT_POOL.maxIdle,
  });
  const idleMs = duration("pool_idle_timeout", DEFAULT_POOL.idleMs) ?? Infinity;
  const isPlain = proxy === undefined && caCerts === undefined && maxIdle === DEFAULT_POOL.maxIdle &&
    idleMs === DEFAULT_POOL.idleMs;
  return {
    key: isPlain ? "" : JSON.stringify([proxy, caCerts, maxIdle, idleMs]),
    ...(proxy && { proxy }),
    ...(caCerts && { caCerts }),
    pool: { maxIdle, idleMs },
  };
}

function environmentProxy(
  origin: string,
  resolver: Resolver,
): Candidate<OutboundProxy | "direct"> | undefined {
  const variable = origin.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY";
  if (!resolver.has(variable)) return undefined;
  const noProxy = resolver.variable("NO_PROXY", textSchema)?.value ?? "";
  return isExempt(origin, noProxy) ? undefined : resolver.variable(variable, environmentProxySchema);
}

function readCertificates(
  { value, at }: Candidate<string>,
  { resolver, sources, resolvePath }: Pick<EndpointContext, "resolver" | "sources" | "resolvePath">,
): string[] | undefined {
  try {
    const text = sources.readTextFile(resolvePath(value));
    if (text.includes("-----BEGIN CERTIFICATE-----")) return [text];
    resolver.report(at, `names ${JSON.stringify(value)}, which holds no certificate in PEM form`);
  } catch (error) {
    resolver.report(at, `names ${JSON.stringify(value)}, which cannot be read: ${reasonOf(error)}`);
  }
  return undefined;
}

function modelOverride(
  otherwise: string | undefined,
  models: Readonly<Record<string, string>>,
): ModelOverride | undefined {
  const byName = new Map(Object.entries(models));
  return otherwise === undefined && byName.size === 0 ? undefined : { byName, otherwise };
}

/** Gives those without a name the one of their host, numbered where there are several. */
function nameBackends(
  backends: readonly Backend[],
  { listed, path, resolver }: {
    listed: readonly BackendSettings[] | undefined;
    path: KeyPath;
    resolver: Resolver;
  },
): Backend[] {
  const taken = new Set<string>();
  for (const [index, { name }] of (listed ?? []).entries()) {
    if (name === undefined) continue;
    if (taken.has(name)) {
      resolver.report([...path, "backends", index, "name"], `${JSON.stringify(name)} stands twice`);
    }
    taken.add(name);
  }
  const seen = new Map<string, string>();
  return backends.map((backend, index) => {
    const identity = JSON.stringify([
      backend.baseUrl,
      backend.key,
      backend.model?.otherwise,
      [...backend.model?.byName ?? []],
      backend.connection.key,
      backend.headers,
    ]);
    const host = new URL(backend.baseUrl.origin).host;
    let name = backend.name || host;
    for (let number = 2; backend.name === "" && taken.has(name); number++) name = `${host}#${number}`;
    taken.add(name);
    const same = seen.get(identity);
    if (same !== undefined && backend.baseUrl !== NO_BASE_URL) {
      resolver.report([...path, "backends", index], `is the same as the backend ${same}`);
    }
    seen.set(identity, name);
    return { ...backend, name };
  });
}
