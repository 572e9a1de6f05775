/** Keeps the accounts of all exchanges, and lists the running exchanges. */

import type { Clock } from "../time/clock.ts";
import type { ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import { fieldValue } from "../http/fields.ts";
import { LiveList } from "../live_list.ts";
import type { Principal } from "../principal.ts";
import { Account } from "./account.ts";
import type { AccountedExchange, AccountOwner, AccountParts } from "./accounted_exchange.ts";
import type { Endpoint } from "../config/config.ts";
import type { RunningExchange } from "./running_exchange.ts";
import type { ResponseSummary } from "./taps/response_summary.ts";
import { clientFamily } from "./client_family.ts";
import type { Pricer } from "./prices/cost.ts";
import { EndpointPrices } from "./prices/endpoint_prices.ts";
import { settlementAt } from "./settlement/account_objects.ts";
import { ExchangeCosts } from "./exchange_costs.ts";
import { type MadeAt, MadePrices } from "./settlement/made_prices.ts";
import type { Objects } from "./settlement/objects.ts";
import type { ReportedPart, Settlement } from "./settlement/settlement.ts";
import type { AwaitedObject } from "../storage/object_store.ts";
import { RecentOutputs } from "./estimates/recent_outputs.ts";
import { RecentSpeeds } from "./estimates/recent_speeds.ts";
import { speedSample } from "./estimates/speed_sample.ts";

/** A response whose reported usage contradicts itself. */
export interface UsageContradiction {
  readonly id: string;
  readonly endpoint: string | undefined;
  /** The contradictions and their model, as a text for a log. */
  readonly detail: string;
}

/** The parts of the program that {@link Accounts} uses. */
export interface AccountsParts {
  readonly clock: Clock;
  readonly pricer: Pricer;
  readonly objects: Pick<Objects, "hasRoom" | "add" | "received" | "responseEnded">;
  /** The endpoint with this name. `undefined` if the present configuration does not have it. */
  readonly endpointNamed: (name: string) => Endpoint | undefined;
  /** Called when the usage that a provider reported contradicts itself. */
  readonly onContradiction?: (contradiction: UsageContradiction) => void;
  /** Called when an exchange begins. */
  readonly onOpen?: (account: Pick<Account, "running">) => void;
  /**
   * Called when the usage of an exchange could not be computed, which is a bug. The reserved amounts then
   * count as used.
   */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** A response that used at least this part of its output limit may have been cut off by the limit. */
const CUT_OFF_PART = 0.9;
const MAX_USER_AGENTS = 500;

/** The accounts of all running exchanges. */
export class Accounts implements AccountOwner {
  readonly #parts: AccountsParts;
  readonly #open = new LiveList<Account>();
  readonly #outputs = new RecentOutputs();
  readonly #speeds = new RecentSpeeds();
  readonly #shared: AccountParts;
  /** The prices of each endpoint. A new configuration makes new endpoints, and so new prices. */
  readonly #prices = new WeakMap<Endpoint, EndpointPrices>();
  readonly #noPrices: EndpointPrices;
  /** The families of clients, by user agent. */
  readonly #clients = new Map<string, string>();
  /** Exchanges whose responses are still being decompressed. */
  readonly #closing = new Set<Promise<unknown>>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
    const { clock, pricer, objects } = parts;
    this.#noPrices = new EndpointPrices(pricer, undefined);
    const madePrices = new MadePrices();
    const pricesAt = (object: AwaitedObject): MadeAt | undefined => this.#pricesAt(object);
    this.#shared = { clock, objects, outputs: this.#outputs, speeds: this.#speeds, madePrices, pricesAt };
  }

  /** Opens the account of an exchange. The end of the exchange settles it. */
  open(exchange: AccountedExchange, principal: Principal): Account {
    const { clock, onOpen } = this.#parts;
    const account = new Account(exchange, this.#shared, {
      principal,
      startedAt: clock.epochMs(),
      client: this.#clientOf(fieldValue(exchange.request.fields, "user-agent") ?? ""),
      owner: this,
    });
    this.#open.add(account);
    onOpen?.(account);
    return account;
  }

  /** The running exchanges, oldest first. */
  running(): RunningExchange[] {
    return this.#open.all().map((account) => account.running());
  }

  /** Resolves when all exchanges that have ended are settled and recorded. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /**
   * Whether the usage in this response is billed to this exchange. Responses about files or token counts
   * contain usage that is not billed. The usage of an object counts for its creator, when the object is over.
   */
  #counts({ object, hasCreated, isFree }: Account): boolean {
    if (object === undefined) return !isFree;
    return object.action === "create" && !hasCreated;
  }

  #learn(account: Account, record: ExchangeRecord, observed: ResponseSummary): void {
    const { endpoint, principal, facts, hasCreated } = account;
    const { model, maxOutputTokens = Infinity } = facts;
    const { usage, unfinished } = observed;
    // The length of a session says nothing about one response.
    if (endpoint === undefined || model === undefined || unfinished !== undefined) return;
    const speed = speedSample(record, observed, { principal, facts, hasCreated });
    if (speed !== undefined) this.#speeds.add(endpoint.name, model, speed);
    const { outputTokens } = usage;
    // A response that the limit of its request cut off does not show the usual length.
    if (outputTokens === undefined || outputTokens >= maxOutputTokens * CUT_OFF_PART) return;
    this.#outputs.add({ endpoint: endpoint.name, model, principal }, outputTokens);
  }

  /** The prices of an endpoint by the library that is in use now, which requests share. */
  pricesOf(endpoint: Endpoint | undefined): EndpointPrices {
    if (endpoint === undefined) return this.#noPrices;
    const { pricer } = this.#parts;
    let prices = this.#prices.get(endpoint);
    if (prices?.library !== pricer.library) {
      prices = new EndpointPrices(pricer, endpoint);
      this.#prices.set(endpoint, prices);
    }
    return prices;
  }

  /**
   * Returns the charge of an object that an exchange of these accounts made, by reported usage and at the
   * prices of that exchange. `undefined` if the prices are not known any more.
   */
  chargeMade(object: AwaitedObject, part: ReportedPart): Settlement | undefined {
    const made = this.#shared.madePrices.of(object);
    return made && settlementAt(made, object, { part, outputs: this.#outputs });
  }

  #pricesAt({ endpoint: name, backend: backendName, madeAt }: AwaitedObject): MadeAt | undefined {
    const endpoint = this.#parts.endpointNamed(name);
    if (endpoint === undefined) return undefined;
    const { outputs, speeds } = this.#shared;
    const { backends } = endpoint;
    const prices = this.pricesOf(endpoint);
    return {
      costs: new ExchangeCosts(endpoint, { startedAt: madeAt, prices, outputs, speeds }),
      backend: backends.find((backend) => backend.name === backendName) ?? backends[0],
    };
  }

  #clientOf(userAgent: string): string {
    let client = this.#clients.get(userAgent);
    if (client === undefined) {
      if (this.#clients.size >= MAX_USER_AGENTS) this.#clients.clear();
      this.#clients.set(userAgent, client = clientFamily(userAgent));
    }
    return client;
  }

  /** Settles an account whose exchange has ended. Returns the result of `ExchangeAccount.settle`. */
  close(
    account: Account,
    record: ExchangeRecord,
  ): ExchangeUsage | undefined | Promise<ExchangeUsage | undefined> {
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
    );
    const forget = (): void => void this.#closing.delete(closing);
    closing.then(forget, forget);
    this.#closing.add(closing);
    return closing;
  }

  #settle(
    account: Account,
    record: ExchangeRecord,
    observed: ResponseSummary,
  ): ExchangeUsage | undefined {
    try {
      return this.#settled(account, record, observed);
    } catch (error) {
      return this.#abandon(account, record, error);
    }
  }

  #abandon(account: Account, { id }: ExchangeRecord, error: unknown): undefined {
    account.abandon();
    this.#parts.onUnexpected(error, id);
  }

  #settled(account: Account, record: ExchangeRecord, reported: ResponseSummary): ExchangeUsage {
    const { object } = account;
    if (object?.action === "create") account.objects.notice();
    const counted = this.#counts(account) ? reported : { ...reported, usage: {}, steps: [] };
    this.#learn(account, record, counted);
    const usage = account.close(record, counted);
    const { contradictions } = reported;
    if (contradictions !== undefined && contradictions.length > 0) {
      this.#parts.onContradiction?.({
        id: record.id,
        endpoint: record.endpoint,
        detail: `${usage.modelAnswered ?? usage.modelAsked ?? "no model"}: ${contradictions.join("; ")}`,
      });
    }
    if (object !== undefined && (object.action !== "create" || account.hasCreated)) {
      const id = object.id ?? reported.object?.id;
      const { place } = account.objects;
      const receivedBytes = () =>
        Math.max(
          0,
          ...this.#open.all().map((other) =>
            other.object === undefined ? 0 : other.objects.receivedBytes(place, id)
          ),
        );
      this.#parts.objects.responseEnded(
        account.objects.response(record, { request: object, summary: reported, receivedBytes }),
      );
    }
    return usage;
  }
}
