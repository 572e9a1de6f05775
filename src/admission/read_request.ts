/**
 * Reads the body of a request if a rule, a model override, a budget or `stream_usage` depends on it. Other
 * bodies pass unchanged, byte for byte.
 */

import { operationOf } from "../apis/operation_of.ts";
import { factsOf, type Operation } from "../apis/operations.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { requestUsage } from "../payload/usage_option.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Field } from "../http/fields.ts";
import { HeldBody } from "../streams/held_body.ts";
import { type ReadBytes, readUpTo } from "../streams/read_whole.ts";
import { restrictsModels } from "../limits/allowed.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import { costOf } from "./known_cost.ts";
import { hasBudget, limitsModels, someLimits } from "../limits/model_rules.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { type Payload, readPayload, readShortPayload } from "../payload/read_payload.ts";
import type { Limits, Principal, Rules, Subject } from "../principal.ts";
import { ambiguityOf } from "../http/request_target.ts";
import { pathReadings } from "../text/path_readings.ts";

const DEPENDS = "A rule, a model override or a budget depends on this body";
const CHOOSES = "The proxy has to know the model in this body";

/** A request whose endpoint is known, and whose body the proxy may have to read. */
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
  readonly isWebSocket: boolean;
  readonly cancellation: Cancellation;
  /** The request's share of the memory for bodies. */
  readonly bodyMemory: HeldShare;
}

/** A request whose body the proxy has read, if it had to. */
export interface ReadRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** The body in memory. `undefined` if nothing depends on the body, and the proxy has not read it. */
  readonly payload: HeldPayload | undefined;
}

/**
 * Reads the body of a request if something depends on it. Throws `bad_request` or `forbidden` if the proxy
 * cannot understand the body, and `payload_too_large` if it is longer than the endpoint's `max_buffer_bytes`.
 * Returns a promise only if the body has not arrived yet, or is not short JSON.
 */
export function readRequest(
  request: UnreadRequest,
  needs: BodyNeeds = needsOf(request),
): ReadRequest | Promise<ReadRequest> {
  const { fields, body, endpoint } = request;
  const unread = { fields, body, payload: undefined };
  if (!needs.body || request.isWebSocket) return unread;
  checkPath(request);
  if (body === null) return unread;
  const options = { maxBytes: endpoint.maxBufferBytes, mustBeKnown: needs.isStrict, choosesEndpoint: false };
  return readBody(request, body, options);
}

/**
 * Checks a request whose body the proxy has already read, to choose the endpoint. It checks what
 * {@link readRequest} checks. The limit is the endpoint's `max_buffer_bytes`, even if no rule needs the body,
 * because the proxy holds the body. Throws `payload_too_large`, `forbidden` or `bad_request`.
 */
export function checkReadRequest(request: UnreadRequest, { payload }: ReadRequest): void {
  const needs = needsOf(request);
  const maxBytes = request.endpoint.maxBufferBytes;
  if (payload !== undefined && payload.heldBody.bytes.length > maxBytes) {
    throw tooLong({ maxBytes, choosesEndpoint: !needs.body });
  }
  if (!needs.body) return;
  checkPath(request);
  const isGuessed = payload?.hasGuessedType === true;
  if (!isGuessed && !(needs.isStrict && payload?.kind === "other")) return;
  throw new ProxyFault(
    isGuessed ? "bad_request" : "forbidden",
    `${DEPENDS}, and its Content-Type is not that of JSON or of multipart/form-data.`,
  );
}

/** The part of a request that {@link readBody} uses. */
export type ReadableRequest = Pick<
  UnreadRequest,
  "fields" | "operation" | "principal" | "cancellation" | "bodyMemory"
>;

/** How {@link readBody} reads a body. */
export interface BodyReading {
  readonly maxBytes: number;
  readonly mustBeKnown: boolean;
  /** Whether the model in the body chooses the endpoint. JSON is then read under any content type. */
  readonly choosesEndpoint: boolean;
}

/**
 * Reads a body into memory. Throws the errors of {@link readRequest}, and returns a promise in the same
 * cases.
 */
export function readBody(
  request: ReadableRequest,
  body: MessageBody,
  how: BodyReading,
): ReadRequest | Promise<ReadRequest> {
  const { bodyMemory, cancellation } = request;
  // The length is checked first, because a client may wait for a response before it sends a long body.
  if (body.length !== undefined && body.length > how.maxBytes) throw tooLong(how);
  let reading: ReadBytes | Promise<ReadBytes>;
  try {
    reading = readUpTo(body, how.maxBytes, (count) => bodyMemory.hold(count));
  } catch (error) {
    throw cancellation.reason ?? error;
  }
  if (!(reading instanceof Promise)) return understood(request, reading, how);
  return reading.then(
    (read) => understood(request, read, how),
    (error) => {
      throw cancellation.reason ?? error;
    },
  );
}

/** Parses a body that was read. Throws `bad_request` or `forbidden` if the proxy cannot understand it. */
function understood(
  request: ReadableRequest,
  { bytes, isWhole }: ReadBytes,
  { maxBytes, mustBeKnown, choosesEndpoint }: BodyReading,
): ReadRequest | Promise<ReadRequest> {
  const { fields, operation, bodyMemory } = request;
  if (!isWhole) throw tooLong({ maxBytes, choosesEndpoint });
  const options = {
    // Forwarding removes the headers that `connection` names, so they must not decide how the body is read.
    fields: endToEnd(fields),
    operation,
    maxBytes,
    mustBeKnown,
    choosesEndpoint,
    readsFiles: restrictsModels(request.principal),
    hold: (count: number) => bodyMemory.hold(count),
    sender: request.principal.key,
  };
  const short = readShortPayload(bytes, options);
  return short === undefined
    ? readPayload(bytes, options).then((read) => heldRequest(read, bodyMemory))
    : heldRequest(short, bodyMemory);
}

function tooLong(
  { maxBytes, choosesEndpoint }: Pick<BodyReading, "maxBytes" | "choosesEndpoint">,
): ProxyFault {
  return new ProxyFault(
    "payload_too_large",
    `${choosesEndpoint ? CHOOSES : DEPENDS}, so the proxy must read it. The body is longer than ` +
      `the allowed ${maxBytes} bytes (max_buffer_bytes).`,
  );
}

/** Makes the read request of a body that was understood. The body counts in the memory for bodies. */
function heldRequest(read: Payload, bodyMemory: HeldShare): ReadRequest {
  const { bytes, kind, models, places, facts, json, form, fields: sent } = read;
  bodyMemory.hold(bytes.length);
  const owner = new HeldBody(bytes, bodyMemory);
  const payload = json === undefined
    ? { kind, fields: sent, models, places, facts, heldBody: owner }
    : { kind, fields: sent, models, places, facts, json, heldBody: owner };
  return {
    fields: sent,
    body: owner.body(),
    // Most payloads have neither member. Without them, all have the same shape, which V8 reads faster.
    payload: form === undefined && read.hasGuessedType === undefined
      ? payload
      : { ...payload, ...(form && { form }), ...(read.hasGuessedType && { hasGuessedType: true }) },
  };
}

/** Removes the fields that belong only to the connection. */
function endToEnd(fields: readonly Field[]): readonly Field[] {
  const isHopByHop = hopByHopTest(fields);
  let ends: Field[] | undefined;
  for (let index = 0; index < fields.length; index++) {
    const one = fields[index];
    if (one === undefined) continue;
    if (isHopByHop(one.lower)) ends ??= fields.slice(0, index);
    else ends?.push(one);
  }
  return ends ?? fields;
}

/**
 * Returns the request with `stream_options.include_usage`, if the endpoint has `stream_usage`. `undefined` if
 * the request needs no change.
 */
export function withUsageOption(
  { payload }: ReadRequest,
  request: Pick<UnreadRequest, "endpoint" | "operation" | "isCounted">,
): ReadRequest | undefined {
  if (payload === undefined || !injectsUsageOption(request)) return undefined;
  const { heldBody } = payload;
  const changed = requestUsage({ ...payload, bytes: heldBody.bytes });
  if (changed === undefined) return undefined;
  const { bytes, ...rest } = changed;
  heldBody.replace(bytes);
  return { fields: rest.fields, body: heldBody.body(), payload: { ...rest, heldBody } };
}

/** Whether something depends on the body of a request. */
export interface BodyNeeds {
  /** Whether the proxy reads the body before it forwards it. */
  readonly body: boolean;
  /** Whether the proxy must understand the body. */
  readonly isStrict: boolean;
}

/** Returns what depends on the body of a request. A WebSocket has no body to read. */
export function needsOf(request: UnreadRequest): BodyNeeds {
  const { principal, endpoint, body, namesObjects } = request;
  const isCounted = principal.subjects.some(limitsAmountsOf);
  const cost = isCounted || limitsModels(principal) ? costOf(request) : undefined;
  // The body of a request to a model may ask for content at another place, and for several responses.
  const isStrict = restrictsModels(principal) || cost !== undefined && cost !== "free" &&
      (cost === "metered" && isCounted || limitsModels(principal)) ||
    endpoint.backends.some(overridesModel) || injectsUsageOption(request);
  // A long upload that is free passes unread, because a budget has nothing to reserve for it.
  const isLongUpload = !isStrict && (body?.length ?? 0) > endpoint.maxBufferBytes &&
    ambiguityOf(request.path) === undefined && costOf(request) === "free" && hasOneCost(request);
  return { body: (isStrict || isCounted || namesObjects) && !isLongUpload, isStrict };
}

/** Whether a rule of a subject limits tokens or money. */
export function limitsAmountsOf({ rules }: Subject): boolean {
  return limitsAmounts(rules);
}

function overridesModel({ model }: Pick<Backend, "model">): boolean {
  return model !== undefined;
}

function injectsUsageOption(
  { endpoint, operation, isCounted }: Pick<UnreadRequest, "endpoint" | "operation" | "isCounted">,
): boolean {
  return isCounted && endpoint.streamUsage && factsOf(operation).hasUsageOption === true;
}

/** Whether a rule limits tokens or money, so that the proxy must know what a request may use. */
export function limitsAmounts(rules: Rules): boolean {
  return someLimits(rules, limitsTokensOrMoney);
}

function limitsTokensOrMoney(limits: Limits): boolean {
  return limits.tokensPerMinute !== undefined || hasBudget(limits);
}

/** Throws `bad_request` if an upstream could read the path differently from this proxy. */
function checkPath(request: Pick<UnreadRequest, "method" | "operation" | "endpoint" | "path">): void {
  const ambiguity = ambiguityOf(request.path) ??
    (hasOneCost(request) ? undefined : "encoded characters that change what it does");
  if (ambiguity === undefined) return;
  throw new ProxyFault(
    "bad_request",
    `The path contains ${ambiguity}, which servers read in different ways. A rule or an override depends on ` +
      "the path: send it in its plain form.",
  );
}

/** Whether a request costs the same in every way in which servers could read its path. */
function hasOneCost(
  { method, operation, endpoint, path }: Pick<UnreadRequest, "method" | "operation" | "endpoint" | "path">,
): boolean {
  const cost = costOf({ method, operation, endpoint });
  return pathReadings(path)?.every((reading) =>
    reading === path || costOf({ method, operation: operationOf(method, reading), endpoint }) === cost
  ) ?? false;
}
