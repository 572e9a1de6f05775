import { type Cancellation, ClientGone } from "./cancellation.ts";
import type { Backend, Endpoint } from "./config/config.ts";
import { dialectOfClient, dialectOfVersion, type ErrorDialect } from "./apis/dialects.ts";
import { isOllamaPath, recognisedPath } from "./apis/operation_of.ts";
import { factsOf } from "./apis/operations.ts";
import { DIALECT_OF_API, type UnnamedApi } from "./apis/unnamed_paths.ts";
import { faultReply, ProxyFault } from "./faults.ts";
import type { AttemptEstimate, AttemptRecord, ExchangeRecord, ExchangeUsage } from "./exchange_record.ts";
import { type Field, fieldValue } from "./http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "./http/message.ts";
import type { ConcurrencyLimiter } from "./limits/concurrency_limiter.ts";
import { holderOf, type Principal } from "./principal.ts";
import type { ResponseEnd } from "./response_end.ts";
import { harmlessText } from "./text/harmless_text.ts";
import type { Clock } from "./time/clock.ts";

/** Measures usage and cost of one exchange. */
export interface ExchangeAccount {
  /** An attempt begins. */
  readonly attempted: () => void;
  /**
   * Returns the estimated use of an attempt that timed out: the backend may have done the work. Undefined: no
   * estimate.
   */
  readonly unanswered: (backend: Backend, elapsedMs: number) => AttemptEstimate | undefined;
  /** The head of a backend's response has come. */
  readonly answered: (
    answer: { readonly status: number; readonly fields: readonly Field[] },
    backend: Backend,
  ) => void;
  /** The next piece of the response's body, which is valid during this call. */
  readonly passed: (piece: Uint8Array) => void;
  /** The next piece that the client sends on a WebSocket, which is valid during this call. */
  readonly sent: (piece: Uint8Array) => void;
  /**
   * Whether the response has shown its stop reason or end marker. A client that leaves afterwards counts as
   * complete.
   */
  readonly hasSeenEnd: () => boolean;
  /** Whether the request asks the provider to store a chat completion, as far as the request has passed. */
  readonly isStored: () => boolean;
  /**
   * The exchange has ended. Called once. Settles what was reserved, and returns the usage: a promise only if the
   * response was compressed. Undefined: the usage could not be worked out, which is a bug and was reported.
   */
  readonly settle: (
    record: ExchangeRecord,
  ) => ExchangeUsage | undefined | Promise<ExchangeUsage | undefined>;
}

/** Learns the stored objects that a response creates. */
export interface ExchangeObjects {
  /** The head of a backend's response has come. */
  readonly answered: (
    answer: { readonly status: number; readonly fields: readonly Field[] },
    backend: Backend,
  ) => void;
  /** The next piece of the response's body, which is valid during this call. */
  readonly passed: (piece: Uint8Array) => void;
  /** The response has ended. */
  readonly ended: () => void;
}

/** An attempt that failed, and that another one followed. */
export interface Failover {
  readonly id: string;
  readonly endpoint: string | undefined;
  readonly backend: string;
  /** What went wrong, in words for people. */
  readonly detail: string;
}

/** What an exchange needs of the proxy around it. */
export interface ExchangeParts {
  readonly clock: Clock;
  readonly createId: () => string;
  /** An exchange begins. Its cancellation can end it. */
  readonly onStart: (cancellation: Cancellation) => void;
  /** The exchange has ended, with its last byte. Called once. */
  readonly onEnd: (cancellation: Cancellation) => void;
  /**
   * The record of an exchange is complete, with its usage. Called once after `onEnd`: at once, or after the last
   * piece of a compressed response was decompressed.
   */
  readonly onRecord: (record: ExchangeRecord, request: IncomingRequest) => void;
  /** An attempt failed, and another one follows. */
  readonly onFailover: (failover: Failover) => void;
  /** An error that the program did not expect: a bug. */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** The account needs some milliseconds for so much of an answer if all events are short. */
const OBSERVED_STEP_BYTES = 32 * 1024;
/** The status under which nginx, and this proxy, log a client that left. */
const CLIENT_GONE_STATUS = 499;
/** The response for a client that has left. No connection is there to send it on. */
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
/** A shorter text is no credential, and is part of many paths. */
const LEAST_CONCEALED = 6;
const NO_CREDENTIALS: readonly { readonly value: string }[] = [];
/** A record whose usage is not known yet. */
type OpenRecord = Omit<ExchangeRecord, "usage"> & { usage: ExchangeUsage | undefined };

/** An exchange whose client is identified and whose endpoint is known, so that its request can be forwarded. */
export type RoutedExchange = Exchange & {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  readonly rest: string;
};

/**
 * One client request with its response, while it lasts: who sent it, where it goes, what it holds, and what
 * records say of it. It ends exactly once: {@link Exchange.end} releases what it holds, settles its account, and
 * completes its record.
 */
export class Exchange {
  readonly id: string;
  readonly request: IncomingRequest;
  /** The client's address, behind trusted reverse proxies. */
  readonly address: string;
  readonly #api: ErrorDialect | undefined;
  #endpoint: Endpoint | undefined;
  #rest: string | undefined;
  #modelAsked: string | undefined;
  /** Undefined until the client is identified. */
  principal: Principal | undefined;
  /** Undefined: the management plane is off, or the client is not identified yet. */
  account: ExchangeAccount | undefined;
  readonly #parts: ExchangeParts;
  readonly #startedAt: number;
  readonly #method: string;
  #target: { readonly path: string; readonly query: string };
  /** Learns the objects that the response creates. Undefined: it creates none that matter. */
  objects: ExchangeObjects | undefined;
  #path: string;
  #credentials: readonly { readonly value: string }[] = NO_CREDENTIALS;
  readonly #attempts: AttemptRecord[] = [];
  #status = 0;
  #bytes = 0;
  #firstByteMs: number | undefined;
  #hasEnded = false;
  #isBlind = false;
  #releaseSlot: (() => void) | undefined;
  #held: { readonly release: () => void } | undefined;

  constructor(
    request: IncomingRequest,
    { target, route, address }: {
      target: { readonly path: string; readonly query: string };
      route:
        | { readonly endpoint: Endpoint | undefined; readonly rest: string; readonly byModel?: UnnamedApi }
        | undefined;
      address: string;
    },
    parts: ExchangeParts,
  ) {
    this.id = parts.createId();
    this.request = request;
    this.address = address;
    this.#target = target;
    this.#endpoint = route?.endpoint;
    this.#rest = route?.rest;
    this.#api = route?.byModel && DIALECT_OF_API[route.byModel];
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#method = harmlessText(request.method, MAX_METHOD);
    this.#path = harmlessText(target.path, MAX_PATH);
    parts.onStart(request.cancellation);
  }

  /** Undefined: no endpoint has this path, or the model of the request has not chosen one yet. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** The path after the name of the endpoint, byte for byte. Undefined: no endpoint has this path. */
  get rest(): string | undefined {
    return this.#rest;
  }

  /** The model that the client named, if another one is sent in its place. */
  get modelAsked(): string | undefined {
    return this.#modelAsked;
  }

  /** Sets the endpoint that the model of the request chose. A replaced model may be in the path or the query. */
  routeTo(
    endpoint: Endpoint | undefined,
    { rest = this.#rest, query = this.#target.query, modelAsked }: {
      rest?: string | undefined;
      query?: string;
      modelAsked?: string | undefined;
    } = {},
  ): void {
    this.#endpoint = endpoint;
    this.#rest = rest;
    this.#modelAsked = modelAsked;
    if (query !== this.#target.query) this.#target = { ...this.#target, query };
  }

  /** The path as records have it: harmless, short, and without concealed credentials. */
  get path(): string {
    return this.#path;
  }

  /** The raw query without its `?`. */
  get query(): string {
    return this.#target.query;
  }

  /** The key that limits are counted by: the token, or the address of a client without a token. */
  get holder(): string {
    return holderOf(this.principal, this.address);
  }

  /** Keeps the credentials of the request out of records: out of the path, and out of what {@link redact} gets. */
  conceal(credentials: readonly { readonly value: string }[]): void {
    this.#credentials = credentials;
    const redacted = this.redact(this.#target.path);
    if (redacted !== this.#target.path) this.#path = harmlessText(redacted, MAX_PATH);
  }

  /** Removes credentials from a text, where a client has put one by mistake. */
  redact(text: string): string {
    let redacted = text;
    for (const { value } of this.#credentials) {
      if (value.length >= LEAST_CONCEALED) redacted = redacted.replaceAll(value, "[redacted]");
    }
    return redacted;
  }

  /**
   * Acquires a slot for the exchange, which is released at its end. Throws as {@link ConcurrencyLimiter.acquire} does.
   * Gives a promise only if the exchange has to wait for the slot.
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
  holds<Share extends { readonly release: () => void }>(share: Share): Share {
    this.#held = share;
    return share;
  }

  /** The proxy sends the request to a backend. */
  attempted(backend: string): void {
    this.#attempts.push({ backend, afterMs: this.#elapsedMs, detail: undefined });
    this.account?.attempted();
  }

  /** The backend was sent the request, and did not answer in time. */
  unanswered(backend: Backend): void {
    const last = this.#attempts.pop();
    if (last === undefined) return;
    const estimated = this.account?.unanswered(backend, this.#elapsedMs - last.afterMs);
    this.#attempts.push(estimated === undefined ? last : { ...last, estimated });
  }

  /** The last attempt failed, and another one follows. */
  failedOver(backend: string, detail: string): void {
    const last = this.#attempts.pop();
    if (last !== undefined) this.#attempts.push({ ...last, detail });
    this.#parts.onFailover({ id: this.id, endpoint: this.endpoint?.name, backend, detail });
  }

  /** The head of the provider's response has come. */
  answered({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#status = status;
    this.#firstByteMs = this.#elapsedMs;
    try {
      this.account?.answered({ status, fields }, backend);
      this.objects?.answered({ status, fields }, backend);
    } catch (error) {
      this.#lostSight(error);
    }
  }

  /** The proxy itself answers, with no fault. */
  answeredHere(status: number): void {
    this.#status = status;
  }

  /** The most bytes that {@link passed} gets in one turn of the event loop. Undefined: there is no limit. */
  get stepBytes(): number | undefined {
    return this.account === undefined && this.objects === undefined ? undefined : OBSERVED_STEP_BYTES;
  }

  /** The next piece of the response's body, which is valid during this call. */
  passed(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.account === undefined && this.objects === undefined || this.#isBlind) return;
    try {
      this.account?.passed(piece);
      this.objects?.passed(piece);
    } catch (error) {
      this.#lostSight(error);
    }
  }

  /** The next piece that the client sends on a WebSocket, which is valid during this call. */
  sent(piece: Uint8Array): void {
    if (this.account === undefined || this.#isBlind) return;
    try {
      this.account.sent(piece);
    } catch (error) {
      this.#lostSight(error);
    }
  }

  /** Ends the exchange with an error. Returns the response that the client gets. */
  fail(error: unknown): OutgoingReply {
    if (error instanceof ClientGone) {
      this.end("client_gone");
      return CLIENT_GONE_REPLY;
    }
    const fault = error instanceof ProxyFault ? error : this.#unexpected(error);
    // The client gets the proxy's answer, even if the head of a provider's answer has come.
    this.#status = 0;
    this.end(fault);
    return faultReply(fault, {
      dialect: this.#dialect,
      requestId: this.id,
      upstreamName: this.#upstreamName,
    });
  }

  /**
   * Ends the exchange. Only the first call counts. First what it holds is released, then the account settles, and
   * then the complete record goes to the log, the metrics, the live feed and the database.
   */
  end(how: ResponseEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Many clients close after the last event: that is a complete exchange.
    const ending = how === "client_gone" && this.#hasSeenEnd ? "complete" : how;
    this.#releaseSlot?.();
    this.#held?.release();
    const record = this.#recordOf(ending);
    this.#parts.onEnd(this.request.cancellation);
    let usage: ReturnType<ExchangeAccount["settle"]>;
    try {
      this.objects?.ended();
      usage = this.account?.settle(record);
    } catch (error) {
      this.#lostSight(error);
    }
    if (usage instanceof Promise) void this.#recordLater(record, usage);
    else this.#record(record, usage);
  }

  async #recordLater(record: OpenRecord, usage: Promise<ExchangeUsage | undefined>): Promise<void> {
    this.#record(record, await usage.catch((error) => this.#lostSight(error)));
  }

  #record(record: OpenRecord, usage: ExchangeUsage | undefined): void {
    record.usage = usage;
    try {
      this.#parts.onRecord(record, this.request);
    } catch (error) {
      this.#lostSight(error);
    }
  }

  get #hasSeenEnd(): boolean {
    return this.account !== undefined && !this.#isBlind && this.account.hasSeenEnd();
  }

  /**
   * An error of accounting or of the log is a bug, and must not break an answer, nor count as a failure of
   * its backend. The account reads no more of the answer, and settles with what it has read.
   */
  #lostSight(error: unknown): undefined {
    this.#isBlind = true;
    this.#parts.onUnexpected(error, this.id);
  }

  #recordOf(ending: ResponseEnd): OpenRecord {
    const isFault = typeof ending !== "string";
    const statusWithoutAnswer = isFault ? ending.status : CLIENT_GONE_STATUS;
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
      status: ending === "client_gone" || this.#status === 0 ? statusWithoutAnswer : this.#status,
      bytes: this.#bytes,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#elapsedMs,
      ending: isFault ? ending.code : ending,
      detail: isFault ? ending.message : undefined,
      usage: undefined,
    };
  }

  #unexpected(error: unknown): ProxyFault {
    this.#parts.onUnexpected(error, this.id);
    return new ProxyFault("internal", "The proxy failed on this request; its log says more.", {
      cause: error,
    });
  }

  /**
   * The dialect that the client understands: by the path or a header with a version, because many endpoints
   * have the paths of several dialects; else that of the endpoint, or what the client's other fields show.
   */
  get #dialect(): ErrorDialect {
    if (isOllamaPath(this.#rest ?? this.path)) return "ollama";
    const has = (lower: string) => fieldValue(this.request.fields, lower) !== undefined;
    return factsOf(recognisedPath(this.path).operation).dialect ?? dialectOfVersion(has) ?? this.#api ??
      this.endpoint?.dialect ?? dialectOfClient(has);
  }

  /** A managed token may belong to someone who must not know the addresses in this network. The log has the host. */
  get #upstreamName(): string | undefined {
    return this.principal?.kind === "token"
      ? `the upstream of ${this.endpoint?.name ?? "this path"}`
      : undefined;
  }

  get #elapsedMs(): number {
    return this.#parts.clock.now() - this.#startedAt;
  }
}
