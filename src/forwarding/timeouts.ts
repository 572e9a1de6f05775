import type { Clock } from "../clock.ts";
import type { TimeoutLimits } from "../config/schema.ts";

/** The limit that was passed. */
export type TimeoutPhase = "connect" | "first byte" | "idle" | "total";

/** The reason an attempt is cancelled with when a limit was passed. */
export class TimeoutExpired extends Error {
  override readonly name = "TimeoutExpired";
  readonly phase: TimeoutPhase;
  readonly limitMs: number;

  constructor(phase: TimeoutPhase, limitMs: number) {
    super(`the ${phase} timeout of ${limitMs / 1000} s passed`);
    this.phase = phase;
    this.limitMs = limitMs;
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
  #phase: "first byte" | "idle" = "first byte";
  #activeAt: number;
  #cancel: (() => void) | undefined;

  constructor(limits: TimeoutLimits, clock: Clock, expire: (expired: TimeoutExpired) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#expire = expire;
    this.#startedAt = this.#activeAt = clock.now();
    this.#arm();
  }

  /** The headers of the answer are there: from now on silence counts. */
  headersArrived(): void {
    this.#phase = "idle";
    this.#activeAt = this.#clock.now();
    this.#cancel?.();
    this.#arm();
  }

  /** A chunk arrived. */
  touch(): void {
    this.#activeAt = this.#clock.now();
  }

  /** The attempt has ended; nothing will fire any more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    const next = this.#nextDeadline();
    if (next === undefined) return;
    this.#cancel = this.#clock.after(Math.max(0, next.at - this.#clock.now()), () => {
      const due = this.#nextDeadline();
      if (due !== undefined && due.at <= this.#clock.now()) {
        this.#expire(new TimeoutExpired(due.phase, due.limitMs));
      } else this.#arm();
    });
  }

  #nextDeadline(): { at: number; phase: TimeoutPhase; limitMs: number } | undefined {
    const { firstByteMs, idleMs, totalMs } = this.#limits;
    const phaseMs = this.#phase === "idle" ? idleMs : firstByteMs;
    const phaseAt = phaseMs === undefined ? Infinity : this.#activeAt + phaseMs;
    const totalAt = totalMs === undefined ? Infinity : this.#startedAt + totalMs;
    if (totalMs !== undefined && totalAt <= phaseAt) return { at: totalAt, phase: "total", limitMs: totalMs };
    return phaseMs === undefined ? undefined : { at: phaseAt, phase: this.#phase, limitMs: phaseMs };
  }
}
