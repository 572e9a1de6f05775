/** Decides whether a request that counts for limits may be sent now: first by its head, then by its body. */

import type { Account } from "../accounting/account.ts";
import { KnownRequest } from "../accounting/accounted_request.ts";
import { type InputEstimate, inputOf, NO_INPUT } from "../accounting/estimates/input_estimate.ts";
import { type ObjectRequest, objectRequestOf } from "../accounting/settlement/object_paths.ts";
import { RequestTap } from "../accounting/taps/request_tap.ts";
import { DIALECTS } from "../apis/dialects.ts";
import { factsOf, type Operation } from "../apis/operations.ts";
import type { Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { watched } from "../streams/bytes.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import { checkEndpoint, checkModels, type ModelAlias, restrictsModels } from "../limits/allowed.ts";
import {
  checkCostIsKnown,
  checkModelIsNamed,
  checkPriceIsKnown,
  checkToolPriceIsKnown,
  hasAnyBudget,
} from "./budgeted.ts";
import { costOfRequest, joinsCall, type PathCost } from "./known_cost.ts";
import type { AccountLimiter, RequestAdmission } from "../accounting/account_admission.ts";
import { checkModelIsKnown, limitsModels } from "../limits/model_rules.ts";
import { checkTokenPath } from "./checked_paths.ts";
import { checkHeadIsPlain } from "./effective_method.ts";
import { candidateModels } from "./candidate_models.ts";
import type { Principal } from "../principal.ts";
import { possibleOutputTokens } from "./reservation.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import { modelInPath } from "../payload/model_in_path.ts";
import { type ModelsInHead, modelsInHead } from "../payload/models_in_head.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { imageTokensFor, NO_IMAGES } from "../payload/image_tokens.ts";
import { dearTier, tierInFields } from "../payload/service_tier.ts";
import { limitsAmountsOf, type ReadRequest } from "./read_request.ts";
import { checkResponseIsWhole } from "./shaped_response.ts";

/** A request that counts for limits, with its account. */
export interface CountedRequest {
  readonly request: Pick<IncomingRequest, "method" | "fields">;
  /** The method that decides what the request costs. */
  readonly method: string;
  readonly operation: Operation;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path after the name of the endpoint, and the raw query. */
  readonly apiPath: string;
  readonly query: string;
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
  /** The name that the client used, if another model is sent. */
  readonly modelAsked: string | undefined;
  readonly account: Account;
  readonly limiter: AccountLimiter;
}

/** A request whose head was admitted, and the facts of the head that {@link admitBody} needs. */
export interface AdmittedHead {
  readonly counted: CountedRequest;
  readonly admission: RequestAdmission;
  readonly cost: PathCost;
  /** What the request does with an object. `undefined` for WebSockets and requests that concern no object. */
  readonly object: ObjectRequest | undefined;
  /** The models that the head names. `undefined` if no rule needed them so far. */
  readonly models: ModelsInHead | undefined;
}

const NO_MODELS: ModelsInHead = { named: [], possiblyNamed: [] };

/**
 * Admits a request by its head. The proxy has not read the body yet, so a rejected request never holds its
 * body in memory. Throws `forbidden`, `rate_limited` or `budget_exceeded`.
 */
export function admitHead(counted: CountedRequest): AdmittedHead {
  const { request, method, operation, principal, endpoint, apiPath, query, isWebSocket, account, limiter } =
    counted;
  checkEndpoint(principal, endpoint.name);
  checkTokenPath(principal, endpoint, counted);
  checkHeadIsPlain(principal, { query, fields: request.fields });
  const cost = costOfRequest({ method, operation, endpoint, isWebSocket, query });
  if (hasAnyBudget(principal) && !account.hasFreeEndpoint) {
    checkCostIsKnown(principal, { cost, webSocketDialect: isWebSocket && endpoint.dialect });
  }
  const object = isWebSocket ? undefined : objectRequestOf({ method, path: apiPath });
  if (!isWebSocket && (cost !== "free" || object !== undefined)) {
    checkResponseIsWhole(principal, { query, fields: request.fields, isFile: object?.action === "file" });
  }
  // A request that reads an object can release the reservation of the object, so a reserved budget must not
  // reject it.
  const admission = limiter.admit(principal, { isFree: object !== undefined && cost === "free" });
  account.setAdmission(admission);
  const models = isWebSocket ? checkedModels(counted) : undefined;
  return { counted, admission, cost, object, models };
}

/**
 * Returns the models that the head of a WebSocket request names. Throws `forbidden` if a rule does not allow
 * one of them.
 */
function checkedModels(counted: CountedRequest): ModelsInHead | undefined {
  const { principal, endpoint, operation, query } = counted;
  if (!restrictsModels(principal) && !limitsModels(principal)) return undefined;
  const isReadable = DIALECTS[endpoint.dialect].hasReadableRealtime === true && operation === "realtime";
  if (!isReadable || joinsCall(query)) {
    // Only OpenAI's realtime sessions name their model in the query, and cannot change it. Other WebSockets,
    // such as OpenAI's responses over a WebSocket, name it in later messages, which the proxy does not check.
    throw new ProxyFault(
      "forbidden",
      "This token has rules for models. The only WebSocket that it may open is a new session of /realtime, whose " +
        "model cannot change.",
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

function modelsOf({ request, apiPath, query, isWebSocket }: CountedRequest): ModelsInHead {
  return modelsInHead({ path: apiPath, query, fields: request.fields, isWebSocket });
}

/**
 * Admits a request by its body, and returns the body to send. If the proxy has not read the body, the account
 * reads it while it passes. Throws like {@link admitHead}. Returns a promise only if the body is long.
 */
export function admitBody(
  head: AdmittedHead,
  read: ReadRequest,
): MessageBody | null | Promise<MessageBody | null> {
  const { payload } = read;
  if (payload === undefined) return admitMeasured(head, read, NO_INPUT);
  const input = inputOf({
    kind: payload.kind,
    bytes: payload.heldBody.bytes,
    form: payload.form,
    media: payload.json?.media,
  });
  return input instanceof Promise
    ? input.then((whole) => admitMeasured(head, read, whole))
    : admitMeasured(head, read, input);
}

/**
 * Admits a request with the estimate of its input. The estimate is {@link NO_INPUT} if the proxy has not read
 * the body.
 */
function admitMeasured(
  head: AdmittedHead,
  { body, payload }: ReadRequest,
  input: InputEstimate,
): MessageBody | null {
  const { counted, admission, cost, object } = head;
  const { request, operation, principal, endpoint, apiPath, query, isWebSocket, account } = counted;
  const isRestricted = restrictsModels(principal);
  const hasModelLimits = limitsModels(principal);
  const reserves = principal.subjects.some(limitsAmountsOf);
  // If the token has no rules and the body was not read, nothing depends on the models.
  const needsModels = isRestricted || hasModelLimits || reserves || payload !== undefined;
  const models = head.models ?? (needsModels ? modelsOf(counted) : NO_MODELS);
  const { named, possiblyNamed } = models;
  if (isRestricted && !isWebSocket) {
    const hasBody = payload !== undefined && payload.kind !== "empty";
    const alias = aliasOf(counted, named[0] ?? payload?.places.at(-1)?.name);
    checkModels(principal, { models: [...named, ...payload?.models ?? []], hasBody, alias });
    checkModels(principal, { models: possiblyNamed, hasBody: false });
  }
  const isFree = cost === "free";
  if (hasModelLimits) {
    const certain = [...named, ...payload?.models ?? []];
    // Only some servers read a model from the query and from headers. So a name in those places is not
    // certain.
    checkModelIsKnown(principal, { models: certain, hasBody: isWebSocket || body !== null && !isFree });
    admission.countModels([...certain, ...possiblyNamed]);
  }
  // Requests of Gemini's API ask for a stream by their path.
  const streams = factsOf(operation).isStream === true;
  const tier = dearTier([tierInFields(request.fields)]);
  const hasBody = body !== null || isWebSocket;
  if (payload !== undefined && payload.kind !== "other") {
    const stated = withHead(payload.facts, { streams, tier, model: named[0] ?? payload.facts.model });
    // Media of an unknown size reserve the maximum input of the model, just as content that is not in the
    // body.
    const facts = input.isOpaque ? { ...stated, refersElsewhere: true } : stated;
    const inputTokens = input.images === NO_IMAGES
      ? input.tokens
      : input.tokens + imageTokensFor(input.images, facts.model);
    const outputTokens = possibleOutputTokens(facts, { endpoint, operation, hasBody });
    const bytes = body === null ? undefined : payload.heldBody.bytes.length;
    account.setRequest(new KnownRequest(facts, { inputTokens, outputTokens, bytes, cost, object }));
    if (reserves) reserve(head, { models, payload, facts, input, outputTokens });
    return body;
  }
  const tap = new RequestTap({
    isReadable: contentCodingOf(request.fields) === "identity",
    contentType: fieldValue(request.fields, "content-type"),
    path: apiPath,
    operation,
    query: isWebSocket ? query : "",
  });
  const outputTokens = () => possibleOutputTokens(tap.facts(), { endpoint, operation, hasBody });
  account.setRequest({
    facts() {
      const facts = tap.facts();
      return withHead(facts, { streams, tier, model: facts.model });
    },
    inputTokens: () => tap.inputTokens(),
    outputTokens,
    bytes: body === null ? undefined : () => tap.bytes,
    isMetered: cost === "metered",
    isFree,
    object,
  });
  if (reserves) {
    const facts = tap.facts();
    reserve(head, { models, payload, facts, input, outputTokens: outputTokens() });
  }
  return body === null ? body : watched(body, (piece) => tap.write(piece));
}

/** Combines the facts of a body with the facts that the head of the request states. */
function withHead(
  facts: RequestFacts,
  { streams, tier, model }: { streams: boolean; tier: string | undefined; model: string | undefined },
): RequestFacts {
  if (!streams && tier === undefined && model === facts.model) return facts;
  const changed: { -readonly [Fact in keyof RequestFacts]: RequestFacts[Fact] } = { ...facts };
  if (streams) changed.stream = true;
  if (tier !== undefined) changed.tier = tier;
  if (model !== undefined) changed.model = model;
  return changed;
}

/**
 * Reserves the highest cost of a request, by the most expensive model that may serve it. Throws like
 * {@link admitHead}.
 */
function reserve(
  { counted: { operation, principal, endpoint, apiPath, isWebSocket, account, modelAsked }, cost }:
    AdmittedHead,
  { models: { named, possiblyNamed }, payload, facts, input, outputTokens }: {
    readonly models: ModelsInHead;
    readonly payload: ReadRequest["payload"];
    readonly facts: RequestFacts;
    readonly input: InputEstimate;
    readonly outputTokens: number;
  },
): void {
  if (cost === "free") return account.reserve(undefined);
  const inPath = named.length === 1 ? modelInPath(apiPath) : undefined;
  const candidates = candidateModels({
    endpoint,
    operation,
    named,
    inPath: inPath?.isOnly === true ? inPath.name : undefined,
    possiblyNamed,
    payload,
    facts,
    isWebSocket,
  });
  const isNamed = named.length > 0 || payload !== undefined && namesModel(payload);
  if (!isNamed && !account.hasFreeEndpoint) checkModelIsNamed(principal);
  if (hasAnyBudget(principal)) {
    const unpriced = account.unpricedModel(candidates, facts);
    const shown = unpriced === facts.model || unpriced === named[0] ? modelAsked ?? unpriced : unpriced;
    checkPriceIsKnown(principal, unpriced && shown, endpoint.name);
    checkToolPriceIsKnown(principal, account.unpricedTool(candidates, facts), endpoint.name);
  }
  let most = outputTokens;
  for (const one of candidates) most = Math.max(most, one.outputTokens);
  account.reserve({
    statedTokens: facts.maxOutputTokens ?? 0,
    inputTokens: input.tokens,
    mostInputTokens: input.most,
    images: input.images === NO_IMAGES ? undefined : input.images,
    soundSeconds: facts.soundSeconds,
    outputTokens: most,
    candidates,
  });
}

/**
 * Whether a body names the model that responds. Names deeper in the body prove nothing: they can be variables
 * of a stored prompt, or members that the provider ignores, and then a default model responds.
 */
function namesModel({ json, places }: NonNullable<ReadRequest["payload"]>): boolean {
  return json?.namesModel ?? places.some(({ name }) => name !== "");
}
