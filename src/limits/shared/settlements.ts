/**
 * What requests of a replica used, until the shared counts have it. A cost is counted by the message that
 * ends its reservation. Whether this message arrived or not, the replica tells the cost again when the counts
 * may lack it, until the database has it and the counts are raised to the database.
 */

import type { Clock } from "../../time/clock.ts";
import { MinuteWindow } from "../minute_window.ts";
import type { CostPages } from "./cost_pages.ts";
import { OwnCosts } from "./own_costs.ts";
import type { Cost, Sender, SharedLimits } from "./shared_limits.ts";

/** What {@link Settlements} need of their replica. */
export interface SettlementParts {
  readonly limits: Pick<SharedLimits, "settle" | "hold" | "count">;
  readonly clock: Clock;
  readonly pages: Pick<CostPages, "give">;
  /** The replica in its present session. */
  readonly from: () => Sender;
  /** Whether the shared counts cannot be reached. */
  readonly isAway: () => boolean;
  /** Called if a message failed. */
  readonly onLost: (error: unknown) => void;
  /** Whether the spending of one of these ledgers is compared with a limit. */
  readonly needsBalance: (keys: readonly string[]) => boolean;
}

/** What a request used, in tokens and micro-dollars. */
export interface Used {
  /** The id of what the request held. */
  readonly id: string;
  readonly tokens: number;
  readonly micros: number;
  /** The hour in which the cost is booked, by its start in milliseconds since 1970. */
  readonly hour: number;
}

/** The most costs of one message. */
export const MAX_COSTS = 200;
/** The most groups of ledgers whose tokens wait. Tokens count for a minute only. */
const MAX_TOKEN_GROUPS = 1_000;

/** What requests of a replica used. */
export class Settlements {
  readonly #parts: SettlementParts;
  readonly #costs = new OwnCosts();
  /** Tokens of requests that the counts perhaps lack, by their ledgers. */
  readonly #tokens = new Map<string, { readonly keys: readonly string[]; readonly window: MinuteWindow }>();

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  /** The ledgers with costs that the counts do not have from the database. */
  keys(): ReadonlySet<string> {
    return this.#costs.keys();
  }

  /** Settles a request of these ledgers. Returns the page of its cost. `undefined` if it is on no page. */
  settle(keys: readonly string[], { id, tokens, micros, hour }: Used): number | undefined {
    const { pages, needsBalance, isAway } = this.#parts;
    const page = micros > 0 && needsBalance(keys) ? pages.give() : undefined;
    const costs = page === undefined ? [] : this.#costs.add(keys, { page, hour, micros });
    if (isAway()) this.#keepTokens(keys, tokens);
    else void this.#send({ id, tokens, costs }, keys);
    return page;
  }

  /** Tells all costs. Rejects if a message fails. */
  async tell(): Promise<void> {
    const { limits, from } = this.#parts;
    const costs = this.#costs.all();
    for (let at = 0; at < costs.length; at += MAX_COSTS) {
      await limits.hold({ from: from(), holdings: [], costs: costs.slice(at, at + MAX_COSTS) });
    }
  }

  /** Counts the tokens of the last minute that the counts perhaps lack. Rejects if a message fails. */
  async countTokens(): Promise<void> {
    const groups = [...this.#tokens.values()];
    this.#tokens.clear();
    for (const { keys, window } of groups) {
      const tokens = window.sum(this.#parts.clock.now());
      if (tokens > 0) await this.#parts.limits.count({ keys, requests: 0, tokens });
    }
  }

  /** The counts have the costs of these ledgers from the database, up to a page. */
  onRaised(keys: ReadonlySet<string>, page: number): void {
    this.#costs.forget(keys, page);
  }

  async #send(
    used: { readonly id: string; readonly tokens: number; readonly costs: readonly Cost[] },
    keys: readonly string[],
  ): Promise<void> {
    const { limits, from, onLost } = this.#parts;
    try {
      if (await limits.settle({ from: from(), ...used })) return;
      // The costs count. The tokens do not, because the counts have lost the reservation.
      if (used.tokens > 0) await limits.count({ keys, requests: 0, tokens: used.tokens });
    } catch (error) {
      this.#keepTokens(keys, used.tokens);
      onLost(error);
    }
  }

  #keepTokens(keys: readonly string[], tokens: number): void {
    const text = keys.join("\n");
    const group = this.#tokens.get(text) ?? { keys, window: new MinuteWindow() };
    if (tokens === 0 || this.#tokens.size >= MAX_TOKEN_GROUPS && !this.#tokens.has(text)) return;
    this.#tokens.set(text, group);
    group.window.add(this.#parts.clock.now(), tokens);
  }
}
