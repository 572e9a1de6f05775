import { type Dialect, DIALECT_NAMES, DIALECTS } from "../apis/dialects.ts";
import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint, RoutingConfig } from "../config/config.ts";
import { dialectsOf, presetOf } from "../config/values/presets.ts";

/** The endpoints by name, and the endpoints for paths without a name. */
export interface RoutingTable {
  /** All endpoints by their names. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** The endpoint for `/v1/…` and `/chat/completions`, if there is one. */
  readonly defaultEndpoint: Endpoint | undefined;
  /** The endpoints for folders that only one dialect has, such as `/v1/messages`. */
  readonly dialectFolders: readonly { readonly folder: string; readonly endpoint: Endpoint | undefined }[];
  /** The endpoints that have Ollama's own API, by their names. */
  readonly ollamaEndpoints: ReadonlySet<string>;
  /** How the model of a request chooses the endpoint. `undefined` if it does not. */
  readonly byModel: ModelRouting | undefined;
}

/** How the model of a request without the name of an endpoint chooses the endpoint. */
export interface ModelRouting extends Pick<RoutingConfig, "routes" | "aliases"> {
  /** The endpoints with each API, in the order of the configuration file. */
  readonly speakers: Readonly<Record<UnnamedApi, readonly Endpoint[]>>;
  /**
   * The models of the aliases that name an endpoint, by endpoint and alias. These aliases also apply at the
   * path of the endpoint.
   */
  readonly ownAliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The endpoint for requests whose model no other endpoint serves. */
  readonly fallbacks: Readonly<Record<UnnamedApi, Endpoint | undefined>>;
}

/**
 * Makes the routing table. The default endpoint is `defaultName`. Without `defaultName` it is `openai`; if no
 * endpoint has that name, it is the only endpoint.
 */
export function buildRoutingTable(
  endpoints: readonly Endpoint[],
  defaultName?: string,
  routing?: RoutingConfig,
): RoutingTable {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const defaultEndpoint = byName.get(defaultName ?? "openai") ??
    (endpoints.length === 1 ? endpoints[0] : undefined);
  const firstOf = (dialect: Dialect) => endpoints.find((endpoint) => endpoint.dialect === dialect);
  return {
    endpoints: byName,
    defaultEndpoint,
    dialectFolders: DIALECT_NAMES.flatMap((name) => {
      const folder = DIALECTS[name].unnamedFolder;
      return folder === undefined ? [] : [{ folder, endpoint: firstOf(name) ?? defaultEndpoint }];
    }),
    ollamaEndpoints: new Set(
      endpoints.filter((endpoint) => presetOf(endpoint).hasOllamaApi === true).map(({ name }) => name),
    ),
    byModel: routing?.byModel === true ? modelRouting(endpoints, { defaultEndpoint, routing }) : undefined,
  };
}

function modelRouting(
  endpoints: readonly Endpoint[],
  { defaultEndpoint, routing }: { defaultEndpoint: Endpoint | undefined; routing: RoutingConfig },
): ModelRouting {
  const withDialect = (...dialects: readonly Dialect[]) =>
    endpoints.filter((endpoint) => dialectsOf(endpoint).some((dialect) => dialects.includes(dialect)));
  const speakers = {
    // A server of an unknown kind may have both APIs.
    openai: withDialect("openai", "generic"),
    anthropic: withDialect("anthropic", "generic"),
    gemini: withDialect("gemini"),
    ollama: endpoints.filter((endpoint) => presetOf(endpoint).hasOllamaApi === true),
  };
  const ofDialect = (dialect: Dialect, api: UnnamedApi) =>
    endpoints.find((endpoint) => endpoint.dialect === dialect) ??
      (defaultEndpoint !== undefined && speakers[api].includes(defaultEndpoint)
        ? defaultEndpoint
        : undefined);
  return {
    routes: routing.routes,
    aliases: routing.aliases,
    ownAliases: aliasesByEndpoint(routing.aliases, endpoints),
    speakers,
    fallbacks: {
      openai: defaultEndpoint,
      anthropic: ofDialect("anthropic", "anthropic") ?? speakers.anthropic[0] ?? defaultEndpoint,
      gemini: speakers.gemini[0],
      ollama: defaultEndpoint !== undefined && speakers.ollama.includes(defaultEndpoint)
        ? defaultEndpoint
        : speakers.ollama[0],
    },
  };
}

function aliasesByEndpoint(
  aliases: RoutingConfig["aliases"],
  endpoints: readonly Endpoint[],
): ModelRouting["ownAliases"] {
  return new Map(endpoints.flatMap(({ name }) => {
    const prefix = `${name}/`;
    const own = [...aliases].filter(([, to]) => to.startsWith(prefix));
    return own.length === 0
      ? []
      : [[name, new Map(own.map(([alias, to]) => [alias, to.slice(prefix.length)]))]];
  }));
}
