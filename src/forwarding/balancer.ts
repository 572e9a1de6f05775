/** Chooses the backend for the next attempt, from what the last responses said of each backend. */

import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint, Strategy } from "../config/config.ts";
import { rankOf } from "./affinity.ts";
import { BackendHealth } from "./backend_health.ts";
import { type BackendState, type HealthEvent, Lease } from "./lease.ts";
import { KeyQuota } from "./key_quota.ts";
import { type LimitedRequest, RequestedPauses } from "./requested_pauses.ts";

/** The state of a backend for the management API and the metrics. */
export interface BackendReport {
  readonly backend: Backend;
  readonly inFlight: number;
  /** The number of failures in a row. */
  readonly failures: number;
  readonly state: "up" | "cooldown" | "rate_limited";
  /** Milliseconds until it gets requests again. 0: it is up. */
  readonly forMs: number;
  /** Whether the last check of the proxy failed, and no request has succeeded since. */
  readonly isDownByCheck: boolean;
}

/** The request that needs a backend. */
export interface BackendWish {
  /** The backends of earlier attempts. */
  readonly tried: ReadonlySet<Backend>;
  /** The client's token or address: cooldowns and pauses may concern only its requests. */
  readonly holder: string;
  /** The model of the request. `undefined` if it is not known, or no pause depends on it. */
  readonly model?: string | undefined;
  /** Identifies the conversation that the request continues. `undefined` if the strategy alone decides. */
  readonly conversation?: string | undefined;
}

/**
 * A backend that runs so many times its share of the requests gets no further conversation: the next backend
 * in the order of the conversation does. `least_busy` allows less, because its backends are small.
 */
const MOST_SHARES = 2;
const MOST_SHARES_LEAST_BUSY = 1.25;

/** Chooses among the backends of one endpoint, and keeps their state. */
export class Balancer {
  readonly #states: readonly BackendState[];
  readonly #strategy: Strategy;
  /** Whether the choice can depend on the conversation of a request. */
  readonly keepsConversations: boolean;
  readonly #clock: Clock;
  readonly #hasPools: boolean;
  #turn = 0;

  /**
   * `onEvent` is called when a backend begins to fail, recovers, or asks for a pause. `previous` is the
   * balancer of the same endpoint before a reload: backends that stay the same keep their health and their
   * running attempts.
   */
  constructor(
    { backends, strategy }: Pick<Endpoint, "backends" | "strategy">,
    { clock, onEvent = () => {}, previous }: {
      clock: Clock;
      onEvent?: (event: HealthEvent) => void;
      previous?: Balancer | undefined;
    },
  ) {
    const states = previous === undefined ? [] : previous.#states;
    const before = new Map(states.map((state) => [identityOf(state.backend), state]));
    this.#states = backends.map((backend) => {
      const known = before.get(identityOf(backend));
      return {
        backend,
        onEvent,
        isOnlyOne: backends.length === 1,
        running: known?.running ?? { count: 0 },
        health: known?.health ?? new BackendHealth(),
        healthFor: known?.healthFor ?? new Map(),
        pauses: known?.pauses ?? new RequestedPauses(),
        quota: backend.pool === undefined ? undefined : known?.quota ?? new KeyQuota(),
        waking: known?.waking ?? { at: -Infinity, wakeUp: undefined },
        credit: 0,
      };
    });
    this.#strategy = strategy;
    this.#hasPools = backends.some(({ pool }) => pool !== undefined);
    this.keepsConversations = backends.length > 1 && (strategy !== "failover" || this.#hasPools);
    this.#clock = clock;
  }

  /**
   * Chooses the backend for the next attempt: if possible one that was not tried yet and does not cool down
   * for the holder. If all cool down, it is the backend whose cooldown ends first.
   */
  choose(wish: BackendWish): Lease {
    const state = this.#states.length === 1 ? this.#states[0] : this.#best(wish);
    if (state === undefined) throw new TypeError("BUG: the endpoint has no backends");
    return new Lease(state, { holder: wish.holder, clock: this.#clock });
  }

  /** A lease of a backend that was tried before. */
  again(backend: Backend, holder: string): Lease {
    const state = this.#states.find((one) => one.backend === backend);
    if (state === undefined) throw new TypeError("BUG: the backend belongs to another endpoint");
    return new Lease(state, { holder, clock: this.#clock });
  }

  /**
   * Whether the choice of a backend can depend on the model: a backend has asked for a pause that has not
   * ended, or has a pool of keys with quotas.
   */
  dependsOnModel(): boolean {
    if (this.#hasPools) return true;
    const now = this.#clock.now();
    return this.#states.some(({ pauses }) => pauses.mayLastUntil > now);
  }

  #best({ tried, holder, model, conversation }: BackendWish): BackendState | undefined {
    const limited = { holder, model };
    const now = this.#clock.now();
    const untried = this.#states.filter(({ backend }) => !tried.has(backend));
    const candidates = untried.length > 0 ? untried : this.#states;
    const available = candidates.filter((state) => isAvailable(state, limited, now));
    if (available.length > 0) {
      const unspent = this.#hasPools
        ? available.filter(({ quota }) => quota?.isSpent(model, now) !== true)
        : available;
      return this.#bestAvailable(unspent.length > 0 ? unspent : available, { model, conversation, now });
    }
    const until = (state: BackendState) => skippedUntil(state, limited);
    return candidates.reduce((soonest, state) => until(state) < until(soonest) ? state : soonest);
  }

  #bestAvailable(
    available: readonly BackendState[],
    { model, conversation, now }: Pick<BackendWish, "model" | "conversation"> & { readonly now: number },
  ): BackendState | undefined {
    if (conversation !== undefined && this.#strategy !== "failover") {
      return this.#byConversation(available, conversation);
    }
    const chosen = this.#byStrategy(available);
    const pool = chosen?.backend.pool;
    if (pool === undefined) return chosen;
    const keys = available.filter(({ backend }) => backend.pool === pool);
    return conversation === undefined
      ? keyWithMostQuota(keys, { model, now })
      : this.#byConversation(keys, conversation);
  }

  /**
   * A check of a backend has ended. `failure` is the reason why it failed; the backend is then skipped for
   * `forMs`, and longer after the next check that fails. `undefined` if the backend is up.
   */
  checked(backend: Backend, { failure, forMs }: { failure: string | undefined; forMs: number }): void {
    const state = this.#states.find((one) => one.backend === backend);
    if (state === undefined) return;
    const { health, healthFor, isOnlyOne, onEvent } = state;
    const event = { backend, holder: undefined, reason: failure };
    if (failure !== undefined) {
      if (!health.checkFailed({ now: this.#clock.now(), forMs })) return;
      onEvent({ ...event, kind: "failing", failures: health.failures, forMs: isOnlyOne ? 0 : forMs });
      return;
    }
    if (!health.checkSucceeded()) return;
    for (const own of healthFor.values()) own.checkSucceeded();
    onEvent({ ...event, kind: "recovered", failures: 0, forMs: 0 });
  }

  /**
   * The states of the backends, in their order. Shows a cooldown for all, or for all holders with
   * failures.
   */
  report(): BackendReport[] {
    const now = this.#clock.now();
    return this.#states.map((state) => {
      const owns = [...state.healthFor.values()].filter(({ failures }) => failures > 0);
      const limitedUntil = state.pauses.latest();
      const own = owns.every(({ isFailing }) => isFailing) ? owns.at(-1) : undefined;
      const shown = state.health.isFailing ? state.health : own ?? state.health;
      const forMs = Math.max(0, Math.max(shown.skippedUntil, limitedUntil) - now);
      return {
        backend: state.backend,
        inFlight: state.running.count,
        failures: Math.max(state.health.failures, ...owns.map(({ failures }) => failures)),
        state: limitedUntil > now ? "rate_limited" : shown.isFailing ? "cooldown" : "up",
        forMs: Number.isFinite(forMs) ? forMs : 0,
        isDownByCheck: state.health.isDownByCheck,
      };
    });
  }

  /**
   * Milliseconds until the first of some backends accepts a request: until its requested pause ends. 0 if a
   * backend has no pause.
   */
  waitMs(request: LimitedRequest, backends: readonly Backend[]): number {
    const states = this.#states.filter(({ backend }) => backends.includes(backend));
    const soonest = Math.min(...states.map(({ pauses }) => pauses.until(request)));
    return Math.max(0, soonest - this.#clock.now());
  }

  /** The number of running attempts of each backend. */
  inFlight(): number[] {
    return this.#states.map(({ running }) => running.count);
  }

  /**
   * The first backend in the order of the conversation that does not run far more requests than its share.
   */
  #byConversation(available: readonly BackendState[], conversation: string): BackendState | undefined {
    const shareOf = ({ backend }: BackendState) => this.#strategy === "weighted" ? backend.weight : 1;
    let running = 1;
    let shares = 0;
    for (const state of available) {
      running += state.running.count;
      shares += shareOf(state);
    }
    const most = this.#strategy === "least_busy" ? MOST_SHARES_LEAST_BUSY : MOST_SHARES;
    let best: BackendState | undefined;
    let bestRank = -Infinity;
    for (const state of available) {
      const share = shareOf(state);
      if (state.running.count + 1 > Math.ceil(most * running * share / shares)) continue;
      const rank = rankOf({ name: state.backend.name, weight: share }, conversation);
      if (rank <= bestRank) continue;
      best = state;
      bestRank = rank;
    }
    return best ?? this.#byStrategy(available);
  }

  #byStrategy(available: readonly BackendState[]): BackendState | undefined {
    switch (this.#strategy) {
      case "failover":
        return available[0];
      case "round_robin": {
        const index = (state: BackendState) => this.#states.indexOf(state);
        const chosen = available.find((state) => index(state) >= this.#turn) ?? available[0];
        if (chosen !== undefined) this.#turn = (index(chosen) + 1) % this.#states.length;
        return chosen;
      }
      case "weighted":
        return chooseByWeight(available);
      case "least_busy":
        return available.reduce((least, state) => state.running.count < least.running.count ? state : least);
      default:
        this.#strategy satisfies never;
        throw new TypeError("Unknown strategy");
    }
  }
}

/** The key with the largest share of its quota left. Of several, the key with the fewest running attempts. */
function keyWithMostQuota(
  keys: readonly BackendState[],
  { model, now }: { model: string | undefined; now: number },
): BackendState | undefined {
  let best: BackendState | undefined;
  let bestShare = -Infinity;
  for (const key of keys) {
    const share = key.quota?.share(model, now) ?? 1;
    const isLessBusy = share === bestShare && key.running.count < (best?.running.count ?? Infinity);
    if (share <= bestShare && !isLessBusy) continue;
    best = key;
    bestShare = share;
  }
  return best;
}

/**
 * Identifies a backend over reloads. With a changed key or address, a backend counts as a new one, because it
 * may work where the old one failed.
 */
function identityOf({ name, baseUrl, key, keyField, connection, headers, model }: Backend): string {
  return JSON.stringify([name, baseUrl.origin, baseUrl.path, key, keyField, connection.key, headers, model]);
}

function isAvailable(
  { health, healthFor, pauses }: BackendState,
  request: LimitedRequest,
  now: number,
): boolean {
  return health.isAvailable(now) && healthFor.get(request.holder)?.isAvailable(now) !== false &&
    pauses.until(request) <= now;
}

function skippedUntil({ health, healthFor, pauses }: BackendState, request: LimitedRequest): number {
  return Math.max(
    health.skippedUntil,
    healthFor.get(request.holder)?.skippedUntil ?? -Infinity,
    pauses.until(request),
  );
}

/**
 * Smooth weighted round robin, as in nginx: each backend gains its weight, and the backend with the most
 * credit pays the total. Backends without weight are used only if no other is available.
 */
function chooseByWeight(available: readonly BackendState[]): BackendState | undefined {
  const weighty = available.filter(({ backend }) => backend.weight > 0);
  if (weighty.length === 0) return available[0];
  let total = 0;
  for (const state of weighty) {
    state.credit += state.backend.weight;
    total += state.backend.weight;
  }
  const chosen = weighty.reduce((most, state) => state.credit > most.credit ? state : most);
  chosen.credit -= total;
  return chosen;
}
