import { durationText } from "../config/values/durations.ts";
import type { Clock } from "../time/clock.ts";
import type { TimeoutLimits } from "../config/config.ts";
import type { AttemptPhase } from "./transport/transport.ts";

/** What an attempt can wait for; each has its limit, setting up TLS has the one of connecting. */
export type Phase = AttemptPhase | "idle" | "paused";
/** The limit that was passed. */
export type TimeoutPhase = Exclude<Phase, "paused" | "upload"> | "total";

/** The reason an attempt is cancelled with when a limit was passed. */
export class TimeoutExpired extends Error {
  override readonly name = "TimeoutExpired";
  readonly phase: TimeoutPhase;
  readonly limitMs: number;
  /** A byte of an answer had come. */
  readonly received: boolean;
  /** The request had been sent, and its answer was awaited. */
  readonly isUnanswered: boolean;

  constructor(
    phase: TimeoutPhase,
    limitMs: number,
    { received = false, isUnanswered = phase === "first byte" }: {
      received?: boolean;
      isUnanswered?: boolean;
    } = {},
  ) {
    super(`the ${phase} timeout of ${durationText(limitMs)} passed`);
    this.phase = phase;
    this.limitMs = limitMs;
    this.received = received;
    this.isUnanswered = isUnanswered;
  }
}

/**
 * Watches the phases of one attempt with one timer at most. A chunk only notes the time; the timer, when it
 * fires, looks how long the silence has really lasted and sets itself again for what is left.
 */
export class PhaseTimer {
  readonly #limits: TimeoutLimits;
  readonly #clock: Clock;
  readonly #expire: (expired: TimeoutExpired) => void;
  readonly #startedAt: number;
  #phase: Phase = "connect";
  #activeAt: number;
  /** When the timer that is set will fire. */
  #wakesAt = Infinity;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** The total limit counts from `startedAt`; the others from the beginning of their phase. */
  constructor(
    limits: TimeoutLimits,
    { clock, startedAt = clock.now() }: { clock: Clock; startedAt?: number },
    expire: (expired: TimeoutExpired) => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#expire = expire;
    this.#startedAt = startedAt;
    this.#activeAt = clock.now();
  }

  /** A phase begins. */
  enter(phase: Phase): void {
    if (this.#stopped) return;
    this.#phase = phase;
    this.#activeAt = this.#clock.now();
    const limitMs = this.#phaseLimit();
    // A timer that fires too early only looks and sets itself again: mostly there is nothing to do here.
    if (
      limitMs === undefined ? this.#limits.totalMs === undefined : this.#activeAt + limitMs >= this.#wakesAt
    ) return;
    this.#cancel?.();
    this.#arm();
  }

  /** Nothing is awaited of the upstream, since the client is not taking what came; only the total goes on. */
  pause(): void {
    this.#phase = "paused";
  }

  /** The attempt has ended; nothing will fire any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    const next = this.#nextDeadline();
    this.#wakesAt = next?.at ?? Infinity;
    if (next === undefined) return;
    this.#cancel = this.#clock.after(Math.max(0, next.at - this.#clock.now()), () => {
      const due = this.#nextDeadline();
      if (due !== undefined && due.at <= this.#clock.now()) {
        const isUnanswered = this.#phase === "first byte";
        this.#expire(new TimeoutExpired(due.phase, due.limitMs, { isUnanswered }));
      } else this.#arm();
    });
  }

  #nextDeadline(): { at: number; phase: TimeoutPhase; limitMs: number } | undefined {
    const { totalMs } = this.#limits;
    const phaseMs = this.#phaseLimit();
    const phaseAt = phaseMs === undefined ? Infinity : this.#activeAt + phaseMs;
    const totalAt = totalMs === undefined ? Infinity : this.#startedAt + totalMs;
    if (totalMs !== undefined && totalAt <= phaseAt) return { at: totalAt, phase: "total", limitMs: totalMs };
    if (phaseMs === undefined || this.#phase === "paused" || this.#phase === "upload") return undefined;
    return { at: phaseAt, phase: this.#phase, limitMs: phaseMs };
  }

  #phaseLimit(): number | undefined {
    switch (this.#phase) {
      case "connect":
      case "tls":
        return this.#limits.connectMs;
      case "first byte":
        return this.#limits.firstByteMs;
      case "idle":
        return this.#limits.idleMs;
      case "upload":
      case "paused":
        return undefined;
      default:
        return this.#phase satisfies never;
    }
  }
}
