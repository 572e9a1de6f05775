/** The account of one exchange: what it requests, what its response reports, and what that costs. */

import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { projectKey } from "../config/project_key.ts";
import { providerAccount } from "../storage/provider_account.ts";
import type { ExchangeAccount } from "../exchange/observers.ts";
import type { AttemptEstimate, ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import type { Principal } from "../principal.ts";
import type { AwaitedObject, ObjectKey } from "../storage/object_store.ts";
import type { AccountAdmission } from "./account_admission.ts";
import type { AccountedRequest } from "./accounted_request.ts";
import { lastOutcome, unansweredOutcome } from "./attempt_outcome.ts";
import { awaitedObject, type ObjectOrigin, pendingObjectId } from "./awaited_object.ts";
import { type CandidateModel, type Charge, type ReservedUsage, withTimedOutAttempts } from "./charge.ts";
import type { EndpointPrices } from "./endpoint_prices.ts";
import { ExchangeCosts, type UnpricedTool, withContentElsewhere } from "./exchange_costs.ts";
import { exchangeUsage } from "./exchange_row.ts";
import { isPartialContent } from "../http/partial_content.ts";
import type { ObjectRequest } from "./object_paths.ts";
import type { ObjectResponse } from "./object_response.ts";
import type { Objects } from "./objects.ts";
import type { RecentOutputs } from "./recent_outputs.ts";
import { essenceOf } from "../payload/media_type.ts";
import type { RecentSpeeds } from "./recent_speeds.ts";
import type { ResponseSummary } from "./response_summary.ts";
import type { RunningExchange } from "./running_exchange.ts";
import type { ReportedPart, Settlement } from "./settlement.ts";
import { storedText } from "./stored_text.ts";
import { type Tap, tapOf } from "./tap.ts";
import { UnseenTime } from "./unseen_time.ts";

/** The exchange of an account, as accounting sees it. */
export interface AccountedExchange {
  readonly id: string;
  /** The path as records have it: harmless, short and without credentials. */
  readonly path: string;
  /** Undefined: the path has no endpoint, or the model of the request has not chosen one yet. */
  readonly endpoint: Endpoint | undefined;
  /** The model that the client named, if another one is sent. Undefined: the model of the request. */
  readonly modelAsked?: string | undefined;
  readonly request: { readonly fields: readonly Field[] };
  /** Removes the credentials of the request from a text. */
  readonly redact: (text: string) => string;
}

/** What opened an account, and closes it at the end of its exchange. */
export interface AccountOwner {
  /** The prices of an endpoint, which requests share. */
  readonly pricesOf: (endpoint: Endpoint | undefined) => EndpointPrices;
  /** Settles the account. Returns what {@link ExchangeAccount.settle} does. */
  readonly close: (account: Account, record: ExchangeRecord) => ReturnType<ExchangeAccount["settle"]>;
}

/** What all accounts share. */
export interface AccountParts {
  readonly clock: Clock;
  readonly outputs: RecentOutputs;
  readonly speeds: RecentSpeeds;
  /** Keeps objects that continue after their exchange. */
  readonly objects: Pick<Objects, "hasRoom" | "add" | "received">;
}

const NOTHING: ResponseSummary = { usage: {} };
/** A cancellation of an object may miss this much of its text, in bytes. */
const MAX_UNNOTICED_BYTES = 64 * 1024;
/** What an account knows of a request before its body. */
const UNKNOWN_REQUEST: AccountedRequest = {
  facts: () => NO_FACTS,
  inputTokens: () => 0,
  outputTokens: () => 0,
  isMetered: false,
  isFree: false,
};
const NO_FACTS: RequestFacts = {};
const NOTHING_HELD = { tokens: 0, micros: 0 };
const NO_CHARGES: readonly Charge[] = [];
const NO_CHARGE: Charge = { usage: {}, tokens: undefined, cost: undefined, source: undefined };

/**
 * The account of one exchange. It reads the request and the response while they pass, and settles the
 * exchange.
 */
export class Account implements ExchangeAccount {
  readonly #exchange: AccountedExchange;
  readonly #principal: Principal;
  readonly #startedAt: number;
  readonly #client: string;
  readonly #parts: AccountParts;
  #costsNow: ExchangeCosts | undefined;
  readonly #owner: AccountOwner;
  #hasCreated = false;
  #isBackground: boolean | undefined;
  #request: AccountedRequest = UNKNOWN_REQUEST;
  /** The charges of attempts that got no response in time. */
  #timedOut: readonly Charge[] = NO_CHARGES;
  #admission: AccountAdmission | undefined;
  #reserved: ReservedUsage | undefined;
  /** The amounts that the reservation of this exchange holds. */
  #held = NOTHING_HELD;
  #unseen: UnseenTime | undefined;
  /** The status of the response. Undefined before its headers. */
  #status: number | undefined;
  /** Whether the response is a part of what its address names. */
  #isPart = false;
  /** The media type of the response. Empty before its headers. */
  #mediaType = "";
  #backend: Backend | undefined;
  #providerRequestId: string | undefined;
  #tap: Tap | undefined;
  #bytes = 0;
  /** The bytes of text at which the text of an object is recorded again. */
  #noticedBytes = 0;

  /** `startedAt` is in milliseconds since 1970. */
  constructor(
    exchange: AccountedExchange,
    parts: AccountParts,
    { principal, startedAt, client, owner }: {
      principal: Principal;
      startedAt: number;
      client: string;
      owner: AccountOwner;
    },
  ) {
    this.#exchange = exchange;
    this.#principal = principal;
    this.#startedAt = startedAt;
    this.#client = client;
    this.#parts = parts;
    this.#owner = owner;
  }

  /** The endpoint of the exchange. Undefined: the path has no endpoint, or the model has not chosen one yet. */
  get endpoint(): Endpoint | undefined {
    return this.#exchange.endpoint;
  }

  /** The costs, which nothing needs before the endpoint of the exchange is known. */
  get #costs(): ExchangeCosts {
    return this.#costsNow ??= this.#newCosts();
  }

  #newCosts(): ExchangeCosts {
    const { endpoint } = this;
    const { outputs, speeds } = this.#parts;
    const prices = this.#owner.pricesOf(endpoint);
    return new ExchangeCosts(endpoint, { startedAt: this.#startedAt, prices, outputs, speeds });
  }

  /** Sets what the request contains, as far as it is known. */
  setRequest(request: AccountedRequest): void {
    this.#request = request;
  }

  /** Sets the admission of the request, which is settled when the exchange ends. */
  setAdmission(admission: AccountAdmission): void {
    this.#admission = admission;
  }

  /** Whether the request is free, even if its response contains usage. */
  get isFree(): boolean {
    return this.#request.isFree;
  }

  /** The name of the client. */
  get principal(): string {
    return this.#principal.name;
  }

  /** What the request states, as far as the proxy has read it. */
  get facts(): RequestFacts {
    return this.#request.facts();
  }

  /** What the request does with an object of the provider. Undefined: other requests. */
  get object(): ObjectRequest | undefined {
    return this.#request.object;
  }

  /**
   * The bytes of text that this exchange has received of a certain object. 0 if it concerns another object.
   */
  receivedBytes({ endpoint, providerAccount }: Omit<ObjectKey, "id">, id: string | undefined): number {
    const { object } = this.#request;
    if (object === undefined || id === undefined) return 0;
    const { place } = this;
    const isSamePlace = place.endpoint === endpoint ||
      providerAccount !== undefined && place.providerAccount === providerAccount;
    if (!isSamePlace) return 0;
    return (object.id ?? this.#tap?.object?.id) === id ? this.#tap?.textBytes ?? 0 : 0;
  }

  /** Whether the exchange created an object that is settled later. */
  get hasCreated(): boolean {
    return this.#hasCreated;
  }

  /** Whether any response of the endpoint can have a price. */
  get isPriced(): boolean {
    return this.#costs.isPriced;
  }

  /** The first model without a price, as {@link ExchangeCosts.unpricedModel} finds it. */
  unpricedModel(candidates: readonly CandidateModel[], facts: RequestFacts): string | undefined {
    return this.#costs.unpricedModel(candidates, facts);
  }

  /** The first hosted tool without a price, as {@link ExchangeCosts.unpricedTool} finds it. */
  unpricedTool(candidates: readonly CandidateModel[], facts: RequestFacts): UnpricedTool | undefined {
    return this.#costs.unpricedTool(candidates, facts);
  }

  /**
   * Reserves the stated tokens of the request and the cost of the most expensive candidate. Throws if other
   * requests have reserved the remainder. Undefined: the request is free.
   */
  reserve(reserved: ReservedUsage | undefined): void {
    const facts = this.#request.facts();
    const { micros, mostMicros } = this.#costs.reservation(reserved, facts);
    const held = { tokens: reserved?.statedTokens ?? 0, micros, mostMicros };
    this.#held = held;
    this.#admission?.reserve(held);
    this.#reserved = withContentElsewhere(reserved, facts);
    this.#unseen = reserved && new UnseenTime(this.#parts.clock.now());
  }

  attempted(): void {
    // Earlier attempts have separate estimates.
    this.#unseen?.restart(this.#parts.clock.now());
  }

  unanswered(backend: Backend, elapsedMs: number): AttemptEstimate | undefined {
    const charge = this.#costs.charge(backend, {
      request: this.#request,
      reserved: this.#reserved,
      summary: NOTHING,
      outcome: unansweredOutcome({
        elapsedMs,
        tokensPerMs: this.#costs.tokensPerMs(this.#request.facts().model),
      }),
    });
    if (charge.source === undefined) return undefined;
    this.#timedOut = [...this.#timedOut, charge];
    const { usage: { inputTokens, outputTokens }, tokens = 0, cost } = charge;
    this.#admission?.reserveMore({ tokens, micros: cost?.micros ?? 0 });
    return { inputTokens, outputTokens, costMicros: cost?.micros };
  }

  answered({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#backend = backend;
    this.#status = status;
    this.#mediaType = essenceOf(fields);
    this.#isPart = isPartialContent(status, fields);
    this.#providerRequestId = fieldValue(fields, "x-request-id") ?? fieldValue(fields, "request-id");
    this.#tap = tapOf(fields, { object: this.#request.object, upstream: backend.name });
  }

  passed(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#tap?.write(piece);
    // Before the client gets the piece: the reservation is kept even if the process is killed.
    if (this.#request.object?.action === "create") this.noticeObject();
    if (this.#request.object !== undefined) this.#noticeText(this.#request.object);
    this.#unseen?.seen(this.#tap?.textBytes ?? 0, this.#parts.clock.now());
  }

  sent(piece: Uint8Array): void {
    this.#tap?.sent?.(piece);
  }

  hasSeenEnd(): boolean {
    // Each of several choices has its own stop reason.
    return this.#tap?.isOver === true && this.#hasOneChoice;
  }

  isStored(): boolean {
    return this.#request.facts().isStored === true;
  }

  get #hasOneChoice(): boolean {
    return (this.#request.facts().choices ?? 1) === 1;
  }

  settle(record: ExchangeRecord): ReturnType<ExchangeAccount["settle"]> {
    return this.#owner.close(this, record);
  }

  /** What the response reported, once it has ended. A promise only if the response was compressed. */
  summary(): ResponseSummary | Promise<ResponseSummary> {
    return this.#tap?.end() ?? NOTHING;
  }

  /** The exchange as the management API shows it while it runs. */
  running(): RunningExchange {
    const principal = this.#principal;
    const { model, stream } = this.#request.facts();
    return {
      requestId: this.#exchange.id,
      startedAt: this.#startedAt,
      endpoint: this.endpoint?.name,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      client: this.#client,
      modelAsked: this.#recordText(this.#exchange.modelAsked ?? model),
      stream,
      backend: this.#backend?.name,
      bytes: this.#bytes,
    };
  }

  /**
   * Passes the reservation on to the batch or background response that this response created, once the
   * response shows it.
   */
  noticeObject(): void {
    const { object } = this.#request;
    if (this.#hasCreated || object === undefined || !this.#isGood) return;
    // Computed once. An upstream that answers before it has the body is judged by what has passed.
    const isBackground = () => this.#isBackground ??= this.#request.facts().background === true;
    const id = pendingObjectId(this.#tap, { kind: object.kind, isBackground });
    if (id === undefined || this.#admission === undefined) return;
    const origin = this.#objectOrigin();
    if (!this.#parts.objects.hasRoom(origin)) return;
    this.#hasCreated = true;
    const held = this.#admission.handOver();
    this.#parts.objects.add(awaitedObject(id, origin, held), held);
  }

  /** Records the text of an object that is not over, often enough that a cancellation finds most of it. */
  #noticeText({ kind, id = this.#tap?.object?.id }: ObjectRequest): void {
    const { textBytes = 0, object } = this.#tap ?? {};
    if (
      textBytes < this.#noticedBytes || kind === "batch" || id === undefined || object?.isPending !== true
    ) {
      return;
    }
    this.#noticedBytes = textBytes + Math.min(Math.max(textBytes, 1), MAX_UNNOTICED_BYTES);
    if (textBytes > 0) this.#parts.objects.received({ ...this.place, id }, textBytes);
  }

  /** The place of the objects of this exchange: its endpoint, and its account at the provider. */
  get place(): Omit<ObjectKey, "id"> {
    return { endpoint: this.endpoint?.name ?? "", providerAccount: this.#providerAccount() };
  }

  /** The account at the provider. Undefined: no backend responded, or the client sent its key. */
  #providerAccount(): string | undefined {
    const { endpoint } = this;
    if (this.#backend === undefined || endpoint === undefined) return undefined;
    const { baseUrl, key } = this.#backend;
    const ofProject = projectKey(this.#backend, { endpoint, keys: this.#principal.keys });
    const own = key.mode === "inject" ? key.value : key.mode === "none" ? "" : undefined;
    const value = ofProject ?? own;
    return value === undefined ? undefined : providerAccount(baseUrl.origin, value);
  }

  #objectOrigin(): ObjectOrigin {
    const { id, path } = this.#exchange;
    const principal = this.#principal;
    return {
      ...this.place,
      kind: this.#request.object?.kind ?? "",
      requestId: id,
      path,
      provider: this.endpoint?.dialect,
      backend: this.#backend?.name,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      client: this.#client,
      facts: this.#request.facts(),
      madeAt: this.#startedAt,
    };
  }

  get #isGood(): boolean {
    return this.#status !== undefined && this.#status >= 200 && this.#status < 300;
  }

  /** What the response says about an object. */
  objectResponse(
    record: ExchangeRecord,
    { request, summary, receivedBytes }: Pick<ObjectResponse, "request" | "summary" | "receivedBytes">,
  ): ObjectResponse {
    return {
      request,
      endpoint: this.endpoint?.name ?? "",
      providerAccount: this.place.providerAccount,
      summary,
      receivedBytes,
      isWhole: this.#isGood && !this.#isPart && record.ending === "complete",
      charge: (object, part) => this.#settlement(object, part),
      asOwnObject: (id) => awaitedObject(id, this.#objectOrigin()),
    };
  }

  #settlement(object: AwaitedObject, part: ReportedPart): Settlement {
    const charge = this.#costs.chargeOfObject(object, part, this.#backend);
    const { outputTokens } = part.usage;
    if (object.kind !== "batch" && object.model !== undefined && outputTokens !== undefined) {
      this.#parts.outputs.add(
        { endpoint: object.endpoint, model: object.model, principal: object.principal },
        outputTokens,
      );
    }
    const tokens = this.#costs.countedTokens(charge) ?? 0;
    return { charge, tokens, model: part.model, stopReason: part.stopReason };
  }

  /** Settles an exchange whose usage cannot be worked out: what was reserved counts as used. */
  abandon(): void {
    const { tokens, micros } = this.#hasCreated ? NOTHING_HELD : this.#held;
    this.#admission?.settle({ tokens, micros });
  }

  /** Settles what was reserved, and returns the usage of the exchange. */
  close(record: ExchangeRecord, summary: ResponseSummary): ExchangeUsage {
    const { model, stopReason } = summary;
    const principal = this.#principal;
    const facts = this.#request.facts();
    const charge = withTimedOutAttempts(
      this.#hasCreated ? NO_CHARGE : this.#charge(record, summary),
      this.#timedOut,
    );
    const tokens = this.#costs.countedTokens(charge);
    const booking = this.#admission?.settle({ tokens, micros: charge.cost?.micros });
    return exchangeUsage(charge, {
      providerRequestId: storedText(this.#providerRequestId),
      startedAt: this.#startedAt,
      provider: this.endpoint?.dialect,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      metered: this.#request.isMetered,
      admitted: this.#admission !== undefined,
      client: this.#client,
      stream: facts.stream,
      modelAsked: this.#recordText(this.#exchange.modelAsked ?? facts.model),
      modelAnswered: this.#recordText(model),
      stopReason: this.#recordText(stopReason),
      partial: this.#backend !== undefined && record.ending !== "complete",
      booking,
      settlement: this.#hasCreated ? "awaited" : undefined,
    });
  }

  /** A text of the client or the provider as records have it. */
  #recordText(text: string | undefined): string | undefined {
    return storedText(text === undefined ? undefined : this.#exchange.redact(text));
  }

  #charge(record: ExchangeRecord, summary: ResponseSummary): Charge {
    const facts = this.#request.facts();
    const last = lastOutcome({
      status: this.#status,
      backend: this.#backend,
      endpoint: this.endpoint,
      facts,
      mediaType: this.#mediaType,
      path: this.#exchange.path,
      unseenMs: this.#unseen?.sum(this.#parts.clock.now()) ?? 0,
      tokensPerMs: this.#costs.tokensPerMs(facts.model),
    }, { record, summary });
    if (last === undefined) {
      return { usage: summary.usage, tokens: undefined, cost: undefined, source: undefined };
    }
    return this.#costs.charge(last.backend, {
      request: this.#request,
      reserved: summary.hasHostedCalls === true
        ? withContentElsewhere(this.#reserved, { refersElsewhere: true })
        : this.#reserved,
      summary,
      outcome: last.outcome,
    });
  }
}
