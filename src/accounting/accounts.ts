/** Keeps an account of every exchange, and knows which are running. */

import type { Clock } from "../time/clock.ts";
import type { ExchangeRecord } from "../exchange.ts";
import { fieldValue } from "../http/fields.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { Account, type ExchangeStart } from "./account.ts";
import type { RunningExchange } from "./running_exchange.ts";
import type { ResponseSummary } from "./response_tap.ts";
import { clientFamily } from "./client_family.ts";
import type { Pricer } from "./cost.ts";
import type { Objects } from "./objects.ts";
import { RecentOutputs } from "./recent_outputs.ts";
import { RecentSpeeds } from "./recent_speeds.ts";

/** An exchange that has ended, as it is kept and as it went. */
export interface EndedExchange {
  readonly row: ExchangeRow;
  readonly record: ExchangeRecord;
  /** Where the usage that the provider reported contradicts itself, in words for people. */
  readonly contradictions: readonly string[];
  /** The client's `traceparent`. */
  readonly traceparent: string | undefined;
}

/** What accounts are kept with. */
export interface AccountsParts {
  readonly clock: Clock;
  readonly pricer: Pricer;
  readonly objects: Pick<Objects, "hasRoom" | "add" | "responseEnded">;
  /** Once per exchange, when everything is known of it. */
  readonly onRow: (ended: EndedExchange) => void;
  /** An exchange has begun. */
  readonly onOpen?: (account: Pick<Account, "running">) => void;
}

/** An answer with so much of what its request allowed may have been cut. */
const CUT_SHARE = 0.9;
const MAX_USER_AGENTS = 500;

/** All accounts that are open. */
export class Accounts {
  readonly #parts: AccountsParts;
  readonly #open = new Set<Account>();
  readonly #outputs = new RecentOutputs();
  readonly #speeds = new RecentSpeeds();
  /** Families by user agent; there are few. */
  readonly #clients = new Map<string, string>();
  /** Answers that are still being decompressed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  open(opening: ExchangeStart): Account {
    const { clock, pricer, objects, onOpen } = this.#parts;
    const account = new Account(opening, {
      startedAt: clock.epochMs(),
      client: this.#clientOf(fieldValue(opening.fields, "user-agent") ?? ""),
      clock,
      pricer,
      outputs: this.#outputs,
      speeds: this.#speeds,
      objects,
      onEnd: (record) => this.#close(account, record),
    });
    this.#open.add(account);
    onOpen?.(account);
    return account;
  }

  /** What is running, the oldest first. */
  running(): RunningExchange[] {
    return [...this.#open].map((account) => account.running());
  }

  /** Resolves once all that has ended is accounted for. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /**
   * Whether the usage in an answer counts for its exchange. Files, token counts and the like hold usage that nobody pays
   * for. The usage of an object that can be looked at again counts for its maker, when the object is over.
   */
  #counts({ object, hasCreated, isFree }: Account): boolean {
    if (object === undefined) return !isFree;
    return object.action === "create" && !hasCreated;
  }

  #learn(account: Account, record: ExchangeRecord, observed: ResponseSummary): void {
    const { endpoint, modelAsked, mostOutputTokens } = account;
    const { usage, unfinished } = observed;
    // A session is many answers.
    if (endpoint === undefined || modelAsked === undefined || unfinished !== undefined) return;
    const speed = account.speedOf(record, observed);
    if (speed !== undefined) this.#speeds.add(endpoint.name, modelAsked, speed);
    const { outputTokens } = usage;
    // An answer that its request cut says nothing of how long answers are.
    if (outputTokens === undefined || outputTokens >= mostOutputTokens * CUT_SHARE) return;
    this.#outputs.add(endpoint.name, modelAsked, outputTokens);
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
    const observed = account.summary();
    if (!(observed instanceof Promise)) return this.#write(account, record, observed);
    const closing = observed.then((value) => this.#write(account, record, value))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #write(account: Account, record: ExchangeRecord, answer: ResponseSummary): void {
    const { object } = account;
    if (object?.action === "create") account.noticeObject();
    const observed = this.#counts(account) ? answer : { ...answer, usage: {}, steps: [] };
    this.#learn(account, record, observed);
    const { contradictions = [] } = answer;
    const row = account.close(record, observed);
    this.#parts.onRow({ row, record, contradictions, traceparent: account.traceparent });
    if (object !== undefined && (object.action !== "create" || account.hasCreated)) {
      const id = object.id ?? answer.object?.id;
      const receivedBytes = () =>
        Math.max(0, ...[...this.#open].map((other) => other.receivedBytes(account.endpoint?.name, id)));
      this.#parts.objects.responseEnded(
        account.objectResponse(record, { request: object, summary: answer, receivedBytes }),
      );
    }
  }
}
