/** Checks at intervals whether backends are up, so that no request has to find out. */

import { Cancellation } from "../cancellation.ts";
import { DIALECTS } from "../apis/dialects.ts";
import type { Backend, CheckSettings, Endpoint } from "../config/config.ts";
import { durationText } from "../config/values/durations.ts";
import type { Clock } from "../time/clock.ts";
import { messageOf } from "../text/error_text.ts";
import type { Balancer } from "./balancer.ts";
import { probeRequest } from "./models_request.ts";
import { type Transport, TransportError } from "./transport/transport.ts";

/** The longest wait for the head of a response. Shorter timeouts of the backend apply instead. */
const LONGEST_WAIT_MS = 10_000;
/** A backend that is down is skipped until its next check should have ended, and for this time more. */
const SPARE_MS = 1_000;

/** The checks of one configuration: one at a time for each backend. */
export class HealthChecks {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #stopped = new Cancellation();

  /** Begins the checks of all backends that have an interval. The caller calls {@link stop}. */
  constructor(
    balancers: ReadonlyMap<Endpoint, Balancer>,
    { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
  ) {
    this.#transport = transport;
    this.#clock = clock;
    for (const [endpoint, balancer] of balancers) {
      for (const backend of endpoint.backends) {
        if (backend.check !== undefined) void this.#repeat(backend, { ...backend.check, endpoint, balancer });
      }
    }
  }

  /** Ends all checks, also those that run. */
  stop(): void {
    this.#stopped.cancel(new Error("the checks were stopped"));
  }

  async #repeat(
    backend: Backend,
    { everyMs, path, endpoint, balancer }: CheckSettings & { endpoint: Endpoint; balancer: Balancer },
  ): Promise<void> {
    const { connectMs = LONGEST_WAIT_MS, firstByteMs = LONGEST_WAIT_MS } = backend.timeouts;
    const waitMs = Math.min(LONGEST_WAIT_MS, connectMs + firstByteMs);
    while (this.#stopped.reason === undefined) {
      const failure = await this.#check(backend, { endpoint, path, waitMs });
      if (this.#isStopped()) return;
      balancer.checked(backend, { failure, forMs: everyMs + waitMs + SPARE_MS });
      await this.#pause(everyMs);
    }
  }

  /** A method, because the type checker assumes that a property stays the same during an `await`. */
  #isStopped(): boolean {
    return this.#stopped.reason !== undefined;
  }

  /** Returns why a check failed, in words for people. `undefined` if the backend is up. */
  async #check(
    backend: Backend,
    { endpoint: { dialect, anthropicVersion }, path, waitMs }: {
      endpoint: Endpoint;
      path: string | undefined;
      waitMs: number;
    },
  ): Promise<string | undefined> {
    const cancellation = new Cancellation();
    const stop = { cancelled: () => cancellation.cancel(this.#stopped.reason ?? new Error("stopped")) };
    this.#stopped.addListener(stop);
    const cancelTimer = this.#clock.after(waitMs, () =>
      cancellation.cancel(
        new TransportError(`nothing came within ${durationText(waitMs)}`, {
          phase: "first byte",
          sent: false,
          received: false,
          reused: false,
          elapsedMs: waitMs,
        }),
      ));
    const listed = DIALECTS[dialect].modelsPath;
    const request = probeRequest(backend, { dialect, anthropicVersion, path: listed, cancellation });
    try {
      const { status, body } = await this.#transport.send(
        path === undefined ? request : { ...request, target: path },
      );
      body?.cancel();
      // An upstream that rejects the key, or has no list of models, is up.
      return status >= 500 ? `it answered ${status}` : undefined;
    } catch (error) {
      return messageOf(error);
    } finally {
      cancelTimer();
      this.#stopped.removeListener(stop);
    }
  }

  async #pause(durationMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancelTimer = this.#clock.after(durationMs, resolve);
    const stop = { cancelled: resolve };
    this.#stopped.addListener(stop);
    await promise;
    cancelTimer();
    this.#stopped.removeListener(stop);
  }
}
