/** Chooses the backend for the next attempt, from what the last responses said of each backend. */

import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint, Strategy } from "../config/config.ts";
import { BackendHealth } from "./backend_health.ts";
import { type BackendState, type HealthEvent, Lease } from "./lease.ts";

/** The state of a backend for the management API and the metrics. */
export interface BackendReport {
  readonly backend: Backend;
  readonly inFlight: number;
  /** The number of failures in a row. */
  readonly failures: number;
  readonly state: "up" | "cooldown" | "rate_limited";
  /** Milliseconds until it gets requests again. 0: it is up. */
  readonly forMs: number;
}

/** Chooses among the backends of one endpoint, and keeps their state. */
export class Balancer {
  readonly #states: readonly BackendState[];
  readonly #strategy: Strategy;
  readonly #clock: Clock;
  #turn = 0;

  /**
   * `onEvent` is called when a backend begins to fail, recovers, or asks for a pause. `previous` is the balancer of the
   * same endpoint before a reload: backends that stay the same keep their health and their running attempts.
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
        credit: 0,
      };
    });
    this.#strategy = strategy;
    this.#clock = clock;
  }

  /**
   * The backend for the next attempt of a principal: if possible one that was not tried yet and does not cool
   * down. If all cool down, it is the backend whose cooldown ends first. `pinned` is the only possible backend.
   */
  choose(tried: ReadonlySet<Backend>, principal: string, pinned?: Backend): Lease {
    const state = pinned !== undefined
      ? this.#states.find(({ backend }) => backend === pinned)
      : this.#states.length === 1
      ? this.#states[0]
      : this.#best(tried, principal);
    if (state === undefined) throw new TypeError("An endpoint without backends");
    return new Lease(state, { principal, clock: this.#clock });
  }

  #best(tried: ReadonlySet<Backend>, principal: string): BackendState | undefined {
    const now = this.#clock.now();
    const untried = this.#states.filter(({ backend }) => !tried.has(backend));
    const candidates = untried.length > 0 ? untried : this.#states;
    const available = candidates.filter((state) => isAvailable(state, principal, now));
    if (available.length > 0) return this.#byStrategy(available);
    const until = (state: BackendState) => skippedUntil(state, principal);
    return candidates.reduce((soonest, state) => until(state) < until(soonest) ? state : soonest);
  }

  /**
   * The states of the backends, in their order. Shows a cooldown for all, or for all principals with
   * failures.
   */
  report(): BackendReport[] {
    const now = this.#clock.now();
    return this.#states.map((state) => {
      const owns = [...state.healthFor.values()].filter(({ failures }) => failures > 0);
      const limits = [...state.healthFor.values()].map(({ limitedUntil }) => limitedUntil);
      const limitedUntil = Math.max(state.health.limitedUntil, ...limits);
      const own = owns.every(({ isFailing }) => isFailing) ? owns.at(-1) : undefined;
      const shown = state.health.isFailing ? state.health : own ?? state.health;
      const forMs = Math.max(0, Math.max(shown.skippedUntil, limitedUntil) - now);
      return {
        backend: state.backend,
        inFlight: state.running.count,
        failures: Math.max(state.health.failures, ...owns.map(({ failures }) => failures)),
        state: limitedUntil > now ? "rate_limited" : shown.isFailing ? "cooldown" : "up",
        forMs: Number.isFinite(forMs) ? forMs : 0,
      };
    });
  }

  /** Milliseconds until the first backend's requested pause ends. 0 if any backend has none. */
  waitMs(principal: string): number {
    const soonest = Math.min(
      ...this.#states.map(({ health, healthFor }) =>
        Math.max(health.limitedUntil, healthFor.get(principal)?.limitedUntil ?? -Infinity)
      ),
    );
    return Math.max(0, soonest - this.#clock.now());
  }

  /** The number of running attempts of each backend. */
  inFlight(): number[] {
    return this.#states.map(({ running }) => running.count);
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

/** What makes a backend another one: a changed key or address may work where the one before has failed. */
function identityOf({ name, baseUrl, key, keyField, connection, headers, model }: Backend): string {
  return JSON.stringify([name, baseUrl.origin, baseUrl.path, key, keyField, connection.key, headers, model]);
}

function isAvailable({ health, healthFor }: BackendState, principal: string, now: number): boolean {
  return health.isAvailable(now) && healthFor.get(principal)?.isAvailable(now) !== false;
}

function skippedUntil({ health, healthFor }: BackendState, principal: string): number {
  const own = healthFor.get(principal);
  return Math.max(
    health.skippedUntil,
    health.limitedUntil,
    own?.skippedUntil ?? -Infinity,
    own?.limitedUntil ?? -Infinity,
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
