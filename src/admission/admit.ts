/** Decides whether a principal may send a request now: first by the head of the request, then by its body. */

import type { Account } from "../accounting/account.ts";
import { inputTokensOf } from "../accounting/input_estimate.ts";
import { type ObjectRequest, objectRequestOf } from "../accounting/object_paths.ts";
import { RequestTap } from "../accounting/request_tap.ts";
import { DIALECTS } from "../apis/dialects.ts";
import { factsOf, type Operation } from "../apis/operations.ts";
import type { Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { watched } from "../streams/bytes.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import {
  checkEndpoint,
  checkModels,
  checkPath,
  type ModelAlias,
  restrictsModels,
} from "../limits/allowed.ts";
import {
  checkCostIsKnown,
  checkModelIsNamed,
  checkPriceIsKnown,
  checkToolPriceIsKnown,
  hasAnyBudget,
} from "./budgeted.ts";
import { costOfRequest, type PathCost } from "./known_cost.ts";
import type { Admission } from "../limits/admission.ts";
import type { Limiter } from "../limits/limiter.ts";
import { checkModelIsKnown, limitsModels } from "../limits/model_rules.ts";
import { checkHeadIsPlain } from "./effective_method.ts";
import { candidateModels } from "./candidate_models.ts";
import type { Principal } from "../principal.ts";
import { possibleOutputTokens } from "./reservation.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import { type ModelsInHead, modelsInHead } from "../payload/models_in_head.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { dearTier, tierInFields } from "../payload/service_tier.ts";
import { limitsAmounts, type ReadRequest } from "./read_request.ts";
import { checkResponseIsWhole } from "./shaped_response.ts";
import { versionedPath } from "../http/join_url.ts";

/** A request that counts for limits, with its account. */
export interface CountedRequest {
  readonly request: Pick<IncomingRequest, "fields">;
  /** The method that decides what the request costs. */
  readonly method: string;
  readonly operation: Operation;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path after the name of the endpoint, and the raw query. */
  readonly rest: string;
  readonly query: string;
  /** Whether the client requests a WebSocket. */
  readonly upgrade: boolean;
  /** The name that the client used, if another model is sent. */
  readonly modelAsked: string | undefined;
  readonly account: Account;
  readonly limiter: Limiter;
}

/** A request that was admitted by its head, with what {@link admitBody} also needs of the head. */
export interface AdmittedHead {
  readonly counted: CountedRequest;
  readonly admission: Admission;
  readonly cost: PathCost;
  /** What the request does with an object. Undefined for WebSockets and requests that concern no object. */
  readonly object: ObjectRequest | undefined;
  /** The models that the head names. Undefined if no rule needed them so far. */
  readonly models: ModelsInHead | undefined;
}

const NO_MODELS: ModelsInHead = { named: [], possiblyNamed: [] };

/**
 * Admits a request by its head, before the body is read: a rejected request must not hold its body in memory.
 * Throws `forbidden`, `rate_limited` or `budget_exceeded`.
 */
export function admit(counted: CountedRequest): AdmittedHead {
  const { request, method, operation, principal, endpoint, rest, query, upgrade, account, limiter } = counted;
  checkEndpoint(principal, endpoint.name);
  checkPath(principal, {
    path: rest,
    paths: () => endpoint.backends.map(({ baseUrl }) => versionedPath(baseUrl, rest)),
    fields: request.fields,
  });
  checkHeadIsPlain(principal, { query, fields: request.fields });
  const cost = costOfRequest({ method, operation, endpoint, upgrade });
  if (hasAnyBudget(principal) && account.isPriced) {
    checkCostIsKnown(principal, { cost, upgrade: upgrade && endpoint.dialect });
  }
  const object = upgrade ? undefined : objectRequestOf({ method, path: rest });
  if (!upgrade && (cost !== "free" || object !== undefined)) {
    checkResponseIsWhole(principal, { query, fields: request.fields, isFile: object?.action === "file" });
  }
  // A request that reads an object can release the reservation of the object, so a reserved budget must not
  // reject it.
  const admission = limiter.admit(principal, { isFree: object !== undefined && cost === "free" });
  account.setAdmission(admission);
  const models = upgrade ? checkedModels(counted) : undefined;
  return { counted, admission, cost, object, models };
}

/** The models that the head of a WebSocket request names. Throws `forbidden` if a rule does not allow one. */
function checkedModels(counted: CountedRequest): ModelsInHead | undefined {
  const { principal, endpoint, operation } = counted;
  if (!restrictsModels(principal) && !limitsModels(principal)) return undefined;
  if (DIALECTS[endpoint.dialect].hasReadableRealtime !== true || operation !== "realtime") {
    // Only OpenAI's realtime sessions name their model in the query, and cannot change it. Other WebSockets, such as
    // OpenAI's responses over a WebSocket, name it in later messages, which the proxy does not check.
    throw new ProxyFault(
      "forbidden",
      "This token has rules for models. The only WebSocket that it may open is /realtime, whose model cannot change.",
    );
  }
  const models = modelsOf(counted);
  checkModels(principal, { models: models.named, hasBody: true, alias: aliasOf(counted, models.named[0]) });
  checkModels(principal, { models: models.possiblyNamed, hasBody: false });
  return models;
}

function aliasOf({ modelAsked }: CountedRequest, model: string | undefined): ModelAlias | undefined {
  return modelAsked === undefined || model === undefined ? undefined : { asked: modelAsked, model };
}

function modelsOf({ request, rest, query, upgrade }: CountedRequest): ModelsInHead {
  return modelsInHead({ path: rest, query, fields: request.fields, upgrade });
}

/**
 * Admits a request by its body, and returns the body to send. The account reads a body that the proxy has not
 * read while it passes. Throws like {@link admit}.
 */
export async function admitBody(
  { counted, admission, cost, object, models }: AdmittedHead,
  { body, payload }: ReadRequest,
): Promise<MessageBody | null> {
  const { request, operation, principal, endpoint, rest, query, upgrade, account } = counted;
  const inputTokens = payload === undefined
    ? 0
    : await inputTokensOf({ kind: payload.kind, bytes: payload.held.bytes });
  const isRestricted = restrictsModels(principal);
  const hasModelLimits = limitsModels(principal);
  const reserves = principal.subjects.some(({ rules }) => limitsAmounts(rules));
  // Without rules and without a read body, nothing depends on the models.
  const needsModels = isRestricted || hasModelLimits || reserves || payload !== undefined;
  const { named, possiblyNamed } = models ?? (needsModels ? modelsOf(counted) : NO_MODELS);
  if (isRestricted && !upgrade) {
    const hasBody = payload !== undefined && payload.kind !== "empty";
    const alias = aliasOf(counted, named[0] ?? payload?.places.at(-1)?.name);
    checkModels(principal, { models: [...named, ...payload?.models ?? []], hasBody, alias });
    checkModels(principal, { models: possiblyNamed, hasBody: false });
  }
  // Gemini's API requests a stream in the path.
  const streams = factsOf(operation).isStream === true ? { stream: true } : {};
  const tier = dearTier([tierInFields(request.fields)]);
  const inHead = { ...streams, ...(tier !== undefined && { tier }) };
  const isFree = cost === "free";
  if (hasModelLimits) {
    const certain = [...named, ...payload?.models ?? []];
    // Only some servers read a model from the query and from headers, so a name there is not enough.
    checkModelIsKnown(principal, { models: certain, hasBody: upgrade || body !== null && !isFree });
    admission.countModels([...certain, ...possiblyNamed]);
  }
  const outputTokensOf = (facts: RequestFacts): number =>
    possibleOutputTokens(facts, {
      endpoint,
      operation,
      hasBody: body !== null || upgrade,
    });
  const reserve = (facts: RequestFacts): void => {
    if (!reserves) return;
    if (isFree) return account.reserve(undefined);
    const candidates = candidateModels({
      endpoint,
      operation,
      named,
      possiblyNamed,
      payload,
      facts,
      upgrade,
    });
    const isNamed = named.length > 0 || payload?.models.some((name) => name !== "") === true;
    if (!isNamed && account.isPriced) checkModelIsNamed(principal);
    if (hasAnyBudget(principal)) {
      checkPriceIsKnown(principal, account.unpricedModel(candidates, facts), endpoint.name);
      checkToolPriceIsKnown(principal, account.unpricedTool(candidates, facts), endpoint.name);
    }
    account.reserve({
      statedTokens: facts.maxOutputTokens ?? 0,
      inputTokens,
      soundSeconds: facts.soundSeconds,
      outputTokens: Math.max(outputTokensOf(facts), ...candidates.map((one) => one.outputTokens)),
      candidates,
    });
  };
  if (payload !== undefined && payload.kind !== "other") {
    const [first = payload.facts.model] = named;
    const facts = { ...payload.facts, ...inHead, ...(first !== undefined && { model: first }) };
    account.setRequest({
      facts: () => facts,
      inputTokens: () => inputTokens,
      outputTokens: () => outputTokensOf(facts),
      isMetered: cost === "metered",
      isFree,
      object,
    });
    reserve(facts);
    return body;
  }
  const isReadable = contentCodingOf(request.fields) === "identity";
  const tap = new RequestTap({
    isReadable,
    contentType: fieldValue(request.fields, "content-type"),
    path: rest,
    operation,
    query: upgrade ? query : "",
  });
  account.setRequest({
    facts: () => ({ ...tap.facts(), ...inHead }),
    inputTokens: () => tap.inputTokens(),
    outputTokens: () => outputTokensOf(tap.facts()),
    isMetered: cost === "metered",
    isFree,
    object,
  });
  reserve(tap.facts());
  return body === null ? body : watched(body, (piece) => tap.write(piece));
}
