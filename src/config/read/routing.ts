/**
 * Reads how requests without the name of an endpoint find theirs: `[[routes]]`, `[aliases]` and two keys of
 * `[server]`.
 */

import { DEFAULT_LOCAL_MODELS_REFRESH_MS, DEFAULT_MODELS_REFRESH_MS } from "../values/defaults.ts";
import { shownDuration } from "../values/durations.ts";
import { closestName, unknownEndpointText } from "../values/suggest.ts";
import type { Endpoint, ModelRoute, RoutingConfig } from "../config.ts";
import type { FileConfig } from "../sources/file_schema.ts";
import type { Resolver } from "./resolver.ts";

/**
 * Reads the routing by model. It is on by default with several endpoints, and with routes or aliases. Returns
 * undefined if it is off. Problems go to the resolver.
 */
export function readRouting(
  resolver: Resolver,
  { server, routes, aliases = {} }: FileConfig,
  endpoints: readonly Endpoint[],
): RoutingConfig | undefined {
  const names = endpoints.map(({ name }) => name);
  const read = readRoutes(resolver, routes ?? [], endpoints);
  const hasNames = read.length > 0 || Object.keys(aliases).length > 0;
  const byModel = resolver.resolve(["server", "route_by_model"], [
    resolver.inFile(["server", "route_by_model"], server?.route_by_model),
  ], { fallback: endpoints.length > 1 || hasNames });
  const refresh = resolver.resolve<number | "none">(["server", "models_refresh"], [
    resolver.inFile(["server", "models_refresh"], server?.models_refresh),
  ], { fallback: DEFAULT_MODELS_REFRESH_MS, show: shownDuration });
  checkAliases(resolver, aliases, names);
  if (!byModel) {
    if (read.length > 0) resolver.warn(["routes"], "do nothing: route_by_model is false");
    if (Object.keys(aliases).length > 0) resolver.warn(["aliases"], "do nothing: route_by_model is false");
    return undefined;
  }
  warnOfPassthrough(resolver, { routes: read, aliases }, endpoints);
  return {
    byModel,
    routes: read,
    aliases: new Map(Object.entries(aliases)),
    refreshMs: refresh === "none" ? undefined : refresh,
    localRefreshMs: refresh === "none" ? undefined : Math.min(refresh, DEFAULT_LOCAL_MODELS_REFRESH_MS),
  };
}

function readRoutes(
  resolver: Resolver,
  routes: NonNullable<FileConfig["routes"]>,
  endpoints: readonly Endpoint[],
): ModelRoute[] {
  const names = endpoints.map(({ name }) => name);
  const dialectOf = (wanted: string) => endpoints.find(({ name }) => name === wanted)?.dialect;
  const read: ModelRoute[] = [];
  for (const [index, { model, endpoint, to }] of routes.entries()) {
    const at = ["routes", index];
    if (model === undefined) resolver.reportMissing([...at, "model"], "is missing");
    if (endpoint === undefined) resolver.reportMissing([...at, "endpoint"], "is missing");
    if (model === undefined || endpoint === undefined) continue;
    if (!names.includes(endpoint)) {
      resolver.report([...at, "endpoint"], unknownEndpointText(endpoint, names));
      continue;
    }
    if (to !== undefined && wildcards(to) > wildcards(model)) {
      resolver.report([...at, "to"], `has more * than the model ${JSON.stringify(model)}`);
    }
    // A route applies only at the paths of its endpoint's API, so the same model may have one for each API.
    const earlier = read.find((route) =>
      (route.model === "*" || route.model === model) && dialectOf(route.endpoint) === dialectOf(endpoint)
    );
    if (earlier !== undefined) {
      resolver.warn(at, `does nothing: the route ${JSON.stringify(earlier.model)} before it matches first`);
    }
    read.push({ model, endpoint, ...(to !== undefined && { to }) });
  }
  resolver.resolve(["routes"], [read.length > 0 ? { value: read, at: ["routes"] } : undefined], {
    fallback: [],
    show: (list) =>
      list.map(({ model, endpoint, to }) => `${model} → ${endpoint}${to === undefined ? "" : `/${to}`}`)
        .join(", ") || "none",
  });
  return read;
}

function wildcards(text: string): number {
  return text.split("*").length - 1;
}

function checkAliases(
  resolver: Resolver,
  aliases: NonNullable<FileConfig["aliases"]>,
  names: readonly string[],
): void {
  const list = Object.entries(aliases);
  resolver.resolve(["aliases"], [list.length > 0 ? { value: aliases, at: ["aliases"] } : undefined], {
    fallback: {},
    show: (table) => Object.entries(table).map(([name, to]) => `${name} → ${to}`).join(", ") || "none",
  });
  for (const [name, to] of list) {
    const at = ["aliases", name];
    if (name.trim() === "") resolver.report(at, "is empty");
    if (name === to) resolver.report(at, "is its own alias");
    else if (Object.hasOwn(aliases, to)) {
      resolver.warn(at, `names the alias ${JSON.stringify(to)}, which is sent as it is: name the model`);
    }
    if (names.some((endpoint) => to === `${endpoint}/`)) resolver.report(at, "names no model after the /");
    const [prefix = "", rest] = to.split("/");
    const near = rest === undefined || names.includes(prefix) ? undefined : closestName(prefix, names);
    if (near !== undefined) {
      resolver.warn(at, `names no endpoint ${JSON.stringify(prefix)}; did you mean ${near}?`);
    }
  }
}

/** The client's own key is for one provider, so that the model cannot choose such an endpoint. */
function warnOfPassthrough(
  resolver: Resolver,
  { routes, aliases }: { routes: readonly ModelRoute[]; aliases: NonNullable<FileConfig["aliases"]> },
  endpoints: readonly Endpoint[],
): void {
  const forwards = (name: string | undefined) =>
    endpoints.find((endpoint) => endpoint.name === name)?.backends
      .some(({ key }) => key.mode === "passthrough") === true;
  for (const [index, { endpoint }] of routes.entries()) {
    if (!forwards(endpoint)) continue;
    resolver.warn(
      ["routes", index],
      `may do nothing: ${endpoint} forwards the client's own key, and only the default endpoint gets it`,
    );
  }
  for (const [name, to] of Object.entries(aliases)) {
    const [endpoint] = to.split("/", 1);
    if (!to.includes("/") || !forwards(endpoint)) continue;
    resolver.warn(
      ["aliases", name],
      `may hold only at /${endpoint}/…: ${endpoint} forwards the client's own key, and only the default endpoint gets it`,
    );
  }
}
