/** One backend, out of its own settings, those of its endpoint, the environment and what is known of providers. */

import { DEFAULT_POOL, DEFAULT_TIMEOUTS } from "../values/defaults.ts";
import { shownDuration } from "../values/durations.ts";
import type { EnvironmentSources } from "../sources/env.ts";
import type { BackendSettings } from "../sources/file_schema.ts";
import { environmentProxy, proxyText } from "./outbound_proxy.ts";
import type { Preset, PresetName } from "../values/presets.ts";
import { type KeyPath, type Origin, reasonOf } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { Backend, BackendKey, BaseUrl, ConnectionSettings, ModelOverride } from "../config.ts";
import { baseUrlOf } from "../values/address_values.ts";

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
export interface Layer {
  readonly settings: BackendSettings;
  readonly at: (key: keyof BackendSettings) => Origin;
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

/** What a backend depends on besides its settings. */
export interface BackendContext extends EndpointContext {
  readonly preset: Preset;
  readonly presetName: PresetName;
  /** The provider was named, not guessed: what it fills in wins over the server's `target_base`. */
  readonly isNamed: boolean;
}

/** Builds a backend; its name may be empty still. */
export function readBackend(
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
    const value = settle(key, fallback ?? "none", shownDuration);
    return value === "none" ? undefined : value;
  };

  const baseUrl = readBaseUrl(path, layers, { ...context, isReportedMissing });
  const key = readKey(path, candidates("api_key"), context);
  const keyField = resolver.settle([...path, "key_header"], candidates("key_header"), {
    fallback: preset.keyField,
    fallbackAt: `preset ${presetName}`,
  });
  const headers = settle("headers", {}, (all) => shownHeaders(all));
  checkHeaders(headers, { resolver, path, key, keyField });
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

/** What two headers of one name would leave to chance. */
function checkHeaders(
  headers: Readonly<Record<string, string>>,
  { resolver, path, key, keyField }: { resolver: Resolver; path: KeyPath; key: BackendKey; keyField: string },
): void {
  const seen = new Set<string>();
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) resolver.report([...path, "headers", name], "stands twice, in other letters");
    if (key.mode === "inject" && lower === keyField.toLowerCase()) {
      resolver.report([...path, "headers", name], "stands beside api_key, which goes into the same header");
    }
    seen.add(lower);
  }
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
    : [{ value: baseUrlOf(new URL(preset.baseUrl)), at: `preset ${presetName}` }];
  const written = layers.flatMap((layer) => [
    ...candidatesOf([layer], "base_url"),
    ...candidatesOf([layer], "target_base"),
  ]);
  const implied = isNamed ? [...ofPreset, targetBase] : [targetBase, ...ofPreset];
  checkApiPath(written.find((candidate) => candidate !== undefined) ?? targetBase, resolver);
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

/** Paths that clients put behind a base URL themselves. */
const API_PATH =
  /\/(?:(?:chat\/)?completions|messages|responses|embeddings|models|models\/[^/]+:\w+|images\/\w+|audio\/\w+)$/;

/** A whole address out of a provider's examples would be asked for a path below it, which there is not. */
function checkApiPath(candidate: Candidate<BaseUrl> | undefined, resolver: Resolver): void {
  if (candidate === undefined) return;
  const { value: { origin, path }, at } = candidate;
  const [end] = API_PATH.exec(path) ?? [];
  if (end === undefined) return;
  resolver.warn(
    at,
    `ends in ${end}, which clients add themselves: the base is mostly ${origin}${path.slice(0, -end.length)}`,
  );
}

/** Stands in for what has been reported as missing. */
export const NO_BASE_URL: BaseUrl = { origin: "http://missing.invalid", path: "" };

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
