import { withOllamaFolder } from "../apis/operation_of.ts";
import { type ClientHead, type UnnamedApi, unnamedApiOf } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import { harmlessText } from "../text/harmless_text.ts";
import type { RoutingTable } from "./table.ts";

/** The longest path in a message, in characters. */
const MAX_QUOTED_PATH = 200;

/** The destination of a request: the endpoint, and the path for its backends. */
export interface Destination {
  /**
   * The endpoint. If `byModel` is set, it is the fallback for models that choose no other endpoint, and
   * `undefined` if there is no fallback.
   */
  readonly endpoint: Endpoint | undefined;
  /** The path after the name of the endpoint: empty, or with a slash at its start. */
  readonly apiPath: string;
  /** The API of a path without the name of an endpoint, if the model of the request chooses the endpoint. */
  readonly byModel?: UnnamedApi;
}

/**
 * Finds the endpoint of a path. Returns `undefined` if no endpoint matches. `client` is the head of the
 * request.
 */
export function match(table: RoutingTable, path: string, client?: ClientHead): Destination | undefined {
  // This path takes precedence over an endpoint with the name `chat`.
  if (path === "/chat/completions" && (table.byModel ?? table.defaultEndpoint) !== undefined) {
    return unnamed(table, { path, client, endpoint: table.defaultEndpoint });
  }
  const end = path.indexOf("/", 1);
  const name = end === -1 ? path.slice(1) : path.slice(1, end);
  const named = table.endpoints.get(name);
  if (named !== undefined) {
    const apiPath = end === -1 ? "" : path.slice(end);
    return {
      endpoint: named,
      apiPath: table.ollamaEndpoints.has(name) ? withOllamaFolder(apiPath) : apiPath,
    };
  }
  if (table.byModel !== undefined) return unnamed(table, { path, client, endpoint: undefined });
  if (!isWithin(path, "/v1")) return undefined;
  const own = table.dialectFolders.find(({ folder }) => isWithin(path, folder));
  const endpoint = own === undefined ? table.defaultEndpoint : own.endpoint;
  return unnamed(table, { path, client, endpoint });
}

/** The destination of a path without the name of an endpoint. */
function unnamed(
  { byModel }: RoutingTable,
  { path, client, endpoint }: {
    path: string;
    client: ClientHead | undefined;
    endpoint: Endpoint | undefined;
  },
): Destination | undefined {
  if (byModel === undefined) return endpoint && { endpoint, apiPath: path };
  const shown = unnamedApiOf(path, client);
  // A client may send its token in the header of an API that no endpoint has. The header then does not count.
  const isServed = shown !== undefined && byModel.speakers[shown].length > 0;
  const api = isServed ? shown : unnamedApiOf(path);
  if (api === undefined || (byModel.speakers[api].length === 0 && byModel.fallbacks[api] === undefined)) {
    return undefined;
  }
  return { endpoint: byModel.fallbacks[api], apiPath: path, byModel: api };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The error message for a path without an endpoint. It lists endpoints by their names. */
export function notFoundMessage(endpoints: readonly string[], path: string): string {
  const prefixes = endpoints.map((name) => `/${name}/`).join(", ");
  const served = prefixes === "" ? "" : ` This proxy serves ${prefixes}.`;
  return `Nothing is served at ${harmlessText(path, MAX_QUOTED_PATH)}.${served}`;
}
