import type { RequestFacts } from "../payload/request_facts.ts";
import type { ObjectRequest } from "./settlement/object_paths.ts";

/**
 * The facts of a request that its account needs. The proxy may still be reading the body, so some facts are
 * functions.
 */
export interface AccountedRequest {
  readonly facts: () => RequestFacts;
  /** An estimate of the input so far, in tokens. */
  readonly inputTokens: () => number;
  /** The highest number of output tokens. */
  readonly outputTokens: () => number;
  /** The bytes of the body that have passed. `undefined` if the request has no body. */
  readonly bytes?: (() => number) | undefined;
  /** Whether a model responds at this path, so that the exchange costs something. */
  readonly isMetered: boolean;
  /** Whether the request is free, even if its response contains usage. */
  readonly isFree: boolean;
  /** What the request does with an object of the provider. Absent for requests that concern no object. */
  readonly object?: ObjectRequest | undefined;
}

/** A request whose body the proxy has read, so all facts are known before the request is sent. */
export class KnownRequest implements AccountedRequest {
  readonly isMetered: boolean;
  readonly isFree: boolean;
  readonly object: ObjectRequest | undefined;
  readonly bytes: (() => number) | undefined;
  readonly #facts: RequestFacts;
  readonly #inputTokens: number;
  readonly #outputTokens: number;

  /** `cost` says what is known of the cost of the request. */
  constructor(
    facts: RequestFacts,
    { inputTokens, outputTokens, bytes, cost, object }: {
      inputTokens: number;
      outputTokens: number;
      /** The bytes of the body. `undefined` if the request has no body. */
      bytes: number | undefined;
      cost: "metered" | "free" | "unknown";
      object: ObjectRequest | undefined;
    },
  ) {
    this.#facts = facts;
    this.#inputTokens = inputTokens;
    this.#outputTokens = outputTokens;
    this.isMetered = cost === "metered";
    this.isFree = cost === "free";
    this.object = object;
    this.bytes = bytes === undefined ? undefined : () => bytes;
  }

  facts(): RequestFacts {
    return this.#facts;
  }

  inputTokens(): number {
    return this.#inputTokens;
  }

  outputTokens(): number {
    return this.#outputTokens;
  }
}
