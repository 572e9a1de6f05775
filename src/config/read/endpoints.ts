/** Reads endpoints with their backends from the file, the environment and the presets of providers. */

import { type BackendContext, type EndpointContext, NO_BASE_URL, readBackends } from "./backends.ts";
import { type Layer, LayeredSettings } from "./layers.ts";
import {
  DEFAULT_MAX_BUFFER_BYTES,
  DEFAULT_RESERVE_OUTPUT_TOKENS,
  DEFAULT_RETRY_STATUSES,
} from "../values/defaults.ts";
import { shownDuration } from "../values/durations.ts";
import type { BackendSettings, EndpointSettings } from "../sources/file_schema.ts";
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
import { matchesAny } from "../../text/glob.ts";
import type { Backend, Endpoint, Price, PricedModel } from "../config.ts";
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
 * Reads an endpoint. `settings` is undefined if only the environment configures it. Problems go to the
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
  const prefix = ENVIRONMENT_ENDPOINTS[name];
  const baseUrl = prefix && resolver.variable(`${prefix}_BASE_URL`, baseUrlSchema);
  const apiKey = prefix && resolver.variable(`${prefix}_API_KEY`, secretSchema);
  if (prefix !== undefined && settings === undefined) {
    for (const end of ["_BASE_URL", "_API_KEY"] as const) {
      if (resolver.has(`${prefix}${end}`)) continue;
      resolver.report(
        `env ${prefix}${end}`,
        missingText(end, PRESETS[presetNameOf(name, undefined)]) + otherProviderHint(name, resolver),
      );
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
  const presetName = resolver.resolve(
    [...path, "provider"],
    [resolver.inFile<PresetName>([...path, "provider"], own.provider)],
    { fallback: presetNameOf(name, firstBase?.origin), fallbackAt: "implied" },
  );
  const preset: Preset = PRESETS[presetName];
  const backendContext: BackendContext = {
    ...context,
    provider: { name: presetName, preset, isNamed: own.provider !== undefined },
    isInFile: settings !== undefined,
  };
  const listed = own.backends;
  const groups = listed === undefined
    ? [readBackends(new LayeredSettings(resolver, path, [layer]), { ...backendContext, pool: 0 })]
    : listed.map((backend, pool) => {
      const backendPath = [...path, "backends", pool];
      const backendLayer: Layer = { settings: backend, at: (key) => [...backendPath, key] };
      const layers = new LayeredSettings(resolver, backendPath, [backendLayer, layer]);
      return readBackends(layers, { ...backendContext, pool });
    });
  const named = nameBackends(groups, { listed, path, resolver });

  const anthropicVersion = resolver.resolve<string | undefined>([...path, "anthropic_version"], [
    name === "anthropic" ? resolver.variable("ANTHROPIC_VERSION", anthropicVersionSchema) : undefined,
    resolver.inFile([...path, "anthropic_version"], own.anthropic_version),
  ], { fallback: undefined });
  const priceProvider = resolver.resolve<string | undefined>([...path, "price_provider"], [
    prefix && resolver.variable(`${prefix}_PRICE_PROVIDER`, priceProviderSchema),
    resolver.inFile([...path, "price_provider"], own.price_provider),
  ], {
    fallback: preset.local === true ? LOCAL_PRICES : undefined,
    fallbackAt: preset.local === true ? `preset ${presetName}` : "default",
  });
  const setting = <Value>(key: keyof EndpointSettings, value: Value | undefined, fallback: Value): Value =>
    resolver.resolve([...path, key], [resolver.inFile([...path, key], value)], { fallback });
  const silence = (key: "keepalive_comments" | "keepalive_before_head"): number | "none" =>
    resolver.resolve<number | "none">([...path, key], [resolver.inFile([...path, key], own[key])], {
      fallback: "none",
      show: shownDuration,
    });
  const keepalive = silence("keepalive_comments");
  const earlyHead = silence("keepalive_before_head");
  const affinity = setting("affinity", own.affinity, named.length > 1 ? "auto" : "off").toLowerCase();
  if (
    own.affinity !== undefined && affinity !== "off" && (own.strategy ?? "failover") === "failover" &&
    named.every(({ pool }) => pool === undefined)
  ) {
    resolver.warn(
      [...path, "affinity"],
      "does nothing with strategy failover, which prefers the first backend",
    );
  }
  if (preset.dialects[0] === "gemini") {
    for (const [key, value] of [["keepalive_comments", keepalive], ["keepalive_before_head", earlyHead]]) {
      if (value === "none") continue;
      resolver.warn(
        [...path, String(key)],
        "does not apply to :streamGenerateContent, because Gemini CLI fails at comments",
      );
    }
  }
  const maxBuffer = setting("max_buffer_bytes", own.max_buffer_bytes, DEFAULT_MAX_BUFFER_BYTES);
  return {
    name,
    ...(own.provider !== undefined && { preset: own.provider }),
    dialect: preset.dialects[0],
    backends: named,
    paths: readPaths(resolver, own.paths, {
      at: [...path, "paths"],
      preset: presetName,
      origins: named.map(({ baseUrl }) => baseUrl.origin),
    }),
    strategy: setting("strategy", own.strategy, "failover"),
    ...(affinity !== "off" && { affinity: affinity === "auto" ? {} : { header: affinity } }),
    retry: {
      retries: setting("retries", own.retries, defaultRetries(groups)),
      statuses: new Set(setting("retry_statuses", own.retry_statuses, [...DEFAULT_RETRY_STATUSES])),
      unsafe: setting("retry_unsafe", own.retry_unsafe, false),
    },
    maxBufferBytes: maxBuffer === "none" ? Infinity : maxBuffer,
    exposeBackend: setting("expose_backend", own.expose_backend, false),
    rewriteUrls: setting("rewrite_urls", own.rewrite_urls, true),
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
    ...(keepalive !== "none" && { keepaliveMs: keepalive }),
    ...(earlyHead !== "none" && { earlyHeadMs: earlyHead }),
    priceProvider,
    prices: readPrices(own.prices ?? {}, { path: [...path, "prices"], resolver }),
    ...(anthropicVersion !== undefined && { anthropicVersion }),
  };
}

/** A provider that fails with three keys fails with all of them. */
const MOST_KEYS_TRIED = 3;

/** One further attempt for each further backend, and for the further keys of a pool. */
function defaultRetries(groups: readonly (readonly Backend[])[]): number {
  return groups.reduce((sum, { length }) => sum + Math.min(length, MOST_KEYS_TRIED), 0) - 1;
}

/** Reads the prices of an endpoint, in the order of the file. */
function readPrices(
  prices: NonNullable<EndpointSettings["prices"]>,
  { path, resolver }: { path: KeyPath; resolver: Resolver },
): PricedModel[] {
  resolver.resolve(path, [Object.keys(prices).length > 0 ? { value: prices, at: path } : undefined], {
    fallback: {},
  });
  return Object.entries(prices).flatMap(([pattern, { input, output, ...others }]) => {
    if (input === undefined) resolver.reportMissing([...path, pattern, "input"], "is missing");
    if (output === undefined) resolver.reportMissing([...path, pattern, "output"], "is missing");
    if (input === undefined || output === undefined) return [];
    return [{
      matches: (model: string) => matchesAny([pattern], model),
      input,
      output,
      ...otherPrices(others),
    }];
  });
}

/** The optional prices, by their keys in the file. */
const OTHER_PRICES = {
  cached: "cached",
  cache_write: "cacheWrite",
  cache_write_1h: "cacheWriteHour",
  input_audio: "inputAudio",
  cached_audio: "cachedAudio",
  output_audio: "outputAudio",
  input_image: "inputImage",
  cached_image: "cachedImage",
  output_image: "outputImage",
  input_video: "inputVideo",
  reasoning: "reasoning",
  citation: "citation",
  audio_hour: "audioHour",
  web_searches: "webSearches",
  file_searches: "fileSearches",
} as const satisfies Readonly<Record<string, keyof Price>>;

function otherPrices(
  given: { readonly [Key in keyof typeof OTHER_PRICES]?: number | undefined },
): Partial<Price> {
  const prices: { -readonly [Kind in keyof Price]?: number } = {};
  let key: keyof typeof OTHER_PRICES;
  for (key in OTHER_PRICES) {
    const price = given[key];
    if (price !== undefined) prices[OTHER_PRICES[key]] = price;
  }
  return prices;
}

/**
 * Names backends without a name after their host, with a number if several have the same host. The keys of a pool get
 * the numbers from 1 on.
 */
function nameBackends(
  groups: readonly (readonly Backend[])[],
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
      resolver.report([...path, "backends", index, "name"], `${JSON.stringify(name)} appears twice`);
    }
    taken.add(name);
  }
  const seen = new Map<string, string>();
  return groups.flatMap((backends, index) =>
    backends.map((backend) => {
      const identity = JSON.stringify([
        backend.baseUrl,
        backend.key,
        backend.model?.otherwise,
        [...backend.model?.byName ?? []],
        backend.connection.key,
        backend.headers,
      ]);
      const base = backend.name || new URL(backend.baseUrl.origin).host;
      let name = backend.pool === undefined ? base : `${base}#1`;
      const mayChange = backend.name === "" || backend.pool !== undefined;
      for (let number = 2; mayChange && taken.has(name); number++) name = `${base}#${number}`;
      taken.add(name);
      const same = seen.get(identity);
      if (same !== undefined && backend.baseUrl !== NO_BASE_URL) {
        resolver.report([...path, "backends", index], `is the same as the backend ${same}`);
      }
      seen.set(identity, name);
      return { ...backend, name };
    })
  );
}
