/** Which backend of an endpoint is asked next, from what the last answers said of each. */

import type { Clock } from "../clock.ts";
import type { Backend, Endpoint, Strategy } from "../config/schema.ts";

/** So many failures in a row set a backend aside. */
const FAILURES = 3;
/** How long at first; each further failure doubles it. */
const FIRST_ASIDE_MS = 5_000;
const LONGEST_ASIDE_MS = 300_000;

/** What is known of a backend. */
interface BackendState {
  readonly backend: Backend;
  inFlight: number;
  /** In a row. */
  failures: number;
  /** Set aside for its failures until then. */
  asideUntil: number;
  /** How often it was set aside. */
  timesAside: number;
  /** It asked to be left alone until then. */
  limitedUntil: number;
  /** After it was set aside one request finds out whether it is well again. */
  probing: boolean;
  /** For the strategy `weighted`. */
  credit: number;
}

/** A backend for one attempt. `released` is called at the very end. */
export class Lease {
  readonly #state: BackendState;
  readonly #clock: Clock;
  /** What was under way when the backend was set aside says nothing new of it. */
  readonly #timesAside: number;
  #isProbe: boolean;
  #isOver = false;
  /** An answer that began well and then broke off was no success after all. */
  #forgiven = 0;

  constructor(state: BackendState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
    this.#timesAside = state.timesAside;
    this.#isProbe = state.failures >= FAILURES && !state.probing;
    if (this.#isProbe) state.probing = true;
    state.inFlight++;
  }

  get backend(): Backend {
    return this.#state.backend;
  }

  /** It began to answer as a backend that is well does; it can still fail. */
  succeeded(): void {
    this.#endProbe();
    this.#forgiven = this.#state.failures;
    this.#state.failures = 0;
    this.#state.asideUntil = -Infinity;
  }

  /** It failed, and may be set aside. */
  failed(): void {
    this.#endProbe();
    const state = this.#state;
    if (state.timesAside !== this.#timesAside) return;
    state.failures += this.#forgiven + 1;
    this.#forgiven = 0;
    if (state.failures < FAILURES) return;
    const asideMs = Math.min(FIRST_ASIDE_MS * 2 ** (state.failures - FAILURES), LONGEST_ASIDE_MS);
    state.asideUntil = this.#clock.now() + asideMs;
    state.timesAside++;
  }

  /** It asked to be left alone for that long. */
  limited(durationMs: number): void {
    this.#endProbe();
    this.#state.limitedUntil = this.#clock.now() + durationMs;
  }

  /** The attempt is over, whatever it brought. */
  released(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state.inFlight--;
    this.#endProbe();
  }

  #endProbe(): void {
    if (this.#isProbe) this.#state.probing = false;
    this.#isProbe = false;
  }
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

  constructor({ backends, strategy }: Pick<Endpoint, "backends" | "strategy">, clock: Clock) {
    this.#states = backends.map((backend) => ({
      backend,
      inFlight: 0,
      failures: 0,
      asideUntil: -Infinity,
      timesAside: 0,
      limitedUntil: -Infinity,
      probing: false,
      credit: 0,
    }));
    this.#strategy = strategy;
    this.#clock = clock;
  }

  /**
   * The backend for the next attempt: one that was not tried yet where there is one, and not one that is set aside
   * unless all are; then the one whose time is up the soonest, rather than nothing.
   */
  choose(tried: ReadonlySet<Backend>): Lease {
    const state = this.#states.length === 1 ? this.#states[0] : this.#best(tried);
    if (state === undefined) throw new TypeError("An endpoint without backends");
    return new Lease(state, this.#clock);
  }

  #best(tried: ReadonlySet<Backend>): BackendState | undefined {
    const now = this.#clock.now();
    const untried = this.#states.filter(({ backend }) => !tried.has(backend));
    const candidates = untried.length > 0 ? untried : this.#states;
    const available = candidates.filter((state) => isAvailable(state, now));
    if (available.length > 0) return this.#byStrategy(available);
    return candidates.reduce((soonest, state) => asideUntil(state) < asideUntil(soonest) ? state : soonest);
  }

  /** How each backend stands, in their order. */
  report(): BackendReport[] {
    const now = this.#clock.now();
    return this.#states.map((state) => {
      const forMs = Math.max(0, asideUntil(state) - now);
      const isFailing = state.failures >= FAILURES;
      return {
        backend: state.backend,
        inFlight: state.inFlight,
        failures: state.failures,
        state: state.limitedUntil > now ? "rate_limited" : isFailing ? "set_aside" : "up",
        forMs: Number.isFinite(forMs) ? forMs : 0,
      };
    });
  }

  /** How long until a backend that asked to be left alone may be asked again; 0: one may be now. */
  waitMs(): number {
    const soonest = Math.min(...this.#states.map(({ limitedUntil }) => limitedUntil));
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

function isAvailable(state: BackendState, now: number): boolean {
  return asideUntil(state) <= now && !state.probing;
}

function asideUntil({ asideUntil, limitedUntil }: BackendState): number {
  return Math.max(asideUntil, limitedUntil);
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
