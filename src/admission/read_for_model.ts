/**
 * Reads the model of a request whose model chooses the endpoint: in the body, a form, the path or the query.
 */

import { operationOf } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import { withParameter } from "../http/join_url.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import type { AccountLimiter } from "../accounting/account_admission.ts";
import { modelInPath } from "../payload/model_in_path.ts";
import type { Principal } from "../principal.ts";
import type { BodyLimits } from "./admit_request.ts";
import { effectiveMethod } from "./effective_method.ts";
import { readBody, type ReadRequest } from "./read_request.ts";
import { receivedBody } from "./received_body.ts";

/** A request whose endpoint is not known yet. */
export interface UnroutedRequest {
  readonly request: IncomingRequest;
  readonly principal: Principal;
  readonly apiPath: string;
  readonly query: string;
  /** The key of the client by which its slots are counted. */
  readonly holder: string;
}

/** The model that a request names, and how to send another one in its place. */
export interface RequestedModel {
  /** The model that the request names. `undefined` if it names none in a place that the proxy knows. */
  readonly name: string | undefined;
  /** The request with its body in memory. `undefined` if the proxy has not read the body. */
  readonly read: ReadRequest | undefined;
  /** The changed parts of the request if another model is sent. */
  readonly withModel: (model: string) => {
    readonly read?: ReadRequest;
    readonly apiPath?: string;
    readonly query?: string;
  };
}

/** The facts and limits that the reading of the model depends on, besides the request itself. */
export interface ModelReading {
  /** Whether the client asks for a WebSocket. */
  readonly isWebSocket: boolean;
  /** The request's share of the memory for bodies. */
  readonly bodyMemory: HeldShare;
  /** The longest body that is read. */
  readonly maxBytes: number;
  /** The limits of tokens. `undefined` if the management plane is off. */
  readonly limiter: Pick<AccountLimiter, "check"> | undefined;
}

const UNNAMED: RequestedModel = { name: undefined, read: undefined, withModel: () => ({}) };

/**
 * Reads the model of a request. It reads a body only if the operation names its model in the body, and only
 * if the limits of the token allow the request. Throws `rate_limited`, `budget_exceeded`, `payload_too_large`
 * or `overloaded`. Throws `bad_request` for a body that it cannot understand.
 */
export async function readForModel(
  { request, principal, apiPath, query, holder }: UnroutedRequest,
  { maxBodyBytes, receivingSlots }: BodyLimits,
  { isWebSocket, bodyMemory, maxBytes, limiter }: ModelReading,
): Promise<RequestedModel> {
  const { fields, cancellation } = request;
  const operation = operationOf(effectiveMethod(request.method, { query, fields }), apiPath);
  const inPath = modelInPath(apiPath);
  const { modelIn } = factsOf(operation);
  const hasModel = !isWebSocket && (modelIn === "body" || modelIn === "form") &&
    (request.body !== null || request.knownBody !== undefined);
  // Clients of Azure name the model in the path as well as in the body.
  if (inPath !== undefined && !hasModel) {
    return {
      name: inPath.name,
      read: undefined,
      withModel: (model) => ({ apiPath: inPath.withModel(model) }),
    };
  }
  if (isWebSocket) {
    const name = modelIn === "query" ? new URLSearchParams(query).get("model") ?? undefined : undefined;
    return {
      name,
      read: undefined,
      withModel: (model) => ({ query: withParameter(query, "model", model) }),
    };
  }
  if (!hasModel) return UNNAMED;
  const checking = limiter?.check(principal, { isFree: factsOf(operation).cost !== "metered" });
  if (checking !== undefined) await checking;
  const release = await receivingSlots.acquire(holder, cancellation);
  try {
    const body = await receivedBody(request, maxBodyBytes);
    if (body === null) return UNNAMED;
    const read = await readBody({ fields, operation, principal, cancellation, bodyMemory }, body, {
      maxBytes,
      mustBeKnown: false,
      choosesEndpoint: true,
    });
    const inBody = read.payload?.places.at(-1)?.name;
    const name = inPath?.name ?? inBody;
    return {
      name,
      read,
      withModel: (model) => ({
        read: name === inBody ? withModel(read, model) : read,
        ...inPath && { apiPath: inPath.withModel(model) },
      }),
    };
  } finally {
    release();
  }
}

/** Returns the request with another model in each place that a model override replaces. */
function withModel(read: ReadRequest, model: string): ReadRequest {
  const { payload } = read;
  if (payload === undefined) return read;
  const asked = payload.places.at(-1)?.name;
  return {
    ...read,
    payload: {
      ...payload,
      places: payload.places.map((place) => ({ ...place, written: place.name, name: model })),
      models: payload.models.map((name) => name === asked ? model : name),
      facts: { ...payload.facts, model },
    },
  };
}
