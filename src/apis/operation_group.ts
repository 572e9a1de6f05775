/** The group of the operation of a request, by which rules for paths allow and deny requests. */

import { operationOf } from "./operation_of.ts";
import { type Operation, OPERATION_GROUPS, type OperationGroup, OPERATIONS } from "./operations.ts";

/** The names of all groups. */
// Object.keys returns strings; OPERATION_GROUPS has no other keys than those of its type.
export const GROUP_NAMES = Object.keys(OPERATION_GROUPS) as OperationGroup[];

/** The methods that change nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** The operations with a WebSocket. Other WebSockets, such as that of LM Studio's SDK, may do anything. */
const WITH_WEBSOCKET: ReadonlySet<Operation> = new Set(["realtime", "realtime_sessions", "responses"]);
/** Gemini's WebSocket. */
const GEMINI_LIVE = /\.bidigeneratecontent(?:constrained)?$/i;

/**
 * The group of a request. `method` is in capitals, and `path` is without its query. `isWebSocket`: the client
 * requests a WebSocket.
 */
export function groupOf(
  method: string,
  path: string,
  { isWebSocket }: { isWebSocket: boolean },
): OperationGroup {
  const operation = operationOf(method, path);
  const { group } = OPERATIONS[operation];
  if (isWebSocket && !WITH_WEBSOCKET.has(operation) && group !== "admin") {
    return GEMINI_LIVE.test(path) ? "inference" : "other";
  }
  // A list of models is a read. A server that changes something here changes its models.
  if (group !== "models" || SAFE_METHODS.has(method) || operation === "ollama_show") return group;
  return method === "POST" && operation !== "server_properties" ? "other" : "model_management";
}
