/**
 * The stage that decides whether a request may run now. It reads the body only if the decision depends on it.
 */

import type { Account } from "../accounting/account.ts";
import { operationOf } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import type { Endpoint } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { ConcurrencyLimiter } from "../capacity/concurrency_limiter.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import type { AccountLimiter } from "../accounting/account_admission.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import type { Principal } from "../principal.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { pathReadings } from "../text/path_readings.ts";
import { admitBody, admitHead, type AdmittedHead } from "./admit_counted.ts";
import { checkEndpointPath } from "./checked_paths.ts";
import { ProxyFault } from "../faults.ts";
import { effectiveMethod, otherRequestNamed } from "./effective_method.ts";
import { shapingPart } from "./shaped_response.ts";
import {
  checkReadRequest,
  needsOf,
  type ReadRequest,
  readRequest,
  type UnreadRequest,
  withUsageOption,
} from "./read_request.ts";
import { receivedBody } from "./received_body.ts";
import { shareAdmission } from "./share_admission.ts";

/** A request that is about to be forwarded, and the client that sends it. */
export interface AdmissionRequest {
  readonly request: IncomingRequest;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path after the name of the endpoint, and the raw query. */
  readonly apiPath: string;
  readonly query: string;
  /** The name that the client used, if another model is sent. */
  readonly modelAsked?: string | undefined;
  /** The key of the client by which its slots are counted. */
  readonly holder: string;
}

/** The limits of requests whose bodies the proxy reads. */
export interface BodyLimits {
  /** The longest body in bytes. `undefined` if there is no limit. */
  readonly maxBodyBytes: number | undefined;
  /** The limit of requests that wait for a body which the proxy reads before it forwards the request. */
  readonly receivingSlots: Pick<ConcurrencyLimiter, "acquire">;
}

/** The facts and limits that the admission of a request depends on, besides the request itself. */
export interface AdmissionContext {
  /** Whether the client asks for a WebSocket. */
  readonly isWebSocket: boolean;
  /** The request's share of the memory for bodies. */
  readonly bodyMemory: HeldShare;
  /** The account of the exchange and the limits of its token. `undefined` if the management plane is off. */
  readonly counted: { readonly account: Account; readonly limiter: AccountLimiter } | undefined;
  /** The request as the proxy has read it to choose the endpoint. `undefined` if it has not read it. */
  readonly read?: ReadRequest | undefined;
  /** The check of the stored objects that the request can name. `undefined` if there is nothing to check. */
  readonly objects?: ObjectNeeds | undefined;
}

/** The facts of a request that the check of stored objects needs. */
export interface ObjectNeeds {
  /** Whether the body may name objects. */
  readonly readsBody: boolean;
  /** Whether the proxy rejects a head that names another method or path in a header or a parameter. */
  readonly isGuarded: boolean;
  /**
   * Whether the proxy filters the list in the response. The client then must not choose another form of the
   * list.
   */
  readonly filtersList: boolean;
}

/** A request as the proxy forwards it: what the proxy has checked is what it sends. */
export interface AdmittedRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** The body in memory. `undefined` if no rule depends on the body, and the proxy has not read it. */
  readonly payload: HeldPayload | undefined;
  /** Whether the proxy added `stream_options.include_usage`. */
  readonly usageWasAdded: boolean;
}

/**
 * Admits a request: checks the rules of its token, counts it for the rate limits and reserves what it may
 * cost. The token's limits are checked before the proxy waits for the body. Throws `forbidden`,
 * `rate_limited`, `budget_exceeded`, `overloaded`, `payload_too_large` or `bad_request`.
 */
export async function admitRequest(
  incoming: AdmissionRequest,
  { maxBodyBytes, receivingSlots }: BodyLimits,
  { isWebSocket, bodyMemory, counted, read: readBefore, objects }: AdmissionContext,
): Promise<AdmittedRequest> {
  const { request, principal, endpoint, apiPath, query, modelAsked } = incoming;
  const { fields, cancellation } = request;
  const named = effectiveMethod(request.method, { query, fields });
  const method = methodWithBody(named, { path: apiPath, hasBody: request.body !== null && !isWebSocket });
  const operation = operationOf(method, apiPath);
  checkEndpointPath(endpoint, { method: request.method, path: apiPath, query, fields, isWebSocket });
  let admitted: AdmittedHead | undefined;
  if (counted !== undefined) {
    const { account, limiter } = counted;
    admitted = admitHead({
      request,
      method,
      operation,
      principal,
      endpoint,
      apiPath,
      query,
      isWebSocket,
      modelAsked,
      account,
      limiter,
    });
  }
  if (objects?.isGuarded === true) {
    checkObjectHead(objects, { query, fields });
    checkNoRequestBatch(apiPath, fields);
  }
  const unread: UnreadRequest = {
    method,
    operation,
    fields,
    body: request.body,
    principal,
    endpoint,
    path: apiPath,
    isWebSocket,
    cancellation,
    bodyMemory,
    isCounted: counted !== undefined,
    namesObjects: objects?.readsBody === true,
  };
  const receiving = readBefore ?? received(unread, incoming, { maxBodyBytes, receivingSlots });
  const read = receiving instanceof Promise ? await receiving : receiving;
  if (readBefore !== undefined) checkReadRequest(unread, readBefore);
  let body = read.body;
  if (admitted !== undefined) {
    const admitting = admitBody(admitted, read);
    body = admitting instanceof Promise ? await admitting : admitting;
    const sharing = shareAdmission(admitted.admission, admitted.counted.account, request.method);
    if (sharing !== undefined) await sharing;
  }
  const withUsage = withUsageOption(read, unread);
  return withUsage === undefined
    ? { fields: read.fields, payload: read.payload, body, usageWasAdded: false }
    : { fields: withUsage.fields, payload: withUsage.payload, body: withUsage.body, usageWasAdded: true };
}

/**
 * The method that decides what a request costs. Many servers ignore the method at the path of a model, so a
 * request with a body counts as `POST` there.
 */
function methodWithBody(method: string, { path, hasBody }: { path: string; hasBody: boolean }): string {
  if (method === "POST" || !hasBody) return method;
  return factsOf(operationOf("POST", path)).cost === "metered" ? "POST" : method;
}

/**
 * Receives the body of a request, and reads it if something depends on it. Returns a promise only if the
 * request has to wait.
 */
function received(
  unread: UnreadRequest,
  { request, holder }: AdmissionRequest,
  { maxBodyBytes, receivingSlots }: BodyLimits,
): ReadRequest | Promise<ReadRequest> {
  const needs = needsOf(unread);
  // The proxy does not wait for a body that no rule needs.
  const waits = request.knownBody !== undefined || request.body !== null && needs.body && !unread.isWebSocket;
  const slot = waits ? receivingSlots.acquire(holder, unread.cancellation) : undefined;
  const isSettled = request.knownBody === undefined && maxBodyBytes === undefined;
  if (slot instanceof Promise || !isSettled) {
    return receivedLater(slot, async () =>
      isSettled
        ? await readRequest(unread, needs)
        // The length of a body may become known only when the body arrives.
        : await readRequest({ ...unread, body: await receivedBody(request, maxBodyBytes) }));
  }
  let reading: ReadRequest | Promise<ReadRequest> | undefined;
  try {
    reading = readRequest(unread, needs);
  } finally {
    if (!(reading instanceof Promise)) slot?.();
  }
  return reading instanceof Promise && slot !== undefined ? reading.finally(slot) : reading;
}

async function receivedLater(
  slot: (() => void) | Promise<() => void> | undefined,
  read: () => Promise<ReadRequest>,
): Promise<ReadRequest> {
  const release = await slot;
  try {
    return await read();
  } finally {
    release?.();
  }
}

/** Throws `forbidden` if the head could hide which objects a request reads. */
function checkObjectHead(
  { filtersList }: ObjectNeeds,
  head: { readonly query: string; readonly fields: readonly Field[] },
): void {
  const hidden = otherRequestNamed(head);
  if (hidden !== undefined) {
    throw new ProxyFault(
      "forbidden",
      `The proxy keeps the stored objects of tokens apart, and ${hidden} names another method or path. Remove it.`,
    );
  }
  const chosen = filtersList ? shapingPart(head.query, head.fields, false) : undefined;
  if (chosen === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `The proxy removes the objects of other tokens from this list, and ${chosen} changes its form. Remove it.`,
  );
}

/** Media types of bodies that can contain whole HTTP requests. Forms and Google's uploads cannot. */
const REQUESTS_IN_BODY = /application\/http|multipart\/(?!form-data|related)/i;

/**
 * Throws `forbidden` if the body could contain whole requests. The paths of such requests can name objects,
 * and they can list them.
 */
function checkNoRequestBatch(path: string, fields: readonly Field[]): void {
  const isBatch =
    fields.some(({ lower, value }) => lower === "content-type" && REQUESTS_IN_BODY.test(value)) ||
    (pathReadings(path)?.some((one) => operationOf("POST", one) === "request_batch") ?? true);
  if (!isBatch) return;
  throw new ProxyFault(
    "forbidden",
    "The proxy keeps the stored objects of tokens apart, and a batch of whole requests can name objects of " +
      "other tokens. Send the requests one by one.",
  );
}
