import type { Endpoint } from "../config/config.ts";
import { harmlessText } from "../text/harmless_text.ts";
import type { RoutingTable } from "./table.ts";

/** How much of a path a message quotes, in characters. */
const MAX_QUOTED_PATH = 200;

/** Where a request goes: the endpoint, and the path that is left for its backend. */
export interface Target {
  readonly endpoint: Endpoint;
  /** Empty, or beginning with a slash. */
  readonly rest: string;
}

/** Finds the endpoint a path addresses; undefined where there is none. */
export function match(table: RoutingTable, path: string): Target | undefined {
  // Also where an endpoint is called `chat`.
  if (path === "/chat/completions" && table.defaultEndpoint !== undefined) {
    return { endpoint: table.defaultEndpoint, rest: path };
  }
  const end = path.indexOf("/", 1);
  const name = end === -1 ? path.slice(1) : path.slice(1, end);
  const named = table.endpoints.get(name);
  if (named !== undefined) return { endpoint: named, rest: end === -1 ? "" : path.slice(end) };
  const unnamed = isWithin(path, "/v1/messages")
    ? table.messagesEndpoint
    : isWithin(path, "/v1")
    ? table.defaultEndpoint
    : undefined;
  return unnamed && { endpoint: unnamed, rest: path };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** What a client gets for a path that no endpoint has. */
export function notFoundMessage({ endpoints }: RoutingTable, path: string): string {
  const prefixes = [...endpoints.keys()].map((name) => `/${name}/`).join(", ");
  return `Nothing is served at ${harmlessText(path, MAX_QUOTED_PATH)}. This proxy serves ${prefixes}.`;
}
