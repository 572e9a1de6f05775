/**
 * Reads the body of a request if a rule, a model override, a budget or `stream_usage` depends on it. Other
 * bodies pass unchanged, byte for byte.
 */

import { factsOf, type Operation } from "../apis/operations.ts";
import type { Endpoint } from "../config/config.ts";
import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { requestUsage } from "../payload/usage_option.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Field } from "../http/fields.ts";
import { HeldBody } from "../streams/held_body.ts";
import { readUpTo } from "../streams/read_whole.ts";
import { restrictsModels } from "../limits/allowed.ts";
import type { HeldShare } from "../limits/held_bytes.ts";
import { costOf } from "./known_cost.ts";
import { allLimits, hasBudget, limitsModels } from "../limits/model_rules.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { readPayload } from "../payload/read_payload.ts";
import type { Principal, Rules } from "../principal.ts";
import { ambiguityOf } from "../http/request_target.ts";

/** A request whose body the proxy may have to read. */
export interface UnreadRequest {
  /** The method that decides what the request costs. */
  readonly method: string;
  readonly operation: Operation;
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path after the name of the endpoint. */
  readonly path: string;
  /** Whether the proxy counts the usage of the request. */
  readonly isCounted: boolean;
  /** Whether the body may name stored objects that the proxy checks. */
  readonly namesObjects: boolean;
  /** Whether the client requests a WebSocket, which has no body. */
  readonly upgrade: boolean;
  readonly cancellation: Cancellation;
  /** The share of the request of the memory for bodies. */
  readonly held: HeldShare;
}

/** A request whose body the proxy has read, if it had to. */
export interface ReadRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** The body in memory. Undefined: nothing depends on the body, and the proxy has not read it. */
  readonly payload: HeldPayload | undefined;
}

/**
 * Reads the body of a request if something depends on it. Throws `bad_request` or `forbidden` if the proxy
 * cannot understand the body, and `payload_too_large` if it is longer than the endpoint's `max_buffer_bytes`.
 */
export async function readRequest(request: UnreadRequest): Promise<ReadRequest> {
  const { fields, body, endpoint, path, operation, cancellation } = request;
  const needs = needsOf(request);
  const unread = { fields, body, payload: undefined };
  if (!needs.body || request.upgrade) return unread;
  checkPath(path);
  if (body === null) return unread;
  const maxBytes = endpoint.maxBufferBytes;
  const { held } = request;
  const { bytes, isWhole } = await readUpTo(body, maxBytes, (count) => held.hold(count)).catch((error) => {
    throw cancellation.reason ?? error;
  });
  if (!isWhole) {
    throw new ProxyFault(
      "payload_too_large",
      `A rule, a model override or a budget depends on this body, so the proxy must read it. The body is longer than ` +
        `the allowed ${maxBytes} bytes (max_buffer_bytes).`,
    );
  }
  const isHopByHop = hopByHopTest(fields);
  const { bytes: understood, ...payload } = await readPayload(bytes, {
    // Forwarding removes the headers that `connection` names, so they must not decide how the body is read.
    fields: fields.filter(({ lower }) => !isHopByHop(lower)),
    operation,
    maxBytes,
    mustBeKnown: needs.isStrict,
    readsFiles: restrictsModels(request.principal),
    hold: (count) => held.hold(count),
    sender: request.principal.key,
  });
  held.hold(understood.length);
  const owner = new HeldBody(understood, held);
  return { fields: payload.fields, body: owner.body(), payload: { ...payload, held: owner } };
}

/**
 * The request with `stream_options.include_usage`, if the endpoint has `stream_usage`. Undefined: the
 * request needs no change.
 */
export function withUsageOption(
  { payload }: ReadRequest,
  request: Pick<UnreadRequest, "endpoint" | "operation" | "isCounted">,
): ReadRequest | undefined {
  if (payload === undefined || !injectsUsageOption(request)) return undefined;
  const { held } = payload;
  const changed = requestUsage({ ...payload, bytes: held.bytes });
  if (changed === undefined) return undefined;
  const { bytes, ...rest } = changed;
  held.replace(bytes);
  return { fields: rest.fields, body: held.body(), payload: { ...rest, held } };
}

/** Whether something depends on the body of a request, so that the proxy reads it before it forwards it. */
export function mustRead(request: UnreadRequest): boolean {
  return needsOf(request).body && !request.upgrade;
}

function needsOf(request: UnreadRequest): { readonly body: boolean; readonly isStrict: boolean } {
  const { principal, endpoint, body, namesObjects } = request;
  const isCounted = principal.subjects.some(({ rules }) => limitsAmounts(rules));
  // A body that a model reads may ask for content elsewhere and for several responses.
  const isStrict = restrictsModels(principal) || limitsModels(principal) && costOf(request) !== "free" ||
    isCounted && costOf(request) === "metered" ||
    endpoint.backends.some(({ model }) => model !== undefined) || injectsUsageOption(request);
  // A long upload that is free passes unread, because a budget has nothing to reserve for it.
  const isLongUpload = !isStrict && (body?.length ?? 0) > endpoint.maxBufferBytes &&
    ambiguityOf(request.path) === undefined && costOf(request) === "free";
  return { body: (isStrict || isCounted || namesObjects) && !isLongUpload, isStrict };
}

function injectsUsageOption(
  { endpoint, operation, isCounted }: Pick<UnreadRequest, "endpoint" | "operation" | "isCounted">,
): boolean {
  return isCounted && endpoint.streamUsage && factsOf(operation).hasUsageOption === true;
}

/** Whether a rule limits tokens or money, so that the proxy must know what a request may use. */
export function limitsAmounts(rules: Rules): boolean {
  return allLimits(rules).some((limits) => limits.tokensPerMinute !== undefined || hasBudget(limits));
}

/** Throws `bad_request` if an upstream could read the path differently from this proxy. */
function checkPath(path: string): void {
  const ambiguity = ambiguityOf(path);
  if (ambiguity === undefined) return;
  throw new ProxyFault(
    "bad_request",
    `A rule or an override depends on this request, and its path contains ${ambiguity}: use the plain path.`,
  );
}
