/**
 * The stage between admission and forwarding: reads a request's body where a rule, a model override or accounting
 * depends on it. All others pass untouched, byte for byte.
 */

import type { Endpoint } from "../config/config.ts";
import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { tellsUsageWhenAsked, withUsageAsked } from "../payload/ask_for_usage.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Field } from "../http/fields.ts";
import { HeldBody } from "../streams/held_body.ts";
import { readUpTo } from "../streams/read_whole.ts";
import { restrictsModels } from "../limits/allowed.ts";
import type { HeldShare } from "../limits/held_bytes.ts";
import { costOfPath } from "./known_cost.ts";
import { allLimits, hasBudget, limitsModels } from "../limits/model_rules.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { readPayload } from "../payload/read_payload.ts";
import type { Principal, Rules } from "../principal.ts";
import { ambiguityOf } from "../http/request_target.ts";

/** A request whose body may have to be read. */
export interface UnreadRequest {
  readonly method: string;
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path that is left for the backend. */
  readonly path: string;
  /** Its usage is counted. */
  readonly isCounted: boolean;
  /** A WebSocket is asked for, which has no body. */
  readonly upgrade: boolean;
  readonly cancellation: Cancellation;
  /** What it holds of the memory for bodies. */
  readonly held: HeldShare;
}

/** A request that is ready to be checked and sent. */
export interface ReadRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** Undefined: nothing depends on the body, which has not been read. */
  readonly payload: HeldPayload | undefined;
}

/**
 * Reads it as far as needed. Throws `bad_request` or `forbidden` where it cannot be understood, `payload_too_large`
 * where it is longer than the endpoint's `max_buffer_bytes`.
 */
export async function readRequest(request: UnreadRequest): Promise<ReadRequest> {
  const { fields, body, endpoint, path, cancellation } = request;
  const needs = needsOf(request);
  const unread = { fields, body, payload: undefined };
  if (!needs.body || request.upgrade) return unread;
  checkPath(path);
  if (body === null) return unread;
  const maxBytes = endpoint.maxBufferBytes;
  const { held } = request;
  const { bytes, isWhole } = await readUpTo(body, maxBytes, held.hold).catch((error) => {
    throw cancellation.reason ?? error;
  });
  if (!isWhole) {
    throw new ProxyFault(
      "payload_too_large",
      `A rule, a model override or a budget depends on this body, so it must be read, and it is longer than the ` +
        `${maxBytes} bytes that may be held (max_buffer_bytes).`,
    );
  }
  const isHopByHop = hopByHopTest(fields);
  const { bytes: understood, ...payload } = await readPayload(bytes, {
    // What a `connection` field names would be dropped later: it must not be what the body was understood by.
    fields: fields.filter(({ lower }) => !isHopByHop(lower)),
    path,
    maxBytes,
    mustBeKnown: needs.isStrict,
    readsFiles: restrictsModels(request.principal),
    hold: held.hold,
    sender: request.principal.tokenId ?? request.principal.name,
  });
  held.hold(understood.length);
  const owner = new HeldBody(understood, held);
  return { fields: payload.fields, body: owner.body(), payload: { ...payload, held: owner } };
}

/** The request with usage asked for where the endpoint wants that; undefined: it stays as it is. */
export function askingForUsage(
  { payload }: ReadRequest,
  request: Pick<UnreadRequest, "endpoint" | "path" | "isCounted">,
): ReadRequest | undefined {
  if (payload === undefined || !wantsUsage(request)) return undefined;
  const { held } = payload;
  const asked = withUsageAsked({ ...payload, bytes: held.bytes });
  if (asked === undefined) return undefined;
  const { bytes, ...changed } = asked;
  held.replace(bytes);
  return { fields: asked.fields, body: held.body(), payload: { ...changed, held } };
}

function needsOf(request: UnreadRequest): { readonly body: boolean; readonly isStrict: boolean } {
  const { principal, endpoint, body } = request;
  const isStrict = restrictsModels(principal) || limitsModels(principal) && costOfPath(request) !== "free" ||
    endpoint.backends.some(({ model }) => model !== undefined) || wantsUsage(request);
  const isCounted = principal.subjects.some(({ rules }) => limitsAmounts(rules));
  // A budget has nothing to reserve for long uploads, which cost nothing.
  const isLongUpload = !isStrict && (body?.length ?? 0) > endpoint.maxBufferBytes &&
    ambiguityOf(request.path) === undefined && costOfPath(request) === "free";
  return { body: (isStrict || isCounted) && !isLongUpload, isStrict };
}

function wantsUsage(
  { endpoint, path, isCounted }: Pick<UnreadRequest, "endpoint" | "path" | "isCounted">,
): boolean {
  return isCounted && endpoint.streamUsage && tellsUsageWhenAsked(path);
}

/** Whether a rule limits tokens or money, which depends on what a request asks for. */
export function limitsAmounts(rules: Rules): boolean {
  return allLimits(rules).some((limits) => limits.tokensPerMinute !== undefined || hasBudget(limits));
}

/** A path that an upstream could read as another one than this proxy. */
function checkPath(path: string): void {
  const ambiguity = ambiguityOf(path);
  if (ambiguity === undefined) return;
  throw new ProxyFault(
    "bad_request",
    `A rule or an override depends on this request, and its path holds ${ambiguity}: write the path plainly.`,
  );
}
