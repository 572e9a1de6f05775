import { ClientGone } from "./cancellation.ts";
import type { UnnamedApi } from "./apis/unnamed_paths.ts";
import type { Backend, Endpoint } from "./config/config.ts";
import { clientDialect } from "./exchange/client_dialect.ts";
import type { ExchangeParts } from "./exchange/exchange_parts.ts";
import { GuardedObservers } from "./exchange/guarded_observers.ts";
import type { ExchangeAccount, ExchangeObjects, ResponseHead } from "./exchange/observers.ts";
import { redacted } from "./exchange/redacted.ts";
import type { AttemptRecord, ExchangeRecord, ExchangeUsage } from "./exchange_record.ts";
import { faultReply, ProxyFault } from "./faults.ts";
import type { IncomingRequest, OutgoingReply } from "./http/message.ts";
import type { ConcurrencyLimiter } from "./capacity/concurrency_limiter.ts";
import { hasProject, holderOf, type Principal } from "./principal.ts";
import type { ResponseEnd } from "./response_end.ts";
import { harmlessText } from "./text/harmless_text.ts";

/** The status, as in nginx, in the record of a client that left before the end of its response. */
const CLIENT_GONE_STATUS = 499;
/** The reply for a client that has left. No connection is there to send it on. */
const CLIENT_GONE_REPLY: OutgoingReply = {
  status: CLIENT_GONE_STATUS,
  reason: "Client Closed Request",
  fields: [],
  body: null,
};

/** How much of a client's text records keep, in characters. */
const MAX_METHOD = 32;
const MAX_PATH = 1_000;
const MAX_CLIENT = 64;
const NO_CREDENTIALS: readonly { readonly value: string }[] = [];
/** A record whose usage is not known yet. */
type OpenRecord = Omit<ExchangeRecord, "usage"> & { usage: ExchangeUsage | undefined };

/** The parts of a request that are known when its exchange begins. */
export interface ExchangeBeginning {
  readonly target: { readonly path: string; readonly query: string };
  /** The endpoint, and the path after its name. `undefined` if no endpoint has this path. */
  readonly route:
    | {
      /** `undefined` if the model of the request chooses the endpoint. */
      readonly endpoint: Endpoint | undefined;
      /** The path after the name of the endpoint, byte for byte. */
      readonly apiPath: string;
      readonly byModel?: UnnamedApi;
    }
    | undefined;
  /** The client's address, behind trusted reverse proxies. */
  readonly address: string;
}

/**
 * An exchange whose client is identified and whose endpoint is known, so that its request can be forwarded.
 */
export type RoutedExchange = Exchange & {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  readonly apiPath: string;
};

/**
 * One client request with its response, while it lasts: its client, its endpoint, the slot and memory that it
 * holds, and its record. It ends exactly once: {@link Exchange.end} releases the slot and the memory, settles
 * the account, and completes the record.
 */
export class Exchange {
  readonly id: string;
  readonly request: IncomingRequest;
  /** The client's address, behind trusted reverse proxies. */
  readonly address: string;
  /**
   * The API of a path without the name of an endpoint. `undefined` if the path names an endpoint, or is
   * unknown.
   */
  readonly api: UnnamedApi | undefined;
  /** The client. `undefined` until it is identified. */
  principal: Principal | undefined;
  readonly #observers: GuardedObservers = new GuardedObservers(this);
  readonly #parts: ExchangeParts;
  readonly #startedAt: number;
  // Where the request goes:
  #target: { readonly path: string; readonly query: string };
  #endpoint: Endpoint | undefined;
  #apiPath: string | undefined;
  #modelAsked: string | undefined;
  // What the record says:
  readonly #method: string;
  #path: string;
  #credentials: readonly { readonly value: string }[] = NO_CREDENTIALS;
  readonly #attempts: AttemptRecord[] = [];
  /** The status of the response, or 0 if no response has begun. */
  #status = 0;
  #bytes = 0;
  #firstByteMs: number | undefined;
  // What the exchange holds until its end:
  #releaseSlot: (() => void) | undefined;
  #bodyMemory: { readonly release: () => void } | undefined;
  #hasEnded = false;

  constructor(request: IncomingRequest, { target, route, address }: ExchangeBeginning, parts: ExchangeParts) {
    this.id = parts.createId();
    this.request = request;
    this.address = address;
    this.#target = target;
    this.#endpoint = route?.endpoint;
    this.#apiPath = route?.apiPath;
    this.api = route?.byModel;
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#method = harmlessText(request.method, MAX_METHOD);
    this.#path = harmlessText(target.path, MAX_PATH);
    parts.onStart(request.cancellation);
  }

  /** Measures the usage. `undefined` if the management plane is off, or the client is not identified yet. */
  get account(): ExchangeAccount | undefined {
    return this.#observers.account;
  }

  set account(account: ExchangeAccount | undefined) {
    this.#observers.account = account;
  }

  /** Learns the objects that the response creates. `undefined` if there is nothing to learn. */
  get objects(): ExchangeObjects | undefined {
    return this.#observers.objects;
  }

  set objects(objects: ExchangeObjects | undefined) {
    this.#observers.objects = objects;
  }

  /**
   * The endpoint. `undefined` if no endpoint has this path, or the model of the request has not chosen one
   * yet.
   */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** The path after the name of the endpoint, byte for byte. `undefined` if no endpoint has this path. */
  get apiPath(): string | undefined {
    return this.#apiPath;
  }

  /** The model that the client named, if another one is sent in its place. */
  get modelAsked(): string | undefined {
    return this.#modelAsked;
  }

  /**
   * Sets the endpoint that the model of the request chose. A replaced model may be in the path or the query.
   */
  routeTo(
    endpoint: Endpoint | undefined,
    { apiPath = this.#apiPath, query = this.#target.query, modelAsked }: {
      apiPath?: string | undefined;
      query?: string;
      modelAsked?: string | undefined;
    } = {},
  ): void {
    this.#endpoint = endpoint;
    this.#apiPath = apiPath;
    this.#modelAsked = modelAsked;
    if (query !== this.#target.query) this.#target = { ...this.#target, query };
  }

  /** The path as records have it: harmless, short, and without concealed credentials. */
  get loggedPath(): string {
    return this.#path;
  }

  /** The raw query without its `?`. */
  get query(): string {
    return this.#target.query;
  }

  /**
   * The key of the client's slots, body memory and cooldowns: its token, or its address if it has no token.
   * Rate limits and budgets go by the subjects of {@link principal}.
   */
  get holder(): string {
    return holderOf(this.principal, this.address);
  }

  /** Removes the credentials of the request from the recorded path, and makes {@link redact} remove them. */
  conceal(credentials: readonly { readonly value: string }[]): void {
    this.#credentials = credentials;
    const path = this.redact(this.#target.path);
    if (path !== this.#target.path) this.#path = harmlessText(path, MAX_PATH);
  }

  /** Removes credentials from a text, where a client has put one by mistake. */
  redact(text: string): string {
    return redacted(text, this.#credentials);
  }

  /**
   * Acquires a slot for the exchange, which is released at its end. Throws as
   * {@link ConcurrencyLimiter.acquire} does. Returns a promise only if the exchange has to wait for the slot.
   */
  acquireSlot(limit: Pick<ConcurrencyLimiter, "acquire">): Promise<void> | undefined {
    const slot = limit.acquire(this.holder, this.request.cancellation);
    if (slot instanceof Promise) {
      return slot.then((release) => {
        this.#releaseSlot = release;
      });
    }
    this.#releaseSlot = slot;
    return undefined;
  }

  /** Takes over a share of the memory for bodies, which is released at the end of the exchange. */
  takeOverShare<Share extends { readonly release: () => void }>(share: Share): Share {
    this.#bodyMemory = share;
    return share;
  }

  /** Adds an attempt: the proxy sends the request to a backend. */
  onAttempt(backend: string): void {
    const before = this.#attempts.at(-1);
    this.#attempts.push({ backend, afterMs: this.#elapsedMs, detail: undefined });
    try {
      this.account?.onAttempt();
      if (before?.detail === undefined) return;
      const { backend: failed, detail } = before;
      this.#parts.onFailover({ ...this.#place, backend: failed, next: backend, detail });
    } catch (error) {
      this.#observers.accountFailed(error);
    }
  }

  /** The request is sent to the same backend again, because the backend had closed a kept connection. */
  resent(backend: string): void {
    try {
      this.#parts.onResent({ ...this.#place, backend });
    } catch (error) {
      this.#observers.accountFailed(error);
    }
  }

  /**
   * Adds the estimated usage to the last attempt: the backend got the request, and did not respond in time.
   */
  onUnanswered(backend: Backend): void {
    const last = this.#attempts.at(-1);
    if (last === undefined) return;
    const estimated = this.#observers.onUnanswered(backend, this.#elapsedMs - last.afterMs);
    if (estimated !== undefined) this.#attempts[this.#attempts.length - 1] = { ...last, estimated };
  }

  /** Adds a reason to the last attempt: it failed, and another attempt is to follow. */
  onFailover(detail: string): void {
    const last = this.#attempts.pop();
    if (last !== undefined) this.#attempts.push({ ...last, detail });
  }

  /**
   * Called when the client will get this response. Its head arrived at `headAt`, in milliseconds of the
   * clock.
   */
  onResponse(
    { status, fields, headAt }: ResponseHead & { readonly headAt: number },
    backend: Backend,
  ): void {
    this.#status = status;
    this.#firstByteMs = headAt - this.#startedAt;
    this.#observers.onResponse({ status, fields }, backend);
  }

  /** Called when the proxy itself makes the response, without a fault. */
  repliedHere(status: number): void {
    this.#status = status;
  }

  /**
   * The most bytes that {@link onPiece} gets in one turn of the event loop. `undefined` if there is no limit.
   */
  get stepBytes(): number | undefined {
    return this.#observers.stepBytes;
  }

  /** Called with the next piece of the response's body, which is valid during this call. */
  onPiece(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#observers.onPiece(piece);
  }

  /** Called with the next piece that the client sends on a WebSocket, which is valid during this call. */
  onClientPiece(piece: Uint8Array): void {
    this.#observers.onClientPiece(piece);
  }

  /** Reports an error that the program did not expect: a bug. */
  unexpected(error: unknown): void {
    this.#parts.onUnexpected(error, this.id);
  }

  /** Ends the exchange with an error. Returns the reply that the client gets. */
  fail(error: unknown): OutgoingReply {
    if (error instanceof ClientGone) {
      this.end("client_gone");
      return CLIENT_GONE_REPLY;
    }
    const fault = error instanceof ProxyFault ? error : this.#unexpected(error);
    // The client gets the fault, even if the head of a provider's response has arrived.
    this.#status = 0;
    this.end(fault);
    return faultReply(fault, {
      dialect: clientDialect({
        path: this.loggedPath,
        apiPath: this.#apiPath,
        fields: this.request.fields,
        api: this.api,
        endpoint: this.endpoint,
      }),
      requestId: this.id,
      upstreamName: this.#upstreamName,
    });
  }

  /**
   * Releases what the exchange holds, settles the account, then gives the complete record to `onRecord`,
   * which passes it to the log, the metrics, the live feed and the database. Only the first call counts.
   */
  end(how: ResponseEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Many clients close the connection after the last event. Their exchange is complete.
    const ending = how === "client_gone" && this.#observers.hasSeenEnd() ? "complete" : how;
    this.#releaseSlot?.();
    this.#bodyMemory?.release();
    const record = this.#recordOf(ending);
    this.#parts.onEnd(this.request.cancellation);
    const usage = this.#observers.settle(record);
    if (usage instanceof Promise) void usage.then((known) => this.#record(record, known));
    else this.#record(record, usage);
  }

  #record(record: OpenRecord, usage: ExchangeUsage | undefined): void {
    record.usage = usage;
    try {
      this.#parts.onRecord(record, this.request);
    } catch (error) {
      this.#observers.accountFailed(error);
    }
  }

  #recordOf(ending: ResponseEnd): OpenRecord {
    const isFault = typeof ending !== "string";
    return {
      id: this.id,
      method: this.#method,
      path: this.#path,
      client: harmlessText(this.address, MAX_CLIENT),
      principal: this.principal?.name,
      tokenId: this.principal?.tokenId,
      endpoint: this.endpoint?.name,
      backend: this.#attempts.at(-1)?.backend,
      attempts: this.#attempts,
      status: this.#statusFor(ending),
      bytes: this.#bytes,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#elapsedMs,
      ending: isFault ? ending.code : ending,
      detail: isFault ? ending.message : undefined,
      usage: undefined,
    };
  }

  /** A response that broke off with a fault keeps the status that was sent. */
  #statusFor(ending: ResponseEnd): number {
    if (ending === "client_gone") return CLIENT_GONE_STATUS;
    if (this.#status !== 0) return this.#status;
    return typeof ending === "string" ? CLIENT_GONE_STATUS : ending.status;
  }

  #unexpected(error: unknown): ProxyFault {
    this.unexpected(error);
    return new ProxyFault(
      "internal",
      "The proxy failed on this request. The log of the proxy has the reason.",
      {
        cause: error,
      },
    );
  }

  /**
   * A managed token may belong to someone who must not know the addresses in this network. The log has the
   * host.
   */
  get #upstreamName(): string | undefined {
    return this.principal !== undefined && hasProject(this.principal)
      ? `the upstream of ${this.endpoint?.name ?? "this path"}`
      : undefined;
  }

  /** What log lines of attempts have in common. */
  get #place(): { readonly id: string; readonly endpoint: string | undefined } {
    return { id: this.id, endpoint: this.endpoint?.name };
  }

  get #elapsedMs(): number {
    return this.#parts.clock.now() - this.#startedAt;
  }
}
