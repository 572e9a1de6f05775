import { Cancellation } from "../cancellation.ts";
import { DIALECTS } from "../apis/dialects.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { Clock } from "../time/clock.ts";
import { probeRequest } from "./models_request.ts";
import type { Transport } from "./transport/transport.ts";

/** The pause between two tries. */
const PAUSE_MS = 1_000;
/** How long one try may take. A machine that wakes up does not answer the packets of the connect at first. */
const TRY_MS = 3_000;

/** What a {@link WakeUp} works with. */
export interface WakeUpParts {
  readonly endpoint: Pick<Endpoint, "dialect" | "anthropicVersion">;
  readonly transport: Transport;
  readonly clock: Clock;
}

/** Waits until a backend answers again, for all requests that wait for it. */
export class WakeUp {
  readonly #backend: Backend;
  readonly #parts: WakeUpParts;
  readonly #until: number;
  /** Ends the tries, when no request waits any more. */
  readonly #unwanted = new Cancellation();
  #waiting = 0;
  #isUp: Promise<boolean> | undefined;

  /** `timeoutMs` counts from now. */
  constructor(backend: Backend, { timeoutMs, ...parts }: WakeUpParts & { readonly timeoutMs: number }) {
    this.#backend = backend;
    this.#parts = parts;
    this.#until = parts.clock.now() + timeoutMs;
  }

  /** Whether a further request can wait for it. */
  get isUsable(): boolean {
    return this.#unwanted.reason === undefined && this.#parts.clock.now() < this.#until;
  }

  /** Resolves when the backend answers (true), or when the wait has no use any more (false). Never throws. */
  async wait(cancellation: Cancellation): Promise<boolean> {
    this.#waiting++;
    const { promise: gone, resolve } = Promise.withResolvers<boolean>();
    const departure = { cancelled: () => resolve(false) };
    cancellation.addListener(departure);
    try {
      this.#isUp ??= this.#try();
      return await Promise.race([this.#isUp, gone]);
    } finally {
      cancellation.removeListener(departure);
      this.#waiting--;
      if (this.#waiting === 0) this.#unwanted.cancel(new Error("no request waits"));
    }
  }

  async #try(): Promise<boolean> {
    const { clock } = this.#parts;
    while (this.isUsable) {
      await this.#pause(Math.min(PAUSE_MS, this.#until - clock.now()));
      if (!this.isUsable) return false;
      if (await this.#answers()) return true;
    }
    return false;
  }

  /** Whether the backend sends a response, with any status. */
  async #answers(): Promise<boolean> {
    const { endpoint: { dialect, anthropicVersion }, transport, clock } = this.#parts;
    const cancellation = new Cancellation();
    const stop = { cancelled: () => cancellation.cancel(new Error("no request waits")) };
    this.#unwanted.addListener(stop);
    const cancelTimer = clock.after(TRY_MS, () => cancellation.cancel(new Error("too late")));
    const { check } = this.#backend;
    const path = DIALECTS[dialect].modelsPath;
    const request = probeRequest(this.#backend, { dialect, anthropicVersion, path, cancellation });
    try {
      const { body } = await transport.send(
        check?.path === undefined ? request : { ...request, target: check.path },
      );
      body?.cancel();
      return true;
    } catch {
      return false;
    } finally {
      cancelTimer();
      this.#unwanted.removeListener(stop);
    }
  }

  async #pause(durationMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancelTimer = this.#parts.clock.after(durationMs, resolve);
    const stop = { cancelled: resolve };
    this.#unwanted.addListener(stop);
    await promise;
    cancelTimer();
    this.#unwanted.removeListener(stop);
  }
}
