/** The account of one exchange: what it asks for, what its answer said, and what that costs. */

import type { Booking } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import { overridingModel } from "../config/model_override.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { AttemptEstimate, ExchangeAccount, ExchangeRecord } from "../exchange.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import type { Principal } from "../principal.ts";
import type { AwaitedObject, ExchangeRow } from "../storage/store.ts";
import type { Observed } from "./answer_tap.ts";
import { attemptLogOf } from "./attempt_log.ts";
import {
  type Charge,
  chargeAsTold,
  chargeReserved,
  chargeUnreserved,
  type Order,
  type Reserving,
  withGivenUp,
} from "./charge.ts";
import type { Pricer } from "./cost.ts";
import { EndpointPrices } from "./endpoint_prices.ts";
import type { Progress } from "./estimate.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { lastingId, madeObject, type Making } from "./made_object.ts";
import type { ObjectRequest } from "./object_paths.ts";
import type { HeldAmounts, Look, Objects } from "./objects.ts";
import type { RecentOutputs } from "./recent_outputs.ts";
import type { RecentSpeeds, SpeedSample } from "./recent_speeds.ts";
import { priceFactor } from "./price_factor.ts";
import { chargeOfObject, kept, type Settled, sum, type ToldPart } from "./settlement.ts";
import { type Tap, tapOf } from "./tap.ts";
import { UnseenTime } from "./unseen_time.ts";

/** An exchange that begins. */
export interface Opening {
  readonly id: string;
  /** As records have it. */
  readonly path: string;
  readonly principal: Principal;
  readonly endpoint: Endpoint | undefined;
  readonly fields: readonly Field[];
}

/** An exchange that is running. */
export interface RunningExchange {
  readonly requestId: string;
  readonly startedAt: number;
  readonly endpoint: string | undefined;
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly client: string;
  readonly modelAsked: string | undefined;
  readonly stream: boolean | undefined;
  readonly backend: string | undefined;
  readonly bytes: number;
}

/** What a request asks for, as far as it has been read. */
export interface Asked {
  readonly facts: () => RequestFacts;
  /** An estimate of its input, by what has passed. */
  readonly inputTokens: () => number;
  /** The most that its answer may have. */
  readonly outputTokens: () => number;
  /** A model answers there, which costs something. */
  readonly isMetered: boolean;
  /** Nothing there costs anything, whatever the answer holds. */
  readonly isFree: boolean;
  /** It makes an object that can be looked at again, or looks at one. */
  readonly object?: ObjectRequest | undefined;
}

/** Where objects are kept that go on behind their exchange. */
export type ObjectRoom = Pick<Objects, "hasRoom" | "made">;

/** An admission, as an account settles it. */
export interface Admitted {
  readonly reserve: (
    reservation: { readonly tokens: number; readonly micros: number; readonly mostMicros: number },
  ) => void;
  /** Adds to that, whether or not there is as much. */
  readonly reserveMore: (reservation: { readonly tokens: number; readonly micros: number }) => void;
  /** What is reserved is held beyond the end of the exchange. */
  readonly handOver: () => HeldAmounts & {
    readonly tokens: number;
    readonly modelRules: readonly string[];
  };
  /** Tells where the cost is booked. */
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => Booking;
}

/** The input that is counted for content elsewhere whose length is not known, where the model's maximum is not known. */
const UNKNOWN_CONTEXT_TOKENS = 200_000;
const NOTHING: Observed = { usage: {} };
/** Of an attempt that did not answer in time. */
const UNANSWERED = {
  isGood: true,
  isAnswered: false,
  isComplete: false,
  hasStopped: false,
  textTokens: undefined,
  texts: undefined,
  untoldTextTokens: undefined,
  isStream: false,
  bytes: 0,
} as const;
const NO_CHARGE: Charge = { usage: {}, tokens: undefined, cost: undefined, source: undefined };

/** The account of one exchange. */
export class Account implements ExchangeAccount {
  readonly endpoint: Endpoint | undefined;
  readonly traceparent: string | undefined;
  readonly #opening: Opening;
  readonly #startedAt: number;
  readonly #client: string;
  readonly #clock: Clock;
  readonly #prices: EndpointPrices;
  readonly #outputs: RecentOutputs;
  readonly #speeds: RecentSpeeds;
  readonly #objects: ObjectRoom;
  readonly #onEnd: (record: ExchangeRecord) => void;
  #hasMade = false;
  #asksBackground: boolean | undefined;
  #asked: Asked = {
    facts: () => ({}),
    inputTokens: () => 0,
    outputTokens: () => 0,
    isMetered: false,
    isFree: false,
  };
  /** Attempts that did not answer in time. */
  readonly #givenUp: Charge[] = [];
  #admission: Admitted | undefined;
  #reserving: Reserving | undefined;
  #unseen: UnseenTime | undefined;
  /** The provider's; undefined while it has not answered. */
  #answeredStatus: number | undefined;
  #backend: Backend | undefined;
  #providerRequestId: string | undefined;
  #tap: Tap | undefined;
  #bytes = 0;

  constructor(
    opening: Opening,
    { startedAt, client, clock, pricer, outputs, speeds, objects, onEnd }: {
      startedAt: number;
      client: string;
      clock: Clock;
      pricer: Pricer;
      outputs: RecentOutputs;
      speeds: RecentSpeeds;
      objects: ObjectRoom;
      onEnd: (record: ExchangeRecord) => void;
    },
  ) {
    this.endpoint = opening.endpoint;
    this.traceparent = fieldValue(opening.fields, "traceparent");
    this.#opening = opening;
    this.#startedAt = startedAt;
    this.#client = client;
    this.#clock = clock;
    this.#prices = new EndpointPrices(pricer, opening.endpoint);
    this.#outputs = outputs;
    this.#speeds = speeds;
    this.#objects = objects;
    this.#onEnd = onEnd;
  }

  asks(asked: Asked): void {
    this.#asked = asked;
  }

  /** The request was admitted. The admission is settled when the exchange ends. */
  admitted(admission: Admitted): void {
    this.#admission = admission;
  }

  get isFree(): boolean {
    return this.#asked.isFree;
  }

  /** The output that the request allows, in tokens. */
  get mostOutputTokens(): number {
    return this.#asked.facts().maxOutputTokens ?? Infinity;
  }

  get modelAsked(): string | undefined {
    return this.#asked.facts().model;
  }

  /** What it has to do with an object that can be looked at again. */
  get object(): ObjectRequest | undefined {
    return this.#asked.object;
  }

  /** How much text of an object of that id it has received, in bytes. */
  receivedBytes(endpoint: string | undefined, id: string | undefined): number {
    const { object } = this.#asked;
    if (object === undefined || id === undefined || this.endpoint?.name !== endpoint) return 0;
    return (object.id ?? this.#tap?.object?.id) === id ? this.#tap?.textBytes ?? 0 : 0;
  }

  /** It made an object that is settled when it is over. */
  get hasMade(): boolean {
    return this.#hasMade;
  }

  /** How fast its model was; undefined where the answer does not show it. */
  speedOf(
    { method, ending, durationMs, attempts }: ExchangeRecord,
    { usage, unfinished }: Observed,
  ): SpeedSample | undefined {
    const { outputTokens } = usage;
    // What was fetched had been written before, and what came at the same time was not written one by one.
    const isOneAnswer = method === "POST" && ending === "complete" && this.#hasOneChoice &&
      this.#asked.facts().background !== true && !this.#hasMade && unfinished === undefined &&
      (usage.outputImageTokens ?? 0) + (usage.outputAudioTokens ?? 0) === 0;
    if (!isOneAnswer || outputTokens === undefined) return undefined;
    const { afterMs = 0 } = attempts.at(-1) ?? {};
    return {
      principal: this.#opening.principal.name,
      tokens: outputTokens,
      durationMs: durationMs - afterMs,
    };
  }

  /** Whether anything that its endpoint answers can have a price. */
  get isPriced(): boolean {
    return this.#prices.hasAny;
  }

  /**
   * The first ordered model that has no price at a backend where others have one. A name that another backend overrides
   * is the configuration's own, and stands for a model with a price. Undefined: there is no such model.
   */
  unpricedModel(orders: readonly Order[]): string | undefined {
    const isOverridden = (name: string) =>
      this.endpoint?.backends.some(({ model }) => overridingModel(model, name) !== undefined) === true;
    return orders.find(({ backend, model }) => this.#prices.lacks(model, backend) && !isOverridden(model))
      ?.model;
  }

  /**
   * Reserves what the request may use: its stated tokens, and the cost of the most expensive of its orders. Throws where
   * other requests have reserved the rest. Undefined: the request costs nothing.
   */
  reserve(reserving: Reserving | undefined): void {
    const facts = this.#asked.facts();
    // A background response goes on when the request has ended, and nothing watches how many there are.
    const isExpected = this.endpoint?.reserve === "expected" && facts.background !== true;
    const expectedTokens = isExpected && facts.model !== undefined && this.endpoint !== undefined
      ? this.#outputs.expected(this.endpoint.name, facts.model)
      : undefined;
    const most = this.#costOf(reserving, { refersElsewhere: facts.refersElsewhere === true });
    const expected = isExpected
      ? this.#costOf(reserving, { refersElsewhere: false, mostOutputTokens: expectedTokens })
      : most;
    this.#admission?.reserve({
      tokens: reserving?.statedTokens ?? 0,
      micros: expected,
      mostMicros: most,
    });
    this.#reserving = reserving && facts.refersElsewhere === true
      ? { ...reserving, inputTokens: Math.max(reserving.inputTokens, UNKNOWN_CONTEXT_TOKENS) }
      : reserving;
    this.#unseen = reserving && new UnseenTime(this.#clock.now());
  }

  /** The cost of the most expensive order, in micro-dollars. */
  #costOf(
    reserving: Reserving | undefined,
    { refersElsewhere, mostOutputTokens = Infinity }: {
      /** The model reads content that is not in the body: up to all that it takes. */
      refersElsewhere: boolean;
      mostOutputTokens?: number | undefined;
    },
  ): number {
    if (reserving === undefined) return 0;
    const { factor } = priceFactor(undefined, this.#asked.facts().tier);
    const costs = reserving.orders.map(({ backend, model, outputTokens }) => {
      const context = this.#prices.contextTokens(model, backend);
      const elsewhere = Number.isFinite(context) ? context : UNKNOWN_CONTEXT_TOKENS;
      const inputTokens = refersElsewhere ? elsewhere : Math.min(reserving.inputTokens, context);
      const usage = { inputTokens, outputTokens: Math.min(outputTokens, mostOutputTokens) };
      const at = { backend, factor, epochMs: this.#startedAt };
      return this.#prices.cost(usage, [model], at)?.micros ?? 0;
    });
    return Math.max(0, ...costs);
  }

  attempted(): void {
    // What another backend did before is counted by itself.
    this.#unseen = this.#unseen && new UnseenTime(this.#clock.now());
  }

  unanswered(backend: Backend, elapsedMs: number): AttemptEstimate | undefined {
    const charge = this.#chargeAt(backend, NOTHING, {
      ...UNANSWERED,
      durationMs: elapsedMs,
      unseenMs: elapsedMs,
    });
    if (charge.source === undefined) return undefined;
    this.#givenUp.push(charge);
    const { usage: { inputTokens, outputTokens }, tokens = 0, cost } = charge;
    this.#admission?.reserveMore({ tokens, micros: cost?.micros ?? 0 });
    return { inputTokens, outputTokens, costMicros: cost?.micros };
  }

  answered({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#backend = backend;
    this.#answeredStatus = status;
    this.#providerRequestId = fieldValue(fields, "x-request-id") ?? fieldValue(fields, "request-id");
    this.#tap = tapOf(fields, { object: this.#asked.object, upstream: backend.name });
  }

  passed(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#tap?.write(piece);
    // Before the client can know of it: it is counted also where this process is killed then.
    if (this.#asked.object?.act === "make") this.sighted();
    this.#unseen?.seen(this.#tap?.textBytes ?? 0, this.#clock.now());
  }

  sent(piece: Uint8Array): void {
    this.#tap?.sent?.(piece);
  }

  hasSeenEnd(): boolean {
    // Of several choices each stops for itself.
    return this.#tap?.isOver === true && this.#hasOneChoice;
  }

  get #hasOneChoice(): boolean {
    return (this.#asked.facts().choices ?? 1) === 1;
  }

  ended(record: ExchangeRecord): void {
    this.#onEnd(record);
  }

  observed(): Observed | Promise<Observed> {
    return this.#tap?.end() ?? NOTHING;
  }

  running(): RunningExchange {
    const { id, principal } = this.#opening;
    const { model, stream } = this.#asked.facts();
    return {
      requestId: id,
      startedAt: this.#startedAt,
      endpoint: this.endpoint?.name,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      client: this.#client,
      modelAsked: kept(model),
      stream,
      backend: this.#backend?.name,
      bytes: this.#bytes,
    };
  }

  /** Hands over what is reserved if the answer tells by now of an object that goes on without it. */
  sighted(): void {
    const { object } = this.#asked;
    if (this.#hasMade || object === undefined || !this.#isGood) return;
    // A body that passes has been read when its answer comes: asked once, not for each piece.
    const asksBackground = () => this.#asksBackground ??= this.#asked.facts().background === true;
    const id = lastingId(this.#tap, { kind: object.kind, asksBackground });
    if (id === undefined || this.#admission === undefined) return;
    const making = this.#making();
    if (!this.#objects.hasRoom(making)) return;
    this.#hasMade = true;
    const held = this.#admission.handOver();
    this.#objects.made(madeObject(id, making, held), held);
  }

  #making(): Making {
    const { id, path, principal } = this.#opening;
    return {
      endpoint: this.endpoint?.name ?? "",
      kind: this.#asked.object?.kind ?? "",
      requestId: id,
      path,
      provider: this.endpoint?.provider,
      backend: this.#backend?.name,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      client: this.#client,
      facts: this.#asked.facts(),
      madeAt: this.#startedAt,
    };
  }

  get #isGood(): boolean {
    return this.#answeredStatus !== undefined && this.#answeredStatus >= 200 && this.#answeredStatus < 300;
  }

  /** What the answer says of the object it is about. */
  look(
    record: ExchangeRecord,
    { request, observed, receivedBytes }: Pick<Look, "request" | "observed" | "receivedBytes">,
  ): Look {
    return {
      request,
      endpoint: this.endpoint?.name ?? "",
      observed,
      receivedBytes,
      isWhole: this.#isGood && record.ending === "complete",
      charge: (object, part) => this.#settled(object, part),
      asMaker: (id) => madeObject(id, this.#making()),
    };
  }

  #settled(object: AwaitedObject, part: ToldPart): Settled {
    const backend = this.#backend;
    const { factor, isGuessed } = priceFactor(part.tier, object.tier);
    const prices = backend && this.#prices.at(backend, { factor, isGuessed, epochMs: object.madeAt });
    const models = [part.model, object.model].filter((name) => name !== undefined);
    const charge = chargeOfObject(object, prices && chargeAsTold(part, models, prices));
    const { outputTokens } = part.usage;
    if (object.kind !== "batch" && object.model !== undefined && outputTokens !== undefined) {
      this.#outputs.add(object.endpoint, object.model, outputTokens);
    }
    return { charge, tokens: this.#counted(charge) ?? 0, model: part.model, stopReason: part.stopReason };
  }

  /** Tokens that count towards limits. */
  #counted({ tokens, usage }: Charge): number | undefined {
    const uncounted = this.endpoint?.countCacheReads === true ? 0 : usage.cachedTokens ?? 0;
    return tokens === undefined ? undefined : Math.max(0, tokens - uncounted);
  }

  /** Settles it, and gives what is kept of it. */
  close(record: ExchangeRecord, observed: Observed): ExchangeRow {
    const { model, stopReason } = observed;
    const { principal } = this.#opening;
    const facts = this.#asked.facts();
    const charge = withGivenUp(this.#hasMade ? NO_CHARGE : this.#charge(record, observed), this.#givenUp);
    const { usage } = charge;
    const tokens = this.#counted(charge);
    const booking = this.#admission?.settle({ tokens, micros: charge.cost?.micros });
    return {
      requestId: record.id,
      providerRequestId: kept(this.#providerRequestId),
      startedAt: this.#startedAt,
      durationMs: record.durationMs,
      firstByteMs: record.firstByteMs,
      method: record.method,
      path: record.path,
      endpoint: record.endpoint,
      provider: this.endpoint?.provider,
      backend: record.backend,
      attempts: record.attempts.length,
      attemptLog: attemptLogOf(record),
      status: record.status,
      ending: record.ending,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      metered: this.#asked.isMetered,
      admitted: this.#admission !== undefined,
      client: this.#client,
      stream: facts.stream,
      modelAsked: kept(facts.model),
      modelAnswered: kept(model),
      stopReason: kept(stopReason),
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      cachedTokens: usage.cachedTokens,
      cacheWriteTokens: usage.cacheWriteTokens,
      reasoningTokens: usage.reasoningTokens,
      audioTokens: sum(usage.inputAudioTokens, usage.outputAudioTokens),
      imageTokens: sum(usage.inputImageTokens, usage.outputImageTokens),
      partial: this.#backend !== undefined && record.ending !== "complete",
      costMicros: charge.cost?.micros,
      costIsPartial: charge.cost?.isPartial === true,
      usageSource: charge.source,
      priceVersion: charge.cost?.version,
      bytes: record.bytes,
      booking,
      settlement: this.#hasMade ? "awaited" : undefined,
    };
  }

  #charge(record: ExchangeRecord, observed: Observed): Charge {
    const { usage, stopReason } = observed;
    const last = record.attempts.at(-1);
    const isGood = this.#answeredStatus === undefined
      // Between two attempts nobody works.
      ? record.ending === "client_gone" && last?.detail === undefined && last?.estimated === undefined
      : this.#answeredStatus < 400;
    // An answer that a client did not wait for has been made all the same.
    const backend = this.#backend ??
      (isGood ? this.endpoint?.backends.find(({ name }) => name === record.backend) : undefined);
    if (backend === undefined) return { usage, tokens: undefined, cost: undefined, source: undefined };
    return this.#chargeAt(backend, observed, {
      isGood,
      isAnswered: this.#backend !== undefined,
      // A background response is written to its end, and can be fetched later.
      isComplete: record.ending === "complete" || this.#asked.facts().background === true,
      hasStopped: stopReason !== undefined && (this.#hasOneChoice || usage.outputTokens !== undefined),
      textTokens: observed.textTokens,
      texts: observed.texts,
      untoldTextTokens: observed.untoldTextTokens,
      isStream: observed.isStream === true,
      bytes: record.bytes,
      durationMs: record.durationMs - (last?.afterMs ?? 0),
      unseenMs: this.#unseen?.sum(this.#clock.now()) ?? 0,
    });
  }

  #chargeAt(
    backend: Backend,
    observed: Observed,
    { isGood, ...seen }: Omit<Progress, "tokensPerMs"> & { readonly isGood: boolean },
  ): Charge {
    const { model, tier } = observed;
    const asked = this.#asked.facts();
    const { factor, isGuessed } = priceFactor(tier, asked.tier);
    const prices = this.#prices.at(backend, { factor, isGuessed, epochMs: this.#startedAt });
    const models = [model, asked.model].filter((name) => name !== undefined);
    const tokensPerMs = this.#speeds.tokensPerMs(this.endpoint?.name ?? "", asked.model ?? "");
    const progress = { ...seen, tokensPerMs };
    const reserving = this.#reserving;
    if (!isGood || reserving === undefined && !this.#asked.isMetered) {
      return chargeAsTold(observed, models, prices);
    }
    if (reserving === undefined) {
      const inputTokens = this.#asked.inputTokens();
      const outputTokens = this.#asked.outputTokens();
      return chargeUnreserved({ told: observed, models, inputTokens, outputTokens, progress }, prices);
    }
    const orders = reserving.orders.filter((order) => order.backend.name === backend.name);
    return chargeReserved({ told: observed, reserving, orders, progress }, prices);
  }
}
