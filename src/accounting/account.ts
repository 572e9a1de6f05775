/** The account of one exchange: what it requests, what its response reports, and what that costs. */

import type { Backend, Endpoint } from "../config/config.ts";
import { modelSentInstead } from "../config/model_override.ts";
import type { ExchangeAccount } from "../exchange/observers.ts";
import type { AttemptEstimate, ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import type { Listed } from "../live_list.ts";
import type { Principal } from "../principal.ts";
import type { AccountAdmission, TakenExchange } from "./account_admission.ts";
import type { AccountedExchange, AccountOwner, AccountParts } from "./accounted_exchange.ts";
import type { AccountedRequest } from "./accounted_request.ts";
import { lastOutcome, unansweredOutcome } from "./billed_outcome.ts";
import { AccountObjects } from "./settlement/account_objects.ts";
import { type CandidateModel, type Charge, type ReservedUsage, withTimedOutAttempts } from "./charge.ts";
import { ExchangeCosts, type UnpricedTool, withContentElsewhere } from "./exchange_costs.ts";
import { exchangeUsage } from "./exchange_row.ts";
import { isPartialContent } from "../http/partial_content.ts";
import type { ObjectRequest } from "./settlement/object_paths.ts";
import { essenceOf } from "../payload/media_type.ts";
import type { ResponseSummary } from "./taps/response_summary.ts";
import type { EndpointPrices } from "./prices/endpoint_prices.ts";
import type { RunningExchange } from "./running_exchange.ts";
import { storedText } from "./stored_text.ts";
import { type Tap, tapOf } from "./taps/tap.ts";
import { UnseenTime } from "./estimates/unseen_time.ts";

const NOTHING: ResponseSummary = { usage: {} };
/** The facts of a request before the proxy has read its body. */
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
export class Account implements ExchangeAccount, Listed {
  /** The index of the account in the list of running exchanges. `undefined` if it is not in the list. */
  listIndex: number | undefined;
  readonly #exchange: AccountedExchange;
  readonly #principal: Principal;
  readonly #startedAt: number;
  readonly #client: string;
  readonly #parts: AccountParts;
  /** The prices of the admission. `undefined` until the request is admitted. */
  #prices: EndpointPrices | undefined;
  #costs: ExchangeCosts | undefined;
  readonly #owner: AccountOwner;
  #request: AccountedRequest = UNKNOWN_REQUEST;
  /** The charges of attempts that got no response within a timeout. */
  #timedOut: readonly Charge[] = NO_CHARGES;
  #admission: AccountAdmission | undefined;
  #reserved: ReservedUsage | undefined;
  /** The amounts that the reservation of this exchange holds. */
  #held = NOTHING_HELD;
  #unseen: UnseenTime | undefined;
  /** The object of the provider. `undefined` for requests that concern no object. */
  #objects: AccountObjects | undefined;
  /** The status of the response. `undefined` until its headers have arrived. */
  #status: number | undefined;
  /** Whether the response is only a part of the resource at its URL (a range). */
  #isPart = false;
  /** The media type of the response. Empty until its headers have arrived. */
  #mediaType = "";
  #backend: Backend | undefined;
  #providerRequestId: string | undefined;
  #tap: Tap | undefined;
  #bytes = 0;

  /** `startedAt` is the start of the exchange, in milliseconds since 1970. */
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

  /**
   * The endpoint of the exchange. `undefined` if the path has no endpoint, or the model has not chosen one
   * yet.
   */
  get endpoint(): Endpoint | undefined {
    return this.#exchange.endpoint;
  }

  #newCosts(): ExchangeCosts {
    const { endpoint } = this;
    const { outputs, speeds } = this.#parts;
    const prices = this.#prices ?? this.#owner.pricesOf(endpoint);
    return new ExchangeCosts(endpoint, { startedAt: this.#startedAt, prices, outputs, speeds });
  }

  /** Sets the facts of the request that are known so far. */
  setRequest(request: AccountedRequest): void {
    this.#request = request;
  }

  /**
   * Sets the admission of the request, which is settled when the exchange ends. `undefined` if it was not
   * admitted.
   */
  setAdmission(admission: AccountAdmission | undefined): void {
    this.#admission = admission;
    // A reload can replace the list of prices while the request runs.
    if (this.endpoint !== undefined) this.#prices ??= this.#owner.pricesOf(this.endpoint);
  }

  /** Returns the data of the exchange that another thread records if this thread ends. */
  taken(method: string): TakenExchange {
    return {
      ...this.running(),
      method,
      path: this.#exchange.loggedPath,
      provider: this.endpoint?.dialect,
      metered: this.#request.isMetered,
    };
  }

  /** Whether the request is free, even if its response contains usage. */
  get isFree(): boolean {
    return this.#request.isFree;
  }

  /** The name of the client. */
  get principal(): string {
    return this.#principal.name;
  }

  /** The facts that the request states, as far as the proxy has read it. */
  get facts(): RequestFacts {
    return this.#request.facts();
  }

  /**
   * The action of the request on an object of the provider. `undefined` if the request concerns no object.
   */
  get object(): ObjectRequest | undefined {
    return this.#request.object;
  }

  /** The object of the provider that the request concerns, and the state of the object by the response. */
  get objects(): AccountObjects {
    return this.#objects ??= new AccountObjects(this, this.#parts);
  }

  /** Whether the exchange created an object that is settled later. */
  get hasCreated(): boolean {
    return this.#objects?.hasCreated === true;
  }

  /** The exchange of this account. */
  get exchange(): AccountedExchange {
    return this.#exchange;
  }

  /** The provider keys of the client's project by endpoint. */
  get keys(): Principal["keys"] {
    return this.#principal.keys;
  }

  /** The id of the managed token, and the id of its project. */
  get owner(): Pick<Principal, "tokenId" | "projectId"> {
    return this.#principal;
  }

  /** The start of the exchange, in milliseconds since 1970. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** The family of client programs. */
  get client(): string {
    return this.#client;
  }

  /** The backend that responded. `undefined` before the headers of its response. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  /**
   * The reader of the response. `undefined` before its headers, and for responses that the proxy cannot read.
   */
  get tap(): Tap | undefined {
    return this.#tap;
  }

  /** The admission of the request. `undefined` if it was not admitted. */
  get admission(): AccountAdmission | undefined {
    return this.#admission;
  }

  /**
   * The costs at the endpoint. They are made at the first use, because nothing needs them before the endpoint
   * is known.
   */
  get costs(): ExchangeCosts {
    return this.#costs ??= this.#newCosts();
  }

  /** Whether the response is successful. */
  get isGood(): boolean {
    return this.#status !== undefined && this.#status >= 200 && this.#status < 300;
  }

  /** Whether the response is only a part of the resource at its URL (a range). */
  get isPart(): boolean {
    return this.#isPart;
  }

  /** Whether every request at the endpoint costs nothing. */
  get hasFreeEndpoint(): boolean {
    return this.costs.areFree;
  }

  /** Returns the first model without a price, as {@link ExchangeCosts.unpricedModel} finds it. */
  unpricedModel(candidates: readonly CandidateModel[], facts: RequestFacts): string | undefined {
    return this.costs.unpricedModel(candidates, facts);
  }

  /** Returns the first hosted tool without a price, as {@link ExchangeCosts.unpricedTool} finds it. */
  unpricedTool(candidates: readonly CandidateModel[], facts: RequestFacts): UnpricedTool | undefined {
    return this.costs.unpricedTool(candidates, facts);
  }

  /**
   * Reserves the stated tokens of the request and the cost of the most expensive candidate. Throws if other
   * requests have reserved the remainder. `reserved` is `undefined` if the request is free.
   */
  reserve(reserved: ReservedUsage | undefined): void {
    const facts = this.#request.facts();
    const { micros, mostMicros } = this.costs.reservation(reserved, facts);
    const held = { tokens: reserved?.statedTokens ?? 0, micros, mostMicros };
    this.#held = held;
    const now = this.#parts.clock.now();
    this.#admission?.reserve(held, now);
    this.#reserved = withContentElsewhere(reserved, facts);
    this.#unseen = reserved && new UnseenTime(now);
  }

  onAttempt(): void {
    // Each attempt has a separate estimate of its invisible output.
    this.#unseen?.restart(this.#parts.clock.now());
  }

  onUnanswered(backend: Backend, elapsedMs: number): AttemptEstimate | undefined {
    const charge = this.costs.charge(backend, {
      request: this.#request,
      reserved: this.#reserved,
      summary: NOTHING,
      outcome: unansweredOutcome({
        elapsedMs,
        tokensPerMs: this.costs.tokensPerMs(this.#request.facts().model),
      }),
    });
    if (charge.source === undefined) return undefined;
    this.#timedOut = [...this.#timedOut, charge];
    const { usage: { inputTokens, outputTokens }, tokens = 0, cost } = charge;
    this.#admission?.reserveMore({ tokens, micros: cost?.micros ?? 0 });
    return { inputTokens, outputTokens, costMicros: cost?.micros };
  }

  onResponse({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#backend = backend;
    this.#status = status;
    this.#mediaType = essenceOf(fields);
    this.#isPart = isPartialContent(status, fields);
    this.#providerRequestId = fieldValue(fields, "x-request-id") ?? fieldValue(fields, "request-id");
    const now = (): number => this.#parts.clock.now();
    this.#tap = tapOf(fields, { object: this.#request.object, upstream: backend.name, now });
  }

  onPiece(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#tap?.write(piece);
    // This happens before the client gets the piece. So the reservation is kept even if the process is
    // killed.
    if (this.#request.object !== undefined) this.objects.passed();
    this.#unseen?.seen(this.#tap?.textBytes ?? 0, this.#parts.clock.now());
  }

  onClientPiece(piece: Uint8Array): void {
    this.#tap?.sent?.(piece);
  }

  hasSeenEnd(): boolean {
    // With several choices, a stop reason ends only one of them.
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

  /**
   * Returns the summary of the response, after the response has ended. Returns a promise only if the response
   * was compressed.
   */
  summary(): ResponseSummary | Promise<ResponseSummary> {
    return this.#tap?.end() ?? NOTHING;
  }

  /** Returns the exchange as the management API shows it while it runs. */
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

  /** Settles an exchange whose usage could not be computed. The reserved amounts count as used. */
  abandon(): void {
    const { tokens, micros } = this.hasCreated ? NOTHING_HELD : this.#held;
    this.#admission?.settle({ tokens, micros });
  }

  /** Settles the reservation, and returns the usage of the exchange. */
  close(record: ExchangeRecord, summary: ResponseSummary): ExchangeUsage {
    const { model, stopReason } = summary;
    const principal = this.#principal;
    const { modelAsked } = this.#exchange;
    const facts = this.#request.facts();
    const endedAt = this.#parts.clock.now();
    const charge = withTimedOutAttempts(
      this.hasCreated ? NO_CHARGE : this.#charge(record, { summary, endedAt }),
      this.#timedOut,
    );
    const tokens = this.costs.countedTokens(charge);
    const booking = this.#admission?.settle({ tokens, micros: charge.cost?.micros }, endedAt);
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
      modelAsked: this.#recordText(modelAsked ?? facts.model),
      requestBytes: this.#request.bytes?.(),
      modelSent: this.#recordText(modelSentInstead(this.#backend?.model, { model: facts.model, modelAsked })),
      modelAnswered: this.#recordText(model),
      stopReason: this.#recordText(stopReason),
      partial: this.#backend !== undefined && record.ending !== "complete",
      booking,
      settlement: this.hasCreated ? "awaited" : undefined,
    });
  }

  /** Returns a text of the client or the provider in the form for records. */
  #recordText(text: string | undefined): string | undefined {
    return storedText(text === undefined ? undefined : this.#exchange.redact(text));
  }

  #charge(
    record: ExchangeRecord,
    { summary, endedAt }: { readonly summary: ResponseSummary; readonly endedAt: number },
  ): Charge {
    const facts = this.#request.facts();
    const last = lastOutcome({
      status: this.#status,
      backend: this.#backend,
      endpoint: this.endpoint,
      facts,
      mediaType: this.#mediaType,
      path: this.#exchange.loggedPath,
      unseenMs: this.#unseen?.sum(endedAt) ?? 0,
      tokensPerMs: this.costs.tokensPerMs(facts.model),
    }, { record, summary });
    if (last === undefined) {
      return { usage: summary.usage, tokens: undefined, cost: undefined, source: undefined };
    }
    return this.costs.charge(last.backend, {
      request: this.#request,
      reserved: summary.hasHostedCalls === true
        ? withContentElsewhere(this.#reserved, { refersElsewhere: true })
        : this.#reserved,
      summary,
      outcome: last.outcome,
    });
  }
}
