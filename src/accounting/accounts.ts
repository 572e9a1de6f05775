/** Keeps an account of every exchange, and lists the running exchanges. */

import type { Clock } from "../time/clock.ts";
import type { ExchangeRecord } from "../exchange.ts";
import { fieldValue } from "../http/fields.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { Account, type AccountParts, type ExchangeStart } from "./account.ts";
import type { Endpoint } from "../config/config.ts";
import type { RunningExchange } from "./running_exchange.ts";
import type { ResponseSummary } from "./response_summary.ts";
import { clientFamily } from "./client_family.ts";
import type { Pricer } from "./cost.ts";
import { EndpointPrices } from "./endpoint_prices.ts";
import type { Objects } from "./objects.ts";
import { RecentOutputs } from "./recent_outputs.ts";
import { RecentSpeeds } from "./recent_speeds.ts";
import { speedSample } from "./speed_sample.ts";

/** An exchange that has ended, with its row for the database. */
export interface EndedExchange {
  readonly row: ExchangeRow;
  readonly record: ExchangeRecord;
  /** The contradictions in the usage that the provider reported, as texts for a log. */
  readonly contradictions: readonly string[];
  /** The header `traceparent` of the client. Undefined without one. */
  readonly traceparent: string | undefined;
}

/** What {@link Accounts} needs of the rest of the program. */
export interface AccountsParts {
  readonly clock: Clock;
  readonly pricer: Pricer;
  readonly objects: Pick<Objects, "hasRoom" | "add" | "received" | "responseEnded">;
  /** Called once for each exchange, when its usage and its cost are known. */
  readonly onRow: (ended: EndedExchange) => void;
  /** Called when an exchange begins. */
  readonly onOpen?: (account: Pick<Account, "running">) => void;
  /**
   * Called when the usage of an exchange could not be worked out, which is a bug. The reserved amounts count.
   */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** A response that used this part of its output limit may have been cut off by the limit. */
const CUT_OFF_PART = 0.9;
const MAX_USER_AGENTS = 500;

/** The accounts of all running exchanges. */
export class Accounts {
  readonly #parts: AccountsParts;
  readonly #open = new Set<Account>();
  readonly #outputs = new RecentOutputs();
  readonly #speeds = new RecentSpeeds();
  readonly #shared: AccountParts;
  /** The prices of each endpoint. A new configuration has new endpoints. */
  readonly #prices = new WeakMap<Endpoint, EndpointPrices>();
  readonly #noPrices: EndpointPrices;
  /** The families of clients, by user agent. */
  readonly #clients = new Map<string, string>();
  /** Exchanges whose responses are still being decompressed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
    const { clock, pricer, objects } = parts;
    this.#noPrices = new EndpointPrices(pricer, undefined);
    this.#shared = {
      clock,
      objects,
      outputs: this.#outputs,
      speeds: this.#speeds,
      onEnd: (account, record) => this.#close(account, record),
    };
  }

  /** Opens the account of an exchange. The account closes itself when the exchange ends. */
  open(start: ExchangeStart): Account {
    const { clock, onOpen } = this.#parts;
    const account = new Account(start, this.#shared, {
      startedAt: clock.epochMs(),
      client: this.#clientOf(fieldValue(start.fields, "user-agent") ?? ""),
      prices: this.#pricesOf(start.endpoint),
    });
    this.#open.add(account);
    onOpen?.(account);
    return account;
  }

  /** The running exchanges, oldest first. */
  running(): RunningExchange[] {
    return [...this.#open].map((account) => account.running());
  }

  /** Resolves when all exchanges that have ended are settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /**
   * Whether usage in this response is billed to this exchange. Files, token counts and the like contain usage
   * that is not billed. The usage of an object counts for its creator, when the object is over.
   */
  #counts({ object, hasCreated, isFree }: Account): boolean {
    if (object === undefined) return !isFree;
    return object.action === "create" && !hasCreated;
  }

  #learn(account: Account, record: ExchangeRecord, observed: ResponseSummary): void {
    const { endpoint, principal, facts, hasCreated } = account;
    const { model, maxOutputTokens = Infinity } = facts;
    const { usage, unfinished } = observed;
    // A session has many responses.
    if (endpoint === undefined || model === undefined || unfinished !== undefined) return;
    const speed = speedSample(record, observed, { principal, facts, hasCreated });
    if (speed !== undefined) this.#speeds.add(endpoint.name, model, speed);
    const { outputTokens } = usage;
    // A response that the limit of its request cut off does not show the usual length.
    if (outputTokens === undefined || outputTokens >= maxOutputTokens * CUT_OFF_PART) return;
    this.#outputs.add({ endpoint: endpoint.name, model, principal }, outputTokens);
  }

  #pricesOf(endpoint: Endpoint | undefined): EndpointPrices {
    if (endpoint === undefined) return this.#noPrices;
    let prices = this.#prices.get(endpoint);
    if (prices === undefined) {
      prices = new EndpointPrices(this.#parts.pricer, endpoint);
      this.#prices.set(endpoint, prices);
    }
    return prices;
  }

  #clientOf(userAgent: string): string {
    let client = this.#clients.get(userAgent);
    if (client === undefined) {
      if (this.#clients.size >= MAX_USER_AGENTS) this.#clients.clear();
      this.#clients.set(userAgent, client = clientFamily(userAgent));
    }
    return client;
  }

  #close(account: Account, record: ExchangeRecord): void {
    this.#open.delete(account);
    let observed: ResponseSummary | Promise<ResponseSummary>;
    try {
      observed = account.summary();
    } catch (error) {
      return this.#abandon(account, record, error);
    }
    if (!(observed instanceof Promise)) return this.#settle(account, record, observed);
    const closing = observed.then(
      (value) => this.#settle(account, record, value),
      (error) => this.#abandon(account, record, error),
    ).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #settle(account: Account, record: ExchangeRecord, observed: ResponseSummary): void {
    try {
      this.#write(account, record, observed);
    } catch (error) {
      this.#abandon(account, record, error);
    }
  }

  #abandon(account: Account, { id }: ExchangeRecord, error: unknown): void {
    account.abandon();
    this.#parts.onUnexpected(error, id);
  }

  #write(account: Account, record: ExchangeRecord, reported: ResponseSummary): void {
    const { object } = account;
    if (object?.action === "create") account.noticeObject();
    const counted = this.#counts(account) ? reported : { ...reported, usage: {}, steps: [] };
    this.#learn(account, record, counted);
    const { contradictions = [] } = reported;
    const row = account.close(record, counted);
    this.#parts.onRow({ row, record, contradictions, traceparent: account.traceparent });
    if (object !== undefined && (object.action !== "create" || account.hasCreated)) {
      const id = object.id ?? reported.object?.id;
      const receivedBytes = () =>
        Math.max(0, ...[...this.#open].map((other) => other.receivedBytes(account.place, id)));
      this.#parts.objects.responseEnded(
        account.objectResponse(record, { request: object, summary: reported, receivedBytes }),
      );
    }
  }
}
