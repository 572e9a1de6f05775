/** The stage between authentication and forwarding: is this principal allowed to make this request, now? */

import type { Account } from "../accounting/account.ts";
import { inputTokensOf } from "../accounting/input_estimate.ts";
import { objectRequestOf } from "../accounting/object_paths.ts";
import { RequestTap } from "../accounting/request_tap.ts";
import type { Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { watched } from "../streams/bytes.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import { checkEndpoint, checkModels, checkPath, restrictsModels } from "../limits/allowed.ts";
import { checkCostIsKnown, checkModelIsNamed, checkPriceIsKnown } from "./budgeted.ts";
import { costOfPath } from "./known_cost.ts";
import type { Admission, Limiter } from "../limits/limiter.ts";
import { checkModelIsKnown, limitsModels } from "../limits/model_rules.ts";
import { ordersOf } from "./orders.ts";
import type { Principal } from "../principal.ts";
import { possibleOutputTokens } from "./reservation.ts";
import { modelsInHead } from "../payload/models.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { limitsAmounts, type ReadRequest } from "./read_request.ts";
import { versionedPath } from "../http/join_url.ts";

/** A request, and who asks for it. */
export interface Candidate {
  readonly request: Pick<IncomingRequest, "fields" | "method">;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path that is left for the backend, and the query. */
  readonly rest: string;
  readonly query: string;
  /** A WebSocket is asked for. */
  readonly upgrade: boolean;
  readonly account: Account;
  readonly limiter: Limiter;
}

/**
 * Admits a request by what its head says. Comes before the body is read: limits exist so that not everybody's bodies
 * are held in memory. Throws `forbidden`, `rate_limited` or `budget_exceeded`.
 */
export function admit(
  { request, principal, endpoint, rest, query, upgrade, account, limiter }: Candidate,
): Admission {
  checkEndpoint(principal, endpoint.name);
  checkPath(principal, {
    path: rest,
    paths: () => endpoint.backends.map(({ baseUrl }) => versionedPath(baseUrl, rest)),
    fields: request.fields,
  });
  if (account.isPriced) {
    checkCostIsKnown(principal, {
      method: request.method,
      path: rest,
      endpoint,
      fields: request.fields,
      upgrade: upgrade && endpoint.provider,
    });
  }
  const asked = { method: request.method, path: rest };
  // What looks at an object gives back what is reserved for it: a budget that is reserved must not be in its way.
  const isLook = !upgrade && objectRequestOf(asked) !== undefined &&
    costOfPath({ ...asked, endpoint }) === "free";
  const admission = limiter.admit(principal, { isFree: isLook });
  account.admitted(admission);
  if (!restrictsModels(principal) && !limitsModels(principal)) return admission;
  if (upgrade && (endpoint.provider !== "openai" || !rest.endsWith("/realtime"))) {
    // Only OpenAI's realtime sessions name their model in the query, for good. Others name one in what is said later,
    // such as OpenAI's own responses over a WebSocket, where nobody looks for it.
    throw new ProxyFault(
      "forbidden",
      "Rules for models hold for this token, and of WebSockets only /realtime has one model for good.",
    );
  }
  if (!upgrade) return admission;
  const { named, besides } = modelsInHead({ path: rest, query, fields: request.fields, upgrade });
  checkModels(principal, { models: named, hasBody: true });
  checkModels(principal, { models: besides, hasBody: false });
  return admission;
}

/**
 * Admits a request by what its body says, once that has been read, and gives the body to be sent. A body that has
 * not been read is watched while it passes. Throws like {@link admit}.
 */
export async function admitBody(
  { request, principal, endpoint, rest, query, upgrade, account, admission }: Candidate & {
    /** What its head was admitted with. */
    readonly admission: Admission;
  },
  { body, payload }: ReadRequest,
): Promise<MessageBody | null> {
  const inputTokens = payload === undefined
    ? 0
    : await inputTokensOf({ kind: payload.kind, bytes: payload.held.bytes });
  const { named, besides } = modelsInHead({ path: rest, query, fields: request.fields, upgrade });
  if (restrictsModels(principal) && !upgrade) {
    const hasBody = payload !== undefined && payload.kind !== "empty";
    checkModels(principal, { models: [...named, ...payload?.models ?? []], hasBody });
    checkModels(principal, { models: besides, hasBody: false });
  }
  const asked = { method: request.method, path: rest, endpoint };
  // Gemini's API says so in the path.
  const streams = /:stream[a-z]+$/i.test(rest) ? { stream: true } : {};
  const isFree = !upgrade && costOfPath(asked) === "free";
  const object = upgrade ? undefined : objectRequestOf(asked);
  const isMetered = upgrade ? /\/realtime\/?$/i.test(rest) : costOfPath(asked) === "metered";
  if (limitsModels(principal)) {
    const sure = [...named, ...payload?.models ?? []];
    const models = [...sure, ...besides];
    // Only some servers look at the query and at headers: a name there alone names no model.
    checkModelIsKnown(principal, {
      models: sure,
      hasBody: upgrade || body !== null && costOfPath(asked) !== "free",
    });
    admission.countModels(models);
  }
  const outputTokensOf = (facts: RequestFacts): number =>
    possibleOutputTokens(facts, {
      endpoint,
      path: rest,
      hasBody: body !== null || upgrade,
    });
  const reserve = (facts: RequestFacts): void => {
    if (!principal.subjects.some(({ rules }) => limitsAmounts(rules))) return;
    if (!upgrade && costOfPath(asked) === "free") return account.reserve(undefined);
    const orders = ordersOf({ endpoint, path: rest, named, besides, payload, facts, upgrade });
    const isNamed = named.length > 0 || payload?.models.some((name) => name !== "") === true;
    if (!isNamed && account.isPriced) checkModelIsNamed(principal);
    checkPriceIsKnown(principal, account.unpricedModel(orders), endpoint.name);
    account.reserve({
      statedTokens: facts.maxOutputTokens ?? 0,
      inputTokens,
      outputTokens: Math.max(outputTokensOf(facts), ...orders.map((one) => one.outputTokens)),
      orders,
    });
  };
  if (payload !== undefined && payload.kind !== "other") {
    const [first = payload.facts.model] = named;
    const facts = { ...payload.facts, ...streams, ...(first !== undefined && { model: first }) };
    account.asks({
      facts: () => facts,
      inputTokens: () => inputTokens,
      outputTokens: () => outputTokensOf(facts),
      isMetered,
      isFree,
      object,
    });
    reserve(facts);
    return body;
  }
  const isReadable = (fieldValue(request.fields, "content-encoding") ?? "identity").trim() === "identity";
  const tap = new RequestTap({
    isReadable,
    contentType: fieldValue(request.fields, "content-type"),
    path: rest,
    query: upgrade ? query : "",
  });
  account.asks({
    facts: () => ({ ...tap.facts(), ...streams }),
    inputTokens: () => tap.inputTokens(),
    outputTokens: () => outputTokensOf(tap.facts()),
    isMetered,
    isFree,
    object,
  });
  reserve(tap.facts());
  return body === null ? body : watched(body, (piece) => tap.write(piece));
}
