/** `llm-proxy check --route`, and the routes of `llm-proxy check`. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Config, Endpoint } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/read/resolver.ts";
import { processSources } from "../config/sources/env.ts";
import { probeBackends, type ProbeResult } from "../forwarding/probe.ts";
import type { Choice, KnownLists } from "../routing/choice.ts";
import { chooseEndpoint, isReachable } from "../routing/choose_endpoint.ts";
import { match } from "../routing/match.ts";
import { modelNotFoundMessage, servedElsewhereMessage } from "../routing/unserved_model.ts";
import { prefixedNamesText } from "../catalogue/prefixed_names.ts";
import { servesModel } from "../catalogue/serves_model.ts";
import { buildRoutingTable, type RoutingTable } from "../routing/table.ts";
import { counted } from "../text/counted.ts";
import { CommandError } from "./command_error.ts";
import { writeResult } from "./output.ts";
import { withProgress } from "./progress.ts";
import { tableText } from "./table.ts";

/** The path that `--route` uses without `--path`. */
const USUAL_PATH = "/v1/chat/completions";
/** The most models with several endpoints that a warning names. */
const MOST_NAMED = 5;

/** The paths of each API, for people. */
const PATHS: Readonly<Record<UnnamedApi, string>> = {
  openai: "/v1/…, /chat/completions",
  anthropic: "/v1/messages…",
  gemini: "/v1beta/…",
  ollama: "/api/…",
};

/** The endpoints for requests of an API whose path does not name an endpoint. */
export interface UnnamedRoute {
  readonly paths: string;
  /** The endpoints that the model can choose. A single endpoint gets all requests. */
  readonly endpoints: readonly string[];
  /** The endpoint for other models. `null` if requests for them get a 404. */
  readonly otherwise: string | null;
}

/** Returns the routes without the name of an endpoint. Empty if the model chooses nothing. */
export function unnamedRoutes({ endpoints, defaultEndpoint, routing }: Config): UnnamedRoute[] {
  const { byModel } = buildRoutingTable(endpoints, defaultEndpoint, routing);
  if (byModel === undefined) return [];
  let api: UnnamedApi;
  const routes: UnnamedRoute[] = [];
  for (api in PATHS) {
    const speakers = byModel.speakers[api].filter((endpoint) => mayReach(endpoint, byModel.fallbacks[api]));
    if (speakers.length === 0 && byModel.fallbacks[api] === undefined) continue;
    routes.push({
      paths: PATHS[api],
      endpoints: speakers.map(({ name }) => name),
      otherwise: byModel.fallbacks[api]?.name ?? null,
    });
  }
  return routes;
}

/** Returns the routes as a table for people. */
export function routesText(routes: readonly UnnamedRoute[]): string {
  if (routes.length === 0) return "";
  return `\n${
    tableText(
      ["paths without an endpoint", "the model chooses", "other models"],
      routes.map(({ paths, endpoints, otherwise }) => [paths, endpoints.join(", "), otherwise ?? "404"]),
    )
  }`;
}

/**
 * Returns warnings about models for which several endpoints compete, if the model chooses between them.
 * Several endpoints list such a model, or its name begins with the name of another endpoint.
 */
export function ambiguityWarnings(config: Config, results: readonly ProbeResult[]): string[] {
  const { endpoints, defaultEndpoint, routing } = config;
  const { byModel } = buildRoutingTable(endpoints, defaultEndpoint, routing);
  if (byModel === undefined) return [];
  const names = new Set(byModel.speakers.openai.map(({ name }) => name));
  const endpointsOf = new Map<string, Set<string>>();
  for (const { endpoint, modelNames } of results) {
    if (!names.has(endpoint)) continue;
    for (const model of modelNames) {
      const known = endpointsOf.get(model) ?? new Set();
      endpointsOf.set(model, known.add(endpoint));
    }
  }
  const all = new Set(endpoints.map(({ name }) => name));
  const prefixed = results.flatMap(({ endpoint, modelNames }) => {
    const text = names.has(endpoint) ? prefixedNamesText(endpoint, modelNames, all) : undefined;
    return text === undefined ? [] : [`${endpoint}: ${text}`];
  });
  const several = [...endpointsOf].filter(([, { size }]) => size > 1);
  if (several.length === 0) return prefixed;
  const shown = several.slice(0, MOST_NAMED).map(([model, list]) => `${model} (${[...list].join(", ")})`);
  return [
    ...prefixed,
    `several endpoints list ${
      counted(several.length, "model")
    }, and the first of the file gets the requests: ` +
    `${shown.join(", ")}${several.length > MOST_NAMED ? ", …" : ""}`,
  ];
}

/**
 * Prints which endpoint gets a request for a model, and why. With `online`, it reads the lists of the
 * endpoints first. Throws a {@link CommandError} if no endpoint gets the request.
 */
export async function checkRoute(
  { model, path = USUAL_PATH, online }: { model: string; path: string | undefined; online: boolean },
  flags: Flags,
): Promise<void> {
  const { config } = await loadConfig(processSources, flags);
  const table = buildRoutingTable(config.endpoints, config.defaultEndpoint, config.routing);
  const results = online ? await withProgress("Reading the lists", () => probeBackends(config)) : [];
  const route = routeOf(table, { model, path }, listsOf(results, config.endpoints));
  if (route === undefined) throw new CommandError(modelNotFoundMessage(model));
  const { endpoint, sends, why } = route;
  const asText = sends === null || sends === model ? "" : ` as ${JSON.stringify(sends)}`;
  writeResult(
    { model, path, endpoint, sends, why },
    () =>
      `${JSON.stringify(model)} at ${path} goes to ${endpoint}${asText}: ${why}.\n` +
      (online || !route.byModel
        ? ""
        : "This command has not read the lists of the endpoints, which the running proxy knows; --online reads them.\n"),
  );
}

/**
 * The endpoint that gets a request. `sends` is the model that the proxy sends. `null` if the proxy does not
 * read the model of the request, and so cannot change it.
 */
interface FoundRoute {
  readonly endpoint: string;
  readonly sends: string | null;
  readonly why: string;
  readonly byModel: boolean;
}

function routeOf(
  table: RoutingTable,
  { model, path }: { model: string; path: string },
  lists: KnownLists,
): FoundRoute | undefined {
  const target = match(table, path);
  if (target === undefined) throw new CommandError(`No endpoint has the path ${path}.`);
  const { endpoint, byModel: api } = target;
  const { byModel } = table;
  if (api === undefined || byModel === undefined) {
    if (endpoint === undefined) return undefined;
    const isNamed = path.startsWith(`/${endpoint.name}`);
    const sends = isNamed ? byModel?.ownAliases.get(endpoint.name)?.get(model) ?? null : null;
    const alias = sends === null ? "" : "it is an alias, and ";
    const why = isNamed ? `${alias}the path names the endpoint` : "it is the default endpoint of this path";
    return { endpoint: endpoint.name, sends, why, byModel: false };
  }
  const mayUse = (one: Endpoint) => mayReach(one, byModel.fallbacks[api]);
  const unrouted = { api, model, mayUse };
  const choice = chooseEndpoint({ ...table, byModel }, unrouted, lists);
  const elsewhere = servedElsewhereMessage({ ...table, byModel }, unrouted, { choice, lists });
  if (elsewhere !== undefined) throw new CommandError(elsewhere);
  return choice && {
    endpoint: choice.endpoint.name,
    sends: choice.model ?? null,
    why: whyText(choice, byModel.aliases.has(model)),
    byModel: true,
  };
}

/**
 * Whether a client may reach an endpoint by a model. The client has a token of the proxy, and no rule for
 * endpoints.
 */
function mayReach(endpoint: Endpoint, fallback: Endpoint | undefined): boolean {
  return isReachable(endpoint, { fallback, isAnonymous: false });
}

function whyText({ reason, rule, others = [] }: Choice, isAlias: boolean): string {
  const alias = isAlias ? "it is an alias, and " : "";
  const also = others.length === 0 ? "" : ` before ${others.join(", ")}, by the order of the file`;
  switch (reason) {
    case "route":
      return `${alias}the route ${JSON.stringify(rule)} matches`;
    case "prefix":
      return `${alias}the name begins with the name of the endpoint`;
    case "list":
      return `${alias}the endpoint lists the model${also}`;
    case "maker":
      return `${alias}the provider of the endpoint makes the model`;
    case "default":
      return `${alias}it is the default endpoint, and no other one is known to serve the model`;
    case "only":
      return `${alias}no other endpoint has this API`;
    default:
      return reason satisfies never;
  }
}

/** Returns the lists that were read, in the form that the running program uses. */
function listsOf(results: readonly ProbeResult[], endpoints: readonly Endpoint[]): KnownLists {
  const names = Map.groupBy(results, ({ endpoint }) => endpoint);
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  return {
    isKnown: (endpoint) => names.get(endpoint)?.some(({ modelNames }) => modelNames.length > 0) === true,
    has(endpoint, model) {
      const listed = names.get(endpoint)?.map(({ modelNames }) => new Set(modelNames)) ?? [];
      return servesModel({ listed, backends: byName.get(endpoint)?.backends ?? [] }, model);
    },
  };
}
