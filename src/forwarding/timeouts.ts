import { durationText } from "../config/values/durations.ts";
import type { Clock } from "../time/clock.ts";
import type { TimeoutLimits } from "../config/config.ts";
import type { AttemptPhase } from "./transport/transport.ts";

/** The phases of an attempt. Each has its timeout; the timeout of `connect` also applies to `tls`. */
export type Phase = AttemptPhase | "idle" | "paused";
/** The timeout that passed. */
export type TimeoutPhase = Exclude<Phase, "paused" | "upload"> | "total";

/** The setting of each timeout, for messages. */
const SETTINGS: Readonly<Record<TimeoutPhase, string>> = {
  connect: "connect_timeout",
  tls: "connect_timeout",
  "first byte": "first_byte_timeout",
  idle: "idle_timeout",
  total: "total_timeout",
};

/** A timeout has passed. It is the reason of the cancellation of an attempt. */
export class TimeoutExpired extends Error {
  override readonly name = "TimeoutExpired";
  readonly phase: TimeoutPhase;
  readonly limitMs: number;
  /** Whether a byte of a response had arrived. */
  readonly received: boolean;
  /** Whether the request had been sent, so that the upstream may have done the work. */
  readonly isUnanswered: boolean;

  constructor(
    phase: TimeoutPhase,
    limitMs: number,
    { received = false, isUnanswered = phase === "first byte" }: {
      received?: boolean;
      isUnanswered?: boolean;
    } = {},
  ) {
    super(
      `${SETTINGS[phase]} (${durationText(limitMs)}) passed${
        phase === "tls" ? " during the TLS handshake" : ""
      }`,
    );
    this.phase = phase;
    this.limitMs = limitMs;
    this.received = received;
    this.isUnanswered = isUnanswered;
  }
}

/**
 * Watches the phases of one attempt with at most one timer. A chunk only stores the time. When the timer
 * fires, it checks how long the silence has lasted, and sets itself again for the rest.
 */
export class PhaseTimer {
  readonly #limits: TimeoutLimits;
  readonly #clock: Clock;
  readonly #expire: (expired: TimeoutExpired) => void;
  readonly #startedAt: number;
  #phase: Phase = "connect";
  #activeAt: number;
  /** When the timer fires, in milliseconds of the clock. */
  #wakesAt = Infinity;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** The total timeout counts from `startedAt`, the others from the beginning of their phase. */
  constructor(
    limits: TimeoutLimits,
    { clock, startedAt = clock.now() }: { clock: Clock; startedAt?: number },
    expire: (expired: TimeoutExpired) => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#expire = expire;
    this.#startedAt = startedAt;
    this.#activeAt = startedAt;
  }

  /** Begins a phase, whose timeout counts from now on. The timeout of the phase before ends. */
  enter(phase: Phase): void {
    if (this.#stopped) return;
    this.#phase = phase;
    this.#activeAt = this.#clock.now();
    const limitMs = this.#phaseLimit();
    // A timer that fires too early only sets itself again. In most cases it can stay as it is.
    if (
      limitMs === undefined ? this.#limits.totalMs === undefined : this.#activeAt + limitMs >= this.#wakesAt
    ) return;
    this.#cancel?.();
    this.#arm(this.#activeAt);
  }

  /**
   * The proxy does not wait for the upstream, because the client has not taken what arrived. Only the total
   * runs.
   */
  pause(): void {
    this.#phase = "paused";
  }

  /** The attempt has ended. No timeout passes any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(now: number): void {
    const next = this.#nextDeadline();
    this.#wakesAt = next?.at ?? Infinity;
    if (next === undefined) return;
    this.#cancel = this.#clock.after(Math.max(0, next.at - now), () => {
      const due = this.#nextDeadline();
      const now = this.#clock.now();
      if (due !== undefined && due.at <= now) {
        const isUnanswered = this.#phase === "first byte";
        this.#expire(new TimeoutExpired(due.phase, due.limitMs, { isUnanswered }));
      } else this.#arm(now);
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
