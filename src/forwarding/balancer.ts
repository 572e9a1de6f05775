/** Which backend of an endpoint is asked next, from what the last answers said of each. */

import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint, Strategy } from "../config/config.ts";

/** So many failures in a row set a backend aside. */
const FAILURES = 3;
/** How long at first; each further failure doubles it. */
const FIRST_ASIDE_MS = 5_000;
const LONGEST_ASIDE_MS = 300_000;
/** After that the next request probes as well. */
const LONGEST_PROBE_MS = 5_000;

/** How many principals are remembered for each backend. The least recent failure is forgotten first. */
const MAX_PRINCIPALS = 1_000;

/** Failures of a backend in a row, and until when it is skipped for them (a cooldown). */
class Health {
  failures = 0;
  skippedUntil = -Infinity;
  /** It asked to be left alone until then. */
  limitedUntil = -Infinity;
  /** How often it was skipped. */
  cooldowns = 0;
  /** Since when one request has been finding out, after a cooldown, whether it is well again. */
  #probingSince: number | undefined;
  /** Whose requests failed in this row. */
  readonly #failedFor = new Set<string>();
  /** Failures that no request can have caused. */
  #certain = 0;

  get isFailing(): boolean {
    return this.failures >= FAILURES;
  }

  isAvailable(now: number): boolean {
    return Math.max(this.skippedUntil, this.limitedUntil) <= now && !this.isProbed(now);
  }

  /** Whether a probe is under way that may still tell; a slow request must not keep others from probing. */
  isProbed(now: number): boolean {
    return this.#probingSince !== undefined && now - this.#probingSince < LONGEST_PROBE_MS;
  }

  probe(now: number): void {
    this.#probingSince = now;
  }

  endProbe(): void {
    this.#probingSince = undefined;
  }

  /** Whether it had failed so often that it was skipped. */
  succeeded(): boolean {
    const { isFailing } = this;
    this.failures = this.#certain = 0;
    this.skippedUntil = -Infinity;
    this.#failedFor.clear();
    return isFailing;
  }

  /** Counts failures, and begins a cooldown where there are enough of them. Whether it is the first in a row. */
  failed(
    count: number,
    by: FailureSource & { readonly now: number; readonly needsOthers: boolean },
  ): boolean {
    const wasFailing = this.isFailing;
    this.#failedFor.add(by.principal);
    if (by.isCertain) this.#certain += count;
    this.failures += count;
    // What one principal's requests alone have brought about may be these requests' own fault.
    const isDoubtful = by.needsOthers && this.#certain < FAILURES && this.#failedFor.size < 2;
    if (isDoubtful) this.failures = Math.min(this.failures, FAILURES - 1);
    if (this.failures < FAILURES) return false;
    const cooldownMs = Math.min(FIRST_ASIDE_MS * 2 ** (this.failures - FAILURES), LONGEST_ASIDE_MS);
    this.skippedUntil = by.now + cooldownMs;
    this.cooldowns++;
    return !wasFailing;
  }
}

/** Whose request failed, and whether the request itself can have been the reason. */
export interface FailureSource {
  readonly principal: string;
  /** The backend could not be connected to, whatever was asked. */
  readonly isCertain: boolean;
}

/** A backend began to fail in a row, is well again, or asked to be left alone. */
export interface HealthEvent {
  readonly kind: "failing" | "recovered" | "rate_limited";
  readonly backend: Backend;
  /** Whose requests are concerned; undefined: everybody's. */
  readonly principal: string | undefined;
  /** In a row. */
  readonly failures: number;
  /** How long it is skipped; 0: no longer, or it is the only one. */
  readonly forMs: number;
}

/** What is known of a backend. */
interface BackendState {
  readonly backend: Backend;
  readonly onEvent: (event: HealthEvent) => void;
  readonly isOnlyOne: boolean;
  inFlight: number;
  /** As all have seen it: it takes more than one principal's requests, or failures to connect, to skip it for all. */
  readonly health: Health;
  /** As each principal has seen it whose requests failed. */
  readonly healthFor: Map<string, Health>;
  /** For the strategy `weighted`. */
  credit: number;
}

/** A backend for one attempt. `released` is called at the very end. */
export class Lease {
  readonly #state: BackendState;
  readonly #principal: string;
  readonly #clock: Clock;
  /** What was under way when a cooldown began says nothing new of the backend. */
  readonly #cooldowns: readonly [all: number, own: number];
  /** Those whose probe this attempt is. */
  #probes: Health[];
  #isOver = false;
  /** An answer that began well and then broke off was no success after all. */
  #failuresBefore: readonly [all: number, own: number] = [0, 0];

  constructor(state: BackendState, { principal, clock }: { principal: string; clock: Clock }) {
    this.#state = state;
    this.#principal = principal;
    this.#clock = clock;
    const own = state.healthFor.get(principal);
    this.#cooldowns = [state.health.cooldowns, own?.cooldowns ?? 0];
    this.#probes = [state.health, own].filter((health) => health !== undefined).filter((health) =>
      health.isFailing && !health.isProbed(clock.now())
    );
    for (const health of this.#probes) health.probe(clock.now());
    state.inFlight++;
  }

  get backend(): Backend {
    return this.#state.backend;
  }

  /** It began to answer as a backend that is well does; it can still fail. */
  succeeded(): void {
    this.#endProbe();
    const { health, healthFor } = this.#state;
    const own = healthFor.get(this.#principal);
    this.#failuresBefore = [health.failures, own?.failures ?? 0];
    const isRecovered = health.succeeded();
    const isOwnRecovered = own?.succeeded() === true;
    if (isRecovered || isOwnRecovered) this.#report("recovered", isRecovered ? undefined : this.#principal);
  }

  /** It failed, and may be skipped for a while: for this principal, or for all. */
  failed({ isCertain }: Pick<FailureSource, "isCertain">): void {
    this.#endProbe();
    const { health } = this.#state;
    const own = healthOf(this.#state, this.#principal);
    const by = { principal: this.#principal, isCertain, now: this.#clock.now() };
    const [allBefore, ownBefore] = this.#failuresBefore;
    this.#failuresBefore = [0, 0];
    const isFirst = health.cooldowns === this.#cooldowns[0] &&
      health.failed(allBefore + 1, { ...by, needsOthers: true });
    const isOwnFirst = own.cooldowns === this.#cooldowns[1] &&
      own.failed(ownBefore + 1, { ...by, needsOthers: false });
    if (isFirst) this.#report("failing", undefined);
    else if (isOwnFirst && !health.isFailing) this.#report("failing", this.#principal);
  }

  /**
   * It asked to be left alone for that long. Providers limit models and keys: others go on until a second principal
   * has heard the same, and then for {@link LONGEST_ASIDE_MS} at most.
   */
  limited(durationMs: number): void {
    this.#endProbe();
    const now = this.#clock.now();
    const { health, healthFor } = this.#state;
    const own = healthOf(this.#state, this.#principal);
    const [wasLimited, wasOwnLimited] = [health.limitedUntil > now, own.limitedUntil > now];
    own.limitedUntil = now + durationMs;
    const limited = [...healthFor.values()].filter(({ limitedUntil }) => limitedUntil > now);
    if (limited.length > 1) health.limitedUntil = now + Math.min(durationMs, LONGEST_ASIDE_MS);
    if (!wasLimited && limited.length > 1) this.#report("rate_limited", undefined);
    else if (!wasLimited && !wasOwnLimited) this.#report("rate_limited", this.#principal);
  }

  /** The attempt is over, whatever it brought. */
  released(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state.inFlight--;
    this.#endProbe();
  }

  /** For everybody, or for one principal. */
  #report(kind: HealthEvent["kind"], principal: string | undefined): void {
    const { backend, health, healthFor, isOnlyOne, onEvent } = this.#state;
    const shown = principal === undefined ? health : healthFor.get(principal) ?? health;
    const until = Math.max(shown.skippedUntil, shown.limitedUntil);
    const forMs = isOnlyOne ? 0 : Math.max(0, until - this.#clock.now());
    onEvent({ kind, backend, principal, failures: shown.failures, forMs });
  }

  #endProbe(): void {
    for (const health of this.#probes) health.endProbe();
    this.#probes = [];
  }
}

function healthOf({ healthFor }: BackendState, principal: string): Health {
  const health = healthFor.get(principal) ?? new Health();
  // What was touched last stands last.
  healthFor.delete(principal);
  healthFor.set(principal, health);
  const [oldest] = healthFor.keys();
  if (healthFor.size > MAX_PRINCIPALS && oldest !== undefined) healthFor.delete(oldest);
  return health;
}

/** How a backend stands, for people. */
export interface BackendReport {
  readonly backend: Backend;
  readonly inFlight: number;
  /** In a row. */
  readonly failures: number;
  readonly state: "up" | "set_aside" | "rate_limited";
  /** Until it is asked again; 0 while it is up. */
  readonly forMs: number;
}

/** Chooses among the backends of one endpoint. */
export class Balancer {
  readonly #states: readonly BackendState[];
  readonly #strategy: Strategy;
  readonly #clock: Clock;
  #turn = 0;

  /** `onEvent` hears when a backend begins to fail, recovers, or is rate limited. */
  constructor(
    { backends, strategy }: Pick<Endpoint, "backends" | "strategy">,
    { clock, onEvent = () => {} }: { clock: Clock; onEvent?: (event: HealthEvent) => void },
  ) {
    this.#states = backends.map((backend) => ({
      backend,
      onEvent,
      isOnlyOne: backends.length === 1,
      inFlight: 0,
      health: new Health(),
      healthFor: new Map(),
      credit: 0,
    }));
    this.#strategy = strategy;
    this.#clock = clock;
  }

  /**
   * The backend for a principal's next attempt: one that was not tried yet where there is one, and not one in a
   * cooldown unless all are; then the one whose time is up the soonest, rather than nothing.
   */
  choose(tried: ReadonlySet<Backend>, principal: string): Lease {
    const state = this.#states.length === 1 ? this.#states[0] : this.#best(tried, principal);
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

  /** How each backend stands, in their order. A cooldown is shown that holds for all, or for all who failed there. */
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
        inFlight: state.inFlight,
        failures: Math.max(state.health.failures, ...owns.map(({ failures }) => failures)),
        state: limitedUntil > now ? "rate_limited" : shown.isFailing ? "set_aside" : "up",
        forMs: Number.isFinite(forMs) ? forMs : 0,
      };
    });
  }

  /** How long until a backend that asked to be left alone may be asked again for a principal; 0: one may be now. */
  waitMs(principal: string): number {
    const soonest = Math.min(
      ...this.#states.map(({ health, healthFor }) =>
        Math.max(health.limitedUntil, healthFor.get(principal)?.limitedUntil ?? -Infinity)
      ),
    );
    return Math.max(0, soonest - this.#clock.now());
  }

  /** Attempts that are not over, by backend. */
  inFlight(): number[] {
    return this.#states.map(({ inFlight }) => inFlight);
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
        return available.reduce((least, state) => state.inFlight < least.inFlight ? state : least);
      default:
        this.#strategy satisfies never;
        throw new TypeError("Unknown strategy");
    }
  }
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
 * Smooth weighted round robin, as nginx does it: each gains its weight, and whoever has most pays for all. Backends
 * without weight only stand in for the others.
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
