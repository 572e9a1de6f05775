import type { Clock } from "./clock.ts";
import type { Backend } from "./config/schema.ts";
import type { FaultCode, ProxyFault } from "./faults.ts";
import { harmlessText } from "./harmless_text.ts";
import type { Field } from "./http1/fields.ts";

import type { Principal } from "./principal.ts";

/** How an exchange ended. `client_gone` is nobody's fault. */
export type Ending = "complete" | "client_gone" | FaultCode;

/**
 * What is known of an exchange when it has ended; the unit of logs. No header value, query or body is in it, and
 * text of others is harmless and short.
 */
export interface ExchangeRecord {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** The address it came from. */
  readonly client: string;
  readonly principal: string | undefined;
  /** Of a managed token. */
  readonly tokenId: string | undefined;
  readonly endpoint: string | undefined;
  /** The backend that was asked last; undefined where none was. */
  readonly backend: string | undefined;
  /** The backends that were asked, one after the other; one may be asked twice. */
  readonly attempts: readonly AttemptRecord[];
  /** 499 where the client left before an answer began. */
  readonly status: number;
  /** Bytes of the answer's body that were handed on. */
  readonly bytes: number;
  /** From the request to the headers of the provider's answer; undefined where none came. */
  readonly firstByteMs: number | undefined;
  readonly durationMs: number;
  readonly ending: Ending;
  /** What went wrong, in words made for people. */
  readonly detail: string | undefined;
}

/** One try at one backend, by the clock of the exchange. */
export interface AttemptRecord {
  readonly backend: string;
  /** From the beginning of the exchange. */
  readonly afterMs: number;
  /** Why another one followed; undefined: it is the last. */
  readonly detail: string | undefined;
  /** What it may have used, where it was given up without an answer. */
  readonly estimated?: AttemptEstimate | undefined;
}

/** What an attempt may have used that nobody answered. */
export interface AttemptEstimate {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly costMicros: number | undefined;
}

/** What an exchange is accounted by, where accounts are kept. */
export interface ExchangeAccount {
  /** A backend is asked. */
  readonly attempted: () => void;
  /** It did not answer within so long, and may have done the work all the same. Gives what it may have used. */
  readonly gaveUp: (backend: Backend, elapsedMs: number) => AttemptEstimate | undefined;
  /** The head of the answer is there, and the backend that gave it. */
  readonly answered: (
    answer: { readonly status: number; readonly fields: readonly Field[] },
    backend: Backend,
  ) => void;
  /** The next piece of the answer's body; it is valid only now. */
  readonly passed: (piece: Uint8Array) => void;
  /** On a WebSocket: the next piece of what the client says; it is valid only now. */
  readonly sent: (piece: Uint8Array) => void;
  /** Whether the answer said that it is complete. A client that leaves afterwards has missed nothing. */
  readonly hasSeenEnd: () => boolean;
  /** Once. */
  readonly ended: (record: ExchangeRecord) => void;
}

/** An attempt that failed and was followed by another one. */
export interface Failover {
  readonly id: string;
  readonly endpoint: string | undefined;
  readonly backend: string;
  /** What went wrong, in words made for people. */
  readonly detail: string;
}

/** Some milliseconds of reading an answer, where all of it is events of a few bytes. */
const OBSERVED_STEP_BYTES = 32 * 1024;
/** The status under which a client's departure is logged; the number is nginx's. */
const CLIENT_GONE_STATUS = 499;

/** How much of what a client sent is kept in records, in characters. */
const MAX_METHOD = 32;
const MAX_PATH = 1_000;
const MAX_CLIENT = 64;
/** A shorter text is no credential, and is part of many paths. */
const LEAST_CONCEALED = 6;

/** One client request with its response, while it lasts. */
export class Exchange {
  readonly id: string;
  principal: Principal | undefined;
  endpoint: string | undefined;
  account: ExchangeAccount | undefined;
  readonly #attempts: AttemptRecord[] = [];
  #status = 0;
  #bytes = 0;
  #firstByteMs: number | undefined;
  #ended = false;
  readonly #startedAt: number;
  readonly #method: string;
  #path: string;
  readonly #client: string;
  readonly #clock: Clock;
  readonly #onEnd: (record: ExchangeRecord) => void;
  readonly #onFailover: (failover: Failover) => void;

  constructor(
    request: { id: string; method: string; path: string; client: string },
    { clock, onEnd, onFailover }: {
      clock: Clock;
      onEnd: (record: ExchangeRecord) => void;
      onFailover: (failover: Failover) => void;
    },
  ) {
    this.id = request.id;
    this.#method = harmlessText(request.method, MAX_METHOD);
    this.#path = harmlessText(request.path, MAX_PATH);
    this.#client = harmlessText(request.client, MAX_CLIENT);
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#onFailover = onFailover;
    this.#startedAt = clock.now();
  }

  /** The path as records have it: harmless, short, and without the credentials that were concealed. */
  get path(): string {
    return this.#path;
  }

  /** Takes credentials out of the path, where a client has put one by mistake. */
  conceal(credentials: readonly { readonly value: string }[]): void {
    for (const { value } of credentials) {
      if (value.length >= LEAST_CONCEALED) this.#path = this.#path.replaceAll(value, "[redacted]");
    }
  }

  /** A backend is asked. */
  attempted(backend: string): void {
    this.#attempts.push({ backend, afterMs: this.#clock.now() - this.#startedAt, detail: undefined });
    this.account?.attempted();
  }

  /** It was sent the request and did not answer in time. */
  gaveUp(backend: Backend): void {
    const last = this.#attempts.pop();
    if (last === undefined) return;
    const elapsedMs = this.#clock.now() - this.#startedAt - last.afterMs;
    const estimated = this.account?.gaveUp(backend, elapsedMs);
    this.#attempts.push(estimated === undefined ? last : { ...last, estimated });
  }

  /** It failed, and another attempt follows. */
  failedOver(backend: string, detail: string): void {
    const last = this.#attempts.pop();
    if (last !== undefined) this.#attempts.push({ ...last, detail });
    this.#onFailover({ id: this.id, endpoint: this.endpoint, backend, detail });
  }

  /** The provider's headers are there. */
  answered({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#status = status;
    this.#firstByteMs = this.#clock.now() - this.#startedAt;
    this.account?.answered({ status, fields }, backend);
  }

  /** The proxy itself answers, with no fault. */
  answeredHere(status: number): void {
    this.#status = status;
  }

  /** So much of the answer is looked at within one turn of the event loop. */
  get stepBytes(): number | undefined {
    return this.account === undefined ? undefined : OBSERVED_STEP_BYTES;
  }

  /** The next piece of the answer's body. */
  passed(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.account?.passed(piece);
  }

  /** On a WebSocket: the next piece of what the client says. */
  sent(piece: Uint8Array): void {
    this.account?.sent(piece);
  }

  /** Ends it; only the first call counts. */
  end(how: "complete" | "client_gone" | ProxyFault): void {
    if (this.#ended) return;
    this.#ended = true;
    // Many clients leave as soon as they have read the last event.
    const ending = how === "client_gone" && this.account?.hasSeenEnd() === true ? "complete" : how;
    const isFault = typeof ending !== "string";
    const statusWithoutAnswer = isFault ? ending.status : CLIENT_GONE_STATUS;
    const record: ExchangeRecord = {
      id: this.id,
      method: this.#method,
      path: this.#path,
      client: this.#client,
      principal: this.principal?.name,
      tokenId: this.principal?.tokenId,
      endpoint: this.endpoint,
      backend: this.#attempts.at(-1)?.backend,
      attempts: this.#attempts,
      status: ending === "client_gone" || this.#status === 0 ? statusWithoutAnswer : this.#status,
      bytes: this.#bytes,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#clock.now() - this.#startedAt,
      ending: isFault ? ending.code : ending,
      detail: isFault ? ending.message : undefined,
    };
    this.#onEnd(record);
    this.account?.ended(record);
  }
}
