import { operationOf } from "../apis/operation_of.ts";
import type { Cancellation } from "../cancellation.ts";
import type { Backend } from "../config/config.ts";
import type { Clock } from "../time/clock.ts";
import {
  abandon,
  type AttemptOutcome,
  recordFailure,
  recordResponse,
  responseOf,
} from "./attempt_outcome.ts";
import type { ForwardRequest } from "./forward.ts";
import { hiddenFailure, mayHideFailure } from "./hidden_failure.ts";
import type { Lease } from "./lease.ts";
import { RequestContent } from "./request_content.ts";
import { modelOf, NO_TRAITS, type RequestTraits, traitsOf } from "./request_traits.ts";
import { canFailOver, isCreation, mayBeDone } from "./retry.ts";
import type { Transport, UpstreamResponse } from "./transport/transport.ts";
import { type BackendResponse, type CallRequest, UpstreamCall } from "./upstream_call.ts";
import { WakeUp } from "./wake_up.ts";

/** The parts of the program that {@link Attempts} use. */
export interface AttemptsParts {
  readonly transport: Transport;
  readonly clock: Clock;
}

/** The pause before the second attempt at a backend. Each further attempt doubles it. */
const FIRST_PAUSE_MS = 500;
/**
 * The longest pause before an attempt. If a longer pause is needed, the client gets the failure immediately.
 */
const LONGEST_PAUSE_MS = 30_000;

const NONE: ReadonlySet<Backend> = new Set();

/** The attempts to get a response for one exchange, one after the other. */
export class Attempts {
  readonly #request: ForwardRequest;
  readonly #parts: AttemptsParts;
  readonly #content: RequestContent;
  /** Whether a second request would create a second object. */
  readonly #mustArriveOnce: boolean;
  readonly #startedAt: number;
  readonly #tried = new Set<Backend>();
  /**
   * The backends that reject this request because it exceeds their limits by itself. They would reject it
   * again.
   */
  #exceeded: ReadonlySet<Backend> = NONE;
  #traits: RequestTraits = NO_TRAITS;
  /**
   * The number of retries that are left. It is -1 after an attempt at a woken backend without a retry left,
   * because such an attempt is always allowed.
   */
  #retriesLeft: number;
  /** The first backend that did not answer and can be woken. */
  #sleeping: Lease | undefined;
  /** The backend that was woken. */
  #woken: Backend | undefined;

  constructor(request: ForwardRequest, parts: AttemptsParts) {
    const { exchange: { endpoint, apiPath, request: { method } }, body } = request;
    this.#request = request;
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#mustArriveOnce = body !== null && !endpoint.retry.unsafe &&
      isCreation(method, operationOf(method, apiPath));
    this.#content = new RequestContent(request, { ...endpoint, mustArriveOnce: this.#mustArriveOnce });
    this.#retriesLeft = endpoint.retry.retries;
  }

  /** Sends the request until a response is for the client. Throws the fault of the last attempt. */
  async run(): Promise<BackendResponse> {
    const { exchange } = this.#request;
    const { endpoint: { backends }, request: { cancellation } } = exchange;
    this.#content.readAhead();
    if (backends.length > 1) this.#traits = await traitsOf(this.#request, this.#content);
    for (;; this.#retriesLeft--) {
      cancellation.throwIfCancelled();
      const lease = this.#chooseBackend();
      const outcome = await this.#attempt(lease);
      const pauseMs = this.#pauseBeforeNext(outcome, lease.backend);
      if (pauseMs === undefined && !(this.#mayWake(outcome) && await this.#wake(outcome, lease))) {
        this.#content.release();
        return responseOf(outcome, lease, exchange);
      }
      exchange.onFailover(abandon(outcome, lease));
      if (pauseMs !== undefined && pauseMs > 0) await pause(pauseMs, cancellation, this.#parts.clock);
    }
  }

  #chooseBackend(): Lease {
    const { exchange, balancer, pinned } = this.#request;
    const { holder } = exchange;
    const only = this.#woken ?? pinned;
    const lease = only === undefined
      ? balancer.choose({ ...this.#traits, tried: this.#isFirstRound ? this.#tried : this.#exceeded, holder })
      : balancer.again(only, holder);
    this.#tried.add(lease.backend);
    exchange.onAttempt(lease.backend.name);
    return lease;
  }

  /**
   * Sends the request to one backend. Tells the balancer what the outcome means for the backend. Never
   * throws.
   */
  async #attempt(lease: Lease): Promise<AttemptOutcome> {
    const { exchange: { request: { cancellation } } } = this.#request;
    let call: UpstreamCall | undefined;
    let isExamined = false;
    try {
      call = new UpstreamCall(this.#callRequest(lease.backend), this.#parts);
      const response = await call.send();
      call.onResponse(response);
      isExamined = this.#isExamined(response);
      const finding = isExamined
        ? await call.examine((body) => hiddenFailure(response.status, body), this.#request.peekMemory?.())
        : undefined;
      const outcome = { call, response, finding };
      const epochMs = this.#parts.clock.epochMs();
      recordResponse(outcome, lease, { request: this.#request, model: () => this.#model(), epochMs });
      if (finding?.pauseMs === 0) this.#exceeded = new Set([...this.#exceeded, lease.backend]);
      return outcome;
    } catch (caught) {
      const error = call === undefined ? caught : call.onFailure(caught);
      const outcome = { error: cancellation.reason ?? error, wasHeldBack: isExamined };
      recordFailure(outcome.error, lease, this.#request.exchange);
      if (lease.backend.wake !== undefined && !mayBeDone(outcome) && outcome.error !== cancellation.reason) {
        lease.wake();
        this.#sleeping ??= lease;
      }
      return outcome;
    }
  }

  /** Returns the request for one backend. Throws if no request can be made for it. */
  #callRequest(backend: Backend): CallRequest {
    const { exchange, requests, websocket } = this.#request;
    const { request: { method, cancellation } } = exchange;
    const { target, fields } = requests.headFor(backend);
    return {
      backend,
      method,
      target,
      content: this.#content.forBackend(backend, fields),
      cancellation,
      websocket,
      startedAt: this.#startedAt,
      onResent: () => exchange.resent(backend.name),
    };
  }

  /**
   * Whether the proxy reads the beginning of a response, which may report a failure that its status does not.
   */
  #isExamined(response: UpstreamResponse): boolean {
    const mayFail = this.#retriesLeft > 0 && this.#content.replayable;
    // The reason of the rejection decides whether later requests are sent to the same backend.
    const isRejected = response.status === 429 && this.#request.exchange.endpoint.backends.length > 1;
    return (mayFail || isRejected) && mayHideFailure(response);
  }

  /** The pause before the next attempt in milliseconds. `undefined` if no further attempt follows. */
  #pauseBeforeNext(outcome: AttemptOutcome, { timeouts }: Backend): number | undefined {
    const { endpoint } = this.#request.exchange;
    const mayFollow = this.#retriesLeft > 0 && canFailOver(outcome, endpoint.retry) &&
      this.#maySendAgain(outcome);
    const pauseMs = mayFollow ? this.#pauseMs() : undefined;
    if (pauseMs === undefined) return undefined;
    const elapsedMs = this.#parts.clock.now() - this.#startedAt;
    return elapsedMs + pauseMs < (timeouts.totalMs ?? Infinity) ? pauseMs : undefined;
  }

  /** Whether the request can be sent again: its body is in memory, and the work would not be done twice. */
  #maySendAgain(outcome: AttemptOutcome): boolean {
    return this.#content.replayable && !(this.#mustArriveOnce && mayBeDone(outcome));
  }

  /** Whether there is a backend that may get the request and was not tried yet. */
  get #isFirstRound(): boolean {
    return this.#tried.size < this.#usableCount;
  }

  /** How many backends may get the request. */
  get #usableCount(): number {
    return this.#request.pinned === undefined ? this.#request.exchange.endpoint.backends.length : 1;
  }

  /**
   * 0 if a backend was not tried yet. `undefined` if all backends would reject the request again, or the
   * pause would be longer than {@link LONGEST_PAUSE_MS}.
   */
  #pauseMs(): number | undefined {
    const { balancer, pinned, exchange: { endpoint, holder } } = this.#request;
    if (this.#isFirstRound) return 0;
    const only = this.#woken ?? pinned;
    const next = (only === undefined ? endpoint.backends : [only])
      .filter((backend) => !this.#exceeded.has(backend));
    if (next.length === 0) return undefined;
    const round = endpoint.retry.retries - this.#retriesLeft - (this.#usableCount - 1);
    const waitMs = balancer.waitMs({ holder, model: this.#model() }, next);
    const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** round, waitMs);
    return pauseMs > LONGEST_PAUSE_MS ? undefined : pauseMs;
  }

  /**
   * The model that the limits of providers count. `undefined` if the request names none in what is in memory.
   */
  #model(): string | undefined {
    const known = this.#traits.model;
    if (known !== undefined) return known;
    const model = modelOf(this.#request, this.#content.kept());
    if (model !== undefined) this.#traits = { ...this.#traits, model };
    return model;
  }

  /** Whether the request may wait for the backend that is being woken. */
  #mayWake(outcome: AttemptOutcome): boolean {
    if (this.#sleeping === undefined || this.#woken !== undefined) return false;
    if (!canFailOver(outcome, this.#request.exchange.endpoint.retry)) return false;
    return !mayBeDone(outcome) && "error" in outcome || this.#maySendAgain(outcome);
  }

  /**
   * Waits until the woken backend answers. Returns false after its timeout. Throws if the exchange is
   * cancelled.
   */
  async #wake(outcome: AttemptOutcome, lease: Lease): Promise<boolean> {
    const { endpoint, request: { cancellation } } = this.#request.exchange;
    const sleeping = this.#sleeping;
    const timeoutMs = sleeping?.backend.wake?.timeoutMs;
    if (sleeping === undefined || timeoutMs === undefined) return false;
    const { backend } = sleeping;
    const wakeUp = sleeping.wakeUp(() => new WakeUp(backend, { ...this.#parts, endpoint, timeoutMs }));
    if (await wakeUp.wait(cancellation)) {
      this.#woken = backend;
      return true;
    }
    if (cancellation.reason === undefined) return false;
    this.#content.release();
    abandon(outcome, lease);
    throw cancellation.reason;
  }
}

/** Waits for some time, or until the exchange is cancelled. */
async function pause(durationMs: number, cancellation: Cancellation, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = clock.after(durationMs, resolve);
  const departure = { cancelled: resolve };
  cancellation.addListener(departure);
  await promise;
  stop();
  cancellation.removeListener(departure);
}
