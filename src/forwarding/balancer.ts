/** Chooses the backend for the next attempt, from what the last responses said of each backend. */

import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint, Strategy } from "../config/config.ts";

/** After so many failures in a row a backend cools down. */
const FAILURES = 3;
/** The first cooldown. Each further failure doubles it. */
const FIRST_COOLDOWN_MS = 5_000;
const LONGEST_COOLDOWN_MS = 300_000;
/** A probe that takes longer no longer blocks other probes. */
const LONGEST_PROBE_MS = 5_000;

/** How many principals are kept for each backend. The principal with the oldest failure is removed first. */
const MAX_PRINCIPALS = 1_000;

/** The failures of a backend in a row, and its cooldown. */
class Health {
  failures = 0;
  skippedUntil = -Infinity;
  /** Until when the backend asked for a pause. */
  limitedUntil = -Infinity;
  /** The number of cooldowns so far. */
  cooldowns = 0;
  /** When the request began that probes, after a cooldown, whether the backend works again. */
  #probingSince: number | undefined;
  /** The principals whose requests failed in this row. */
  readonly #failedFor = new Set<string>();
  /** Failures to connect, which no request can cause. */
  #certain = 0;

  get isFailing(): boolean {
    return this.failures >= FAILURES;
  }

  isAvailable(now: number): boolean {
    return Math.max(this.skippedUntil, this.limitedUntil) <= now && !this.isProbed(now);
  }

  /** Whether a probe is running. A slow request must not keep others from probing. */
  isProbed(now: number): boolean {
    return this.#probingSince !== undefined && now - this.#probingSince < LONGEST_PROBE_MS;
  }

  probe(now: number): void {
    this.#probingSince = now;
  }

  endProbe(): void {
    this.#probingSince = undefined;
  }

  /** Resets the failures. True: the backend was failing before. */
  succeeded(): boolean {
    const { isFailing } = this;
    this.failures = this.#certain = 0;
    this.skippedUntil = -Infinity;
    this.#failedFor.clear();
    return isFailing;
  }

  /**
   * Counts failures, and begins a cooldown after enough of them. True: the backend begins to fail with this
   * call.
   */
  failed(
    count: number,
    by: FailureSource & { readonly now: number; readonly needsOthers: boolean },
  ): boolean {
    const wasFailing = this.isFailing;
    this.#failedFor.add(by.principal);
    if (by.isCertain) this.#certain += count;
    this.failures += count;
    // If only one client's requests failed, those requests may be the cause.
    const isDoubtful = by.needsOthers && this.#certain < FAILURES && this.#failedFor.size < 2;
    if (isDoubtful) this.failures = Math.min(this.failures, FAILURES - 1);
    if (this.failures < FAILURES) return false;
    const cooldownMs = Math.min(FIRST_COOLDOWN_MS * 2 ** (this.failures - FAILURES), LONGEST_COOLDOWN_MS);
    this.skippedUntil = by.now + cooldownMs;
    this.cooldowns++;
    return !wasFailing;
  }
}

/** The principal of a request that failed, and whether the request itself may be the reason. */
export interface FailureSource {
  readonly principal: string;
  /** Whether the proxy could not connect to the backend, so that no request can be the reason. */
  readonly isCertain: boolean;
}

/** A change of a backend: it began to fail, recovered, or asked for a pause. */
export interface HealthEvent {
  readonly kind: "failing" | "recovered" | "rate_limited";
  readonly backend: Backend;
  /** The principal that the change concerns. Undefined: it concerns all. */
  readonly principal: string | undefined;
  /** The number of failures in a row. */
  readonly failures: number;
  /** How long it is skipped, in milliseconds. 0: it is not skipped, or it is the only backend. */
  readonly forMs: number;
}

/** The state of a backend. */
interface BackendState {
  readonly backend: Backend;
  readonly onEvent: (event: HealthEvent) => void;
  readonly isOnlyOne: boolean;
  inFlight: number;
  /** The health for all principals. It fails only after failures of two principals, or of connects. */
  readonly health: Health;
  /** The health for each principal whose requests failed. */
  readonly healthFor: Map<string, Health>;
  /** The credit of the strategy `weighted`. */
  credit: number;
}

/** A backend for one attempt. The caller calls `released` at the end of the attempt. */
export class Lease {
  readonly #state: BackendState;
  readonly #principal: string;
  readonly #clock: Clock;
  /**
   * The number of cooldowns at the start. If one began since, this failure belongs to the same outage and
   * does not count.
   */
  readonly #cooldowns: readonly [all: number, own: number];
  /** The healths that this attempt probes. */
  #probes: Health[];
  #isOver = false;
  /** The failures before a success. They count again where the response then breaks off. */
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

  /** The backend began a good response. The response can still break off. */
  succeeded(): void {
    this.#endProbe();
    const { health, healthFor } = this.#state;
    const own = healthFor.get(this.#principal);
    this.#failuresBefore = [health.failures, own?.failures ?? 0];
    const isRecovered = health.succeeded();
    const isOwnRecovered = own?.succeeded() === true;
    if (isRecovered || isOwnRecovered) this.#report("recovered", isRecovered ? undefined : this.#principal);
  }

  /** The backend failed. It may cool down, for this principal or for all. */
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
   * The backend asked for a pause. Providers limit models and keys, so it is skipped only for this principal.
   * After the same response to a second principal it is skipped for all, for {@link LONGEST_COOLDOWN_MS} at
   * most.
   */
  limited(durationMs: number): void {
    this.#endProbe();
    const now = this.#clock.now();
    const { health, healthFor } = this.#state;
    const own = healthOf(this.#state, this.#principal);
    const [wasLimited, wasOwnLimited] = [health.limitedUntil > now, own.limitedUntil > now];
    own.limitedUntil = now + durationMs;
    const limited = [...healthFor.values()].filter(({ limitedUntil }) => limitedUntil > now);
    if (limited.length > 1) health.limitedUntil = now + Math.min(durationMs, LONGEST_COOLDOWN_MS);
    if (!wasLimited && limited.length > 1) this.#report("rate_limited", undefined);
    else if (!wasLimited && !wasOwnLimited) this.#report("rate_limited", this.#principal);
  }

  /** The attempt has ended, with or without a response. */
  released(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state.inFlight--;
    this.#endProbe();
  }

  /** Reports a change for one principal. Undefined: for all. */
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
  // The map is ordered by the last failure.
  healthFor.delete(principal);
  healthFor.set(principal, health);
  const [oldest] = healthFor.keys();
  if (healthFor.size > MAX_PRINCIPALS && oldest !== undefined) healthFor.delete(oldest);
  return health;
}

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

  /** `onEvent` is called when a backend begins to fail, recovers, or asks for a pause. */
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
   * The backend for the next attempt of a principal: if possible one that was not tried yet and does not cool
   * down. If all cool down, it is the backend whose cooldown ends first.
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
        inFlight: state.inFlight,
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
