/**
 * A backend that is leased for one attempt. It records what the attempt says of the health of the backend.
 */

import type { Backend } from "../config/config.ts";
import type { Clock } from "../time/clock.ts";
import { BackendHealth, type FailureSource } from "./backend_health.ts";
import type { Field } from "../http/fields.ts";
import type { KeyQuota } from "./key_quota.ts";
import { messageOf } from "../text/error_text.ts";
import { sendMagicPacket } from "./wake_on_lan.ts";
import type { WakeUp } from "./wake_up.ts";
import type { RequestedPauses } from "./requested_pauses.ts";

/** No further packet is sent to wake the same machine for so long. */
const WAKE_PAUSE_MS = 10_000;

/** How many holders are kept for each backend. The holder with the oldest failure is removed first. */
const MAX_HOLDERS = 1_000;

/** A change of a backend: it began to fail, recovered, asked for a pause, or is being woken. */
export interface HealthEvent {
  readonly kind: "failing" | "recovered" | "rate_limited" | "waking";
  readonly backend: Backend;
  /** The holder that the change concerns. `undefined` if it concerns all. */
  readonly holder: string | undefined;
  /** The model that a pause concerns. `undefined` if it concerns all. */
  readonly model?: string | undefined;
  /** The number of failures in a row. */
  readonly failures: number;
  /**
   * Why a check failed, or why the packet that wakes the machine was not sent. `undefined` if neither
   * happened.
   */
  readonly reason?: string | undefined;
  /** How long it is skipped, in milliseconds. 0: it is not skipped, or it is the only backend. */
  readonly forMs: number;
}

/**
 * A backend of an endpoint with its health and its running attempts. The balancer owns it, and leases change
 * it.
 */
export interface BackendState {
  readonly backend: Backend;
  readonly onEvent: (event: HealthEvent) => void;
  readonly isOnlyOne: boolean;
  /** How many attempts run at the backend. A reload keeps the count. */
  readonly running: { count: number };
  /** The health for all holders. It fails only after failures of two holders, or of connects. */
  readonly health: BackendHealth;
  /** The health for each holder whose requests failed. */
  readonly healthFor: Map<string, BackendHealth>;
  /** The pauses that the backend asked for. */
  readonly pauses: RequestedPauses;
  /** The quota of its key. `undefined` if the key belongs to no pool. */
  readonly quota: KeyQuota | undefined;
  /** When the last packet was sent that wakes the machine, and the wait for it. */
  readonly waking: { at: number; wakeUp: WakeUp | undefined };
  /** The credit of the strategy `weighted`. */
  credit: number;
}

/** A backend for one attempt. The caller calls `release` at the end of the attempt. */
export class Lease {
  readonly #state: BackendState;
  readonly #holder: string;
  readonly #clock: Clock;
  /**
   * The number of cooldowns before the attempt. If another one began meanwhile, a failure of this attempt
   * belongs to it and does not count.
   */
  readonly #cooldowns: number;
  readonly #ownCooldowns: number;
  /** The healths that this attempt probes. */
  #probed: BackendHealth | undefined;
  #ownProbed: BackendHealth | undefined;
  #isOver = false;
  /** The failures before a good response began. They count again if the response breaks off. */
  #failuresBefore = 0;
  #ownFailuresBefore = 0;

  constructor(state: BackendState, { holder, clock }: { holder: string; clock: Clock }) {
    this.#state = state;
    this.#holder = holder;
    this.#clock = clock;
    const own = state.healthFor.get(holder);
    this.#cooldowns = state.health.cooldowns;
    this.#ownCooldowns = own?.cooldowns ?? 0;
    this.#probed = this.#probe(state.health);
    this.#ownProbed = own && this.#probe(own);
    state.running.count++;
  }

  /** The chosen backend. */
  get backend(): Backend {
    return this.#state.backend;
  }

  /** The backend began a good response. The response can still break off. */
  recordSuccess(): void {
    this.#endProbe();
    const { health, healthFor } = this.#state;
    const own = healthFor.get(this.#holder);
    this.#failuresBefore = health.failures;
    this.#ownFailuresBefore = own?.failures ?? 0;
    const isRecovered = health.succeeded();
    const isOwnRecovered = own?.succeeded() === true;
    if (isRecovered || isOwnRecovered) this.#report("recovered", isRecovered ? undefined : this.#holder);
  }

  /** The backend failed. It may cool down, for this holder or for all. */
  recordFailure({ isCertain }: Pick<FailureSource, "isCertain">): void {
    this.#endProbe();
    const { health } = this.#state;
    const own = healthOf(this.#state, this.#holder);
    const by = { holder: this.#holder, isCertain, now: this.#clock.now() };
    const [allBefore, ownBefore] = [this.#failuresBefore, this.#ownFailuresBefore];
    this.#failuresBefore = this.#ownFailuresBefore = 0;
    const isFirst = health.cooldowns === this.#cooldowns &&
      health.failed(allBefore + 1, { ...by, needsOthers: true });
    const isOwnFirst = own.cooldowns === this.#ownCooldowns &&
      own.failed(ownBefore + 1, { ...by, needsOthers: false });
    if (isFirst) this.#report("failing", undefined);
    else if (isOwnFirst && !health.isFailing) this.#report("failing", this.#holder);
  }

  /**
   * The backend asked for a pause. Providers limit models and keys, so it is skipped only for this holder and
   * this model. After the same response to a second holder it is skipped for all, for five minutes at most.
   * Without a known model it is skipped for all models.
   */
  recordPause(durationMs: number, model?: string): void {
    this.#endProbe();
    const now = this.#clock.now();
    const { backend, health, isOnlyOne, onEvent, pauses } = this.#state;
    const holder = this.#holder;
    const isNewFor = pauses.set({ holder, model }, { now, durationMs });
    if (isNewFor === undefined) return;
    onEvent({
      kind: "rate_limited",
      backend,
      holder: isNewFor === "all" ? undefined : holder,
      model,
      failures: health.failures,
      forMs: isOnlyOne ? 0 : Math.max(0, pauses.until({ holder, model }) - now),
    });
  }

  /**
   * The backend cannot be reached: wakes its machine, if it may sleep. At most one packet in some seconds is
   * sent.
   */
  wake(): void {
    const { backend, onEvent, waking, health } = this.#state;
    const now = this.#clock.now();
    if (backend.wake === undefined || now - waking.at < WAKE_PAUSE_MS) return;
    waking.at = now;
    const event = {
      kind: "waking",
      backend,
      holder: undefined,
      failures: health.failures,
      forMs: 0,
    } as const;
    sendMagicPacket(backend.wake).then(
      () => onEvent(event),
      (error) => onEvent({ ...event, reason: messageOf(error) }),
    );
  }

  /** The wait for the machine of the backend, which all requests share. */
  wakeUp(create: () => WakeUp): WakeUp {
    const { waking } = this.#state;
    if (waking.wakeUp?.isUsable !== true) waking.wakeUp = create();
    return waking.wakeUp;
  }

  /** The head of a response has come, which may state the quota of a key. */
  recordHead(fields: readonly Field[], model: string | undefined): void {
    this.#state.quota?.read(fields, { model, now: this.#clock.now(), epochMs: this.#clock.epochMs() });
  }

  /** The attempt has ended, with or without a response. */
  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state.running.count--;
    this.#endProbe();
  }

  /** Reports a change for one holder. `undefined` for all holders. */
  #report(kind: HealthEvent["kind"], holder: string | undefined): void {
    const { backend, health, healthFor, isOnlyOne, onEvent } = this.#state;
    const shown = holder === undefined ? health : healthFor.get(holder) ?? health;
    const forMs = isOnlyOne ? 0 : Math.max(0, shown.skippedUntil - this.#clock.now());
    onEvent({ kind, backend, holder, failures: shown.failures, forMs });
  }

  /**
   * Begins a probe of a health that fails, if no other attempt probes it. `undefined` if it needs no probe.
   */
  #probe(health: BackendHealth): BackendHealth | undefined {
    if (!health.isFailing) return undefined;
    const now = this.#clock.now();
    if (health.isProbed(now)) return undefined;
    health.probe(now);
    return health;
  }

  #endProbe(): void {
    this.#probed?.endProbe();
    this.#ownProbed?.endProbe();
    this.#probed = this.#ownProbed = undefined;
  }
}

function healthOf({ healthFor }: BackendState, holder: string): BackendHealth {
  const health = healthFor.get(holder) ?? new BackendHealth();
  // The map is ordered by the last failure.
  healthFor.delete(holder);
  healthFor.set(holder, health);
  const [oldest] = healthFor.keys();
  if (healthFor.size > MAX_HOLDERS && oldest !== undefined) healthFor.delete(oldest);
  return health;
}
