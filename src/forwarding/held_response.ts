/** Sends requests whose responses the proxy reads whole, before the client gets anything. */

import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";
import { createPause } from "../payload/pace.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { forward, type ForwardedExchange, type ForwardRequest } from "./forward.ts";
import type { Transport } from "./transport/transport.ts";
import type { BackendResponse } from "./upstream_call.ts";

/** The most bytes that observers of an exchange get at once, unless the exchange has a lower limit. */
const STEP_BYTES = 32 * 1024;

/** The memory of one response, which counts until the client has taken the response. */
export interface ResponseMemory {
  /** Sets how many bytes the response takes. Throws if there is not enough memory. */
  hold(bytes: number): void;
  /** Releases the memory. */
  release(): void;
  /** The response as a body, which releases the memory at its end. `onEnd` gets how it ended, once. */
  body(bytes: Uint8Array, onEnd: (how: "complete" | "client_gone") => void): MessageBody;
}

/** Sends the requests of one exchange, and keeps their responses from it. */
export class HeldResponses {
  readonly #exchange: ForwardedExchange;
  readonly #memory: ResponseMemory;
  #fault: ProxyFault | undefined;

  /** `memory` is released when the client has taken the response of {@link reply}. */
  constructor(exchange: ForwardedExchange, memory: ResponseMemory) {
    this.#exchange = exchange;
    this.#memory = memory;
  }

  /**
   * Sends a request. Throws what {@link forward} does. The caller reads or cancels the body of the response.
   */
  async send(
    request: Omit<ForwardRequest, "exchange">,
    parts: { readonly transport: Transport; readonly clock: Clock },
  ): Promise<BackendResponse> {
    const exchange = this.#exchange;
    const quiet: ForwardedExchange = {
      endpoint: exchange.endpoint,
      holder: exchange.holder,
      apiPath: exchange.apiPath,
      request: exchange.request,
      onAttempt: (backend) => exchange.onAttempt(backend),
      onUnanswered: (backend) => exchange.onUnanswered(backend),
      resent: (backend) => exchange.resent(backend),
      onFailover: (detail) => exchange.onFailover(detail),
      onResponse() {},
      onPiece() {},
      onClientPiece() {},
      unexpected: (error) => exchange.unexpected(error),
      end: (how) => {
        if (how instanceof ProxyFault) this.#fault = how;
      },
    };
    return await forward({ ...request, exchange: quiet }, parts);
  }

  /** Returns the error that the client gets if reading a response fails with `error`. Releases the memory. */
  failed(error: unknown): unknown {
    this.#memory.release();
    return this.#exchange.request.cancellation.reason ?? this.#fault ?? error;
  }

  /** The response for the client, with other bytes as its body. The exchange ends with the last byte. */
  async reply(response: BackendResponse, bytes: Uint8Array): Promise<BackendResponse> {
    const exchange = this.#exchange;
    this.#memory.hold(bytes.buffer.byteLength);
    exchange.onResponse(response, response.backend);
    const pause = createPause();
    for (let at = 0; at < bytes.length; at += STEP_BYTES) {
      exchange.onPiece(bytes.subarray(at, at + STEP_BYTES));
      await pause();
    }
    exchange.request.cancellation.throwIfCancelled();
    if (response.body !== null) {
      return { ...response, body: this.#memory.body(bytes, (how) => exchange.end(how)) };
    }
    this.#memory.release();
    exchange.end("complete");
    return { ...response, body: null };
  }
}
