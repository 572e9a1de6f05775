import type { Endpoint } from "../config/config.ts";
import { harmlessText } from "../text/harmless_text.ts";
import type { RoutingTable } from "./table.ts";

/** The longest path in a message, in characters. */
const MAX_QUOTED_PATH = 200;

/** The destination of a request: the endpoint, and the rest of the path for the backend. */
export interface Target {
  readonly endpoint: Endpoint;
  /** The path after the name of the endpoint: empty, or with a slash at its start. */
  readonly rest: string;
}

/** Finds the endpoint of a path. Returns undefined if no endpoint matches. */
export function match(table: RoutingTable, path: string): Target | undefined {
  // This path wins over an endpoint with the name `chat`.
  if (path === "/chat/completions" && table.defaultEndpoint !== undefined) {
    return { endpoint: table.defaultEndpoint, rest: path };
  }
  const end = path.indexOf("/", 1);
  const name = end === -1 ? path.slice(1) : path.slice(1, end);
  const named = table.endpoints.get(name);
  if (named !== undefined) return { endpoint: named, rest: end === -1 ? "" : path.slice(end) };
  if (!isWithin(path, "/v1")) return undefined;
  const own = table.dialectFolders.find(({ folder }) => isWithin(path, folder));
  const unnamed = own === undefined ? table.defaultEndpoint : own.endpoint;
  return unnamed && { endpoint: unnamed, rest: path };
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
