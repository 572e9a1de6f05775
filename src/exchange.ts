import type { Clock } from "./clock.ts";
import type { FaultCode, ProxyFault } from "./faults.ts";

/** How an exchange ended. `client_gone` is nobody's fault. */
export type Ending = "complete" | "client_gone" | FaultCode;

/** What is known of an exchange when it has ended; the unit of logs. No header value, query or body is in it. */
export interface ExchangeRecord {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly principal: string | undefined;
  readonly endpoint: string | undefined;
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

/** The status under which a client's departure is logged; the number is nginx's. */
const CLIENT_GONE_STATUS = 499;

/** One client request with its response, while it lasts. */
export class Exchange {
  readonly id: string;
  principal: string | undefined;
  endpoint: string | undefined;
  #status = 0;
  #bytes = 0;
  #firstByteMs: number | undefined;
  #ended = false;
  readonly #startedAt: number;
  readonly #method: string;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onEnd: (record: ExchangeRecord) => void;

  constructor(
    request: { id: string; method: string; path: string },
    { clock, onEnd }: { clock: Clock; onEnd: (record: ExchangeRecord) => void },
  ) {
    this.id = request.id;
    this.#method = request.method;
    this.#path = request.path;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#startedAt = clock.now();
  }

  /** The provider's headers are there. */
  answered(status: number): void {
    this.#status = status;
    this.#firstByteMs = this.#clock.now() - this.#startedAt;
  }

  addBytes(count: number): void {
    this.#bytes += count;
  }

  /** Ends it; only the first call counts. */
  end(ending: "complete" | "client_gone" | ProxyFault): void {
    if (this.#ended) return;
    this.#ended = true;
    const isFault = typeof ending !== "string";
    const statusWithoutAnswer = isFault ? ending.status : CLIENT_GONE_STATUS;
    this.#onEnd({
      id: this.id,
      method: this.#method,
      path: this.#path,
      principal: this.principal,
      endpoint: this.endpoint,
      status: ending === "client_gone" || this.#status === 0 ? statusWithoutAnswer : this.#status,
      bytes: this.#bytes,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#clock.now() - this.#startedAt,
      ending: isFault ? ending.code : ending,
      detail: isFault ? ending.message : undefined,
    });
  }
}
