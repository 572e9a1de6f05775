/** Tells free requests from requests whose cost can be known. A budget allows only these two. */

import { NON_CREATING_METHODS } from "../apis/operation_of.ts";
import { factsOf, type Operation } from "../apis/operations.ts";
import { queryParameters } from "../http/query.ts";
import { foldKey } from "../payload/fold_key.ts";
import { isOpenAi, type ProviderOf } from "./providers.ts";

/** What is known of the cost of a request. */
export type PathCost =
  /** The response reports the usage, or the proxy can estimate it from the request and the response. */
  | "metered"
  /** A request costs nothing. */
  | "free"
  /** The cost is unknown, or the work continues to cost money after the response. */
  | "unknown";

/** The part of a request that decides what is known of its cost. */
export interface CostedRequest {
  /** The method that an upstream may use, in capitals. */
  readonly method: string;
  readonly operation: Operation;
  readonly endpoint: ProviderOf;
}

/**
 * What is known of the cost of a request. `isWebSocket` means that the client requests a WebSocket. `query`
 * is the raw query.
 */
export function costOfRequest(
  request: CostedRequest & { readonly isWebSocket: boolean; readonly query: string },
): PathCost {
  if (!request.isWebSocket) return costOf(request);
  // Sessions of OpenAI's realtime API are the only WebSockets whose usage the proxy can read.
  return request.operation === "realtime" && !joinsCall(request.query) ? "metered" : "unknown";
}

/**
 * Whether a WebSocket of OpenAI's realtime API joins a call that exists. The call has its own model, its
 * sound passes elsewhere, and it continues after the WebSocket
 * (https://platform.openai.com/docs/guides/realtime-server-controls). Only the letters of a name count,
 * because a server may read `call_id[]`, `call.id` or a name with a NUL as `call_id`.
 */
export function joinsCall(query: string): boolean {
  const parameters = queryParameters(query.replaceAll(";", "&"));
  return parameters === undefined ||
    parameters.some(([name]) => foldKey(name).replace(/[^a-z]/g, "") === "callid");
}

/** What is known of the cost of a request that is not a WebSocket. */
export function costOf({ method, operation, endpoint }: CostedRequest): PathCost {
  if (NON_CREATING_METHODS.has(method)) return "free";
  const { cost } = factsOf(operation);
  switch (cost) {
    case "free at openai, else unknown":
      return isOpenAi(endpoint) ? "free" : "unknown";
    case "free at openai, else metered":
      return isOpenAi(endpoint) ? "free" : "metered";
    default:
      return cost;
  }
}
