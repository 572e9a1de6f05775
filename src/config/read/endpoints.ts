/** Reads endpoints with their backends from the file, the environment and the presets of providers. */

import {
  type BackendContext,
  type EndpointContext,
  type EndpointProvider,
  readBackends,
} from "./backends.ts";
import { type Layer, LayeredSettings } from "./layers.ts";
import {
  DEFAULT_MAX_BUFFER_BYTES,
  DEFAULT_RESERVE_OUTPUT_TOKENS,
  DEFAULT_RETRY_STATUSES,
} from "../values/defaults.ts";
import { shownDuration } from "../values/durations.ts";
import type { EndpointSettings } from "../sources/file_schema.ts";
import {
  ENVIRONMENT_ENDPOINTS,
  type Preset,
  type PresetName,
  presetNameOf,
  PRESETS,
} from "../values/presets.ts";
import { LOCAL_PRICES, priceProviderSchema } from "../values/price_providers.ts";
import type { KeyPath } from "../problem.ts";
import { readPaths } from "./endpoint_paths.ts";
import type { Resolver } from "./resolver.ts";
import type { Backend, Endpoint, RetryPolicy } from "../config.ts";
import { nameBackends } from "./backend_names.ts";
import { readPrices } from "./prices.ts";
import { baseUrlSchema } from "../values/address_values.ts";
import { anthropicVersionSchema, secretSchema } from "../values/values.ts";

/** Why an endpoint that only variables configure is incomplete, by the end of the missing variable. */
function missingText(end: "_BASE_URL" | "_API_KEY", { baseUrl, environment }: Preset): string {
  return end === "_BASE_URL"
    ? `is missing: the address of ${environment?.title}'s API, like ${baseUrl}`
    : `is missing: the key that the proxy sends to ${environment?.title}`;
}

/** A hint for a user who has set only the variables of the other provider. */
function otherProviderHint(missing: string, resolver: Resolver): string {
  if (resolver.has("ENDPOINTS")) return "";
  const complete = Object.entries(ENVIRONMENT_ENDPOINTS).find(([name, prefix]) =>
    name !== missing && resolver.has(`${prefix}_BASE_URL`) && resolver.has(`${prefix}_API_KEY`)
  );
  return complete === undefined ? "" : `; or set ENDPOINTS=${complete[0]} to serve only that one`;
}

/**
 * Reads an endpoint. `settings` is `undefined` if only the environment configures it. Problems go to the
 * resolver.
 */
export function readEndpoint(
  name: string,
  settings: EndpointSettings | undefined,
  context: EndpointContext,
): Endpoint {
  const { resolver } = context;
  const path = ["endpoints", name];
  const own = settings ?? {};
  const endpoint: EndpointPlace = { name, path, own, resolver };
  const layer = readLayer(endpoint, { isInFile: settings !== undefined });
  const provider = readProvider(endpoint, layer, context);
  const { preset } = provider;
  const groups = readGroups(endpoint, layer, { ...context, provider, isInFile: settings !== undefined });
  const named = nameBackends(groups, { listed: own.backends, path, resolver });
  const anthropicVersion = readAnthropicVersion(endpoint);
  const prices = readPriceProvider(endpoint, provider);
  const setting = settingReader(endpoint);
  const keepalive = readSilence(endpoint, "keepalive_comments");
  const earlyHead = readSilence(endpoint, "keepalive_before_head");
  const affinity = setting("affinity", own.affinity, named.length > 1 ? "auto" : "off").toLowerCase();
  if (affinity !== "off") warnOfUselessAffinity(endpoint, named);
  if (keepalive !== "none") warnOfComments(endpoint, "keepalive_comments", preset);
  if (earlyHead !== "none") warnOfComments(endpoint, "keepalive_before_head", preset);
  const maxBuffer = setting("max_buffer_bytes", own.max_buffer_bytes, DEFAULT_MAX_BUFFER_BYTES);
  return {
    name,
    ...(own.provider !== undefined && { preset: own.provider }),
    dialect: preset.dialects[0],
    backends: named,
    paths: readPaths(resolver, own.paths, {
      at: [...path, "paths"],
      preset: provider.name,
      origins: named.map(({ baseUrl }) => baseUrl.origin),
    }),
    strategy: setting("strategy", own.strategy, "failover"),
    ...(affinity !== "off" && { affinity: affinity === "auto" ? {} : { header: affinity } }),
    retry: readRetry(endpoint, groups),
    maxBufferBytes: maxBuffer === "none" ? Infinity : maxBuffer,
    exposeBackend: setting("expose_backend", own.expose_backend, false),
    rewriteUrls: setting("rewrite_urls", own.rewrite_urls, true),
    ...readAccounting(endpoint),
    ...(keepalive !== "none" && { keepaliveMs: keepalive }),
    ...(earlyHead !== "none" && { earlyHeadMs: earlyHead }),
    ...prices,
    prices: readPrices(own.prices ?? {}, { path: [...path, "prices"], resolver }),
    ...(anthropicVersion !== undefined && { anthropicVersion }),
  };
}

/** An endpoint in the file. */
interface EndpointPlace {
  readonly name: string;
  readonly path: KeyPath;
  /** The settings of the file; empty if only the environment configures the endpoint. */
  readonly own: EndpointSettings;
  readonly resolver: Resolver;
}

/** Reads a setting that only the file can have. */
type SettingReader = <Value>(
  key: keyof EndpointSettings,
  value: Value | undefined,
  fallback: Value,
) => Value;

function settingReader({ path, resolver }: EndpointPlace): SettingReader {
  return (key, value, fallback) =>
    resolver.resolve([...path, key], [resolver.inFile([...path, key], value)], { fallback });
}

/**
 * The settings that all backends of the endpoint share: those of the file, under those of the environment.
 */
function readLayer(endpoint: EndpointPlace, { isInFile }: { isInFile: boolean }): Layer {
  const { name, path, own, resolver } = endpoint;
  const prefix = ENVIRONMENT_ENDPOINTS[name];
  const baseUrl = prefix && resolver.variable(`${prefix}_BASE_URL`, baseUrlSchema);
  const apiKey = prefix && resolver.variable(`${prefix}_API_KEY`, secretSchema);
  if (prefix !== undefined && !isInFile) reportMissingVariables(endpoint, prefix);
  return {
    settings: {
      ...own,
      ...(baseUrl && { base_url: baseUrl.value }),
      ...(apiKey && { api_key: apiKey.value }),
    },
    at: (key) =>
      (key === "base_url" ? baseUrl?.at : key === "api_key" ? apiKey?.at : undefined) ?? [...path, key],
  };
}

/** The provider that the file names, or else the provider of its name or of its base URL. */
function readProvider(
  { name, path, own, resolver }: EndpointPlace,
  { settings }: Layer,
  { targetBase }: EndpointContext,
): EndpointProvider {
  const firstBase = settings.base_url ?? settings.target_base ?? targetBase?.value;
  const presetName = resolver.resolve(
    [...path, "provider"],
    [resolver.inFile<PresetName>([...path, "provider"], own.provider)],
    { fallback: presetNameOf(name, firstBase?.origin), fallbackAt: "implied" },
  );
  return { name: presetName, preset: PRESETS[presetName], isNamed: own.provider !== undefined };
}

/**
 * Reads the backends of the file, each with its pool of keys; without `backends`, the endpoint is the only
 * one.
 */
function readGroups(
  { path, own, resolver }: EndpointPlace,
  layer: Layer,
  context: BackendContext,
): Backend[][] {
  if (own.backends === undefined) {
    return [readBackends(new LayeredSettings(resolver, path, [layer]), { ...context, pool: 0 })];
  }
  return own.backends.map((settings, pool) => {
    const backendPath = [...path, "backends", pool];
    const ownLayer: Layer = { settings, at: (key) => [...backendPath, key] };
    return readBackends(new LayeredSettings(resolver, backendPath, [ownLayer, layer]), { ...context, pool });
  });
}

function readAnthropicVersion({ name, path, own, resolver }: EndpointPlace): string | undefined {
  return resolver.resolve<string | undefined>([...path, "anthropic_version"], [
    name === "anthropic" ? resolver.variable("ANTHROPIC_VERSION", anthropicVersionSchema) : undefined,
    resolver.inFile([...path, "anthropic_version"], own.anthropic_version),
  ], { fallback: undefined });
}

function readPriceProvider(
  { name, path, own, resolver }: EndpointPlace,
  provider: EndpointProvider,
): Pick<Endpoint, "priceProvider" | "isPriceProviderGuessed"> {
  const prefix = ENVIRONMENT_ENDPOINTS[name];
  const isLocal = provider.preset.local === true;
  const set = [
    prefix && resolver.variable(`${prefix}_PRICE_PROVIDER`, priceProviderSchema),
    resolver.inFile([...path, "price_provider"], own.price_provider),
  ];
  const priceProvider = resolver.resolve<string | undefined>([...path, "price_provider"], set, {
    fallback: isLocal ? LOCAL_PRICES : undefined,
    fallbackAt: isLocal ? `preset ${provider.name}` : "default",
  });
  const isGuessed = isLocal && set.every((candidate) => candidate === undefined);
  return { priceProvider, ...(isGuessed && { isPriceProviderGuessed: true }) };
}

/** A setting for comments in event streams, with the silence before them. */
type SilenceKey = "keepalive_comments" | "keepalive_before_head";

/** Reads after how long a silence a comment is sent, in milliseconds. */
function readSilence({ path, own, resolver }: EndpointPlace, key: SilenceKey): number | "none" {
  return resolver.resolve<number | "none">([...path, key], [resolver.inFile([...path, key], own[key])], {
    fallback: "none",
    show: shownDuration,
  });
}

function warnOfComments({ path, resolver }: EndpointPlace, key: SilenceKey, preset: Preset): void {
  if (preset.dialects[0] !== "gemini") return;
  resolver.warn(
    [...path, key],
    "does not apply to :streamGenerateContent, because Gemini CLI fails at comments",
  );
}

function warnOfUselessAffinity({ path, own, resolver }: EndpointPlace, backends: readonly Backend[]): void {
  if (own.affinity === undefined || (own.strategy ?? "failover") !== "failover") return;
  if (backends.some(({ pool }) => pool !== undefined)) return;
  resolver.warn(
    [...path, "affinity"],
    "does nothing with strategy failover, which prefers the first backend",
  );
}

function readRetry(endpoint: EndpointPlace, groups: readonly (readonly Backend[])[]): RetryPolicy {
  const { own } = endpoint;
  const setting = settingReader(endpoint);
  return {
    retries: setting("retries", own.retries, defaultRetries(groups)),
    statuses: new Set(setting("retry_statuses", own.retry_statuses, [...DEFAULT_RETRY_STATUSES])),
    unsafe: setting("retry_unsafe", own.retry_unsafe, false),
  };
}

/** Reads how usage is reported, counted and reserved, and which objects and models tokens see. */
function readAccounting(endpoint: EndpointPlace) {
  const { own } = endpoint;
  const setting = settingReader(endpoint);
  return {
    streamUsage: setting("stream_usage", own.stream_usage, false),
    ...(setting("filter_models", own.filter_models, false) && { filterModels: true }),
    objects: setting("objects", own.objects, "own"),
    unknownObjects: setting("unknown_objects", own.unknown_objects, "allow"),
    reserveOutputTokens: setting(
      "reserve_output_tokens",
      own.reserve_output_tokens,
      DEFAULT_RESERVE_OUTPUT_TOKENS,
    ),
    reserve: setting("reserve", own.reserve, "expected"),
    countCacheReads: setting("count_cache_reads", own.count_cache_reads, false),
  };
}

/** A provider that fails with three keys fails with all of them. */
const MOST_KEYS_TRIED = 3;

/** One further attempt for each further backend, and for the further keys of a pool. */
function defaultRetries(groups: readonly (readonly Backend[])[]): number {
  return groups.reduce((sum, { length }) => sum + Math.min(length, MOST_KEYS_TRIED), 0) - 1;
}

/** Reports the variables that an endpoint needs if only the environment configures it. */
function reportMissingVariables(
  { name, resolver }: EndpointPlace,
  prefix: NonNullable<Preset["environment"]>["prefix"],
): void {
  for (const end of ["_BASE_URL", "_API_KEY"] as const) {
    if (resolver.has(`${prefix}${end}`)) continue;
    resolver.report(
      `env ${prefix}${end}`,
      missingText(end, PRESETS[presetNameOf(name, undefined)]) + otherProviderHint(name, resolver),
    );
  }
}
