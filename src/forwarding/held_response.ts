/** Sends requests whose responses the proxy reads whole, before the client gets anything. */

import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";
import { bodyOf } from "../streams/bytes.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { forward, type ForwardedExchange, type ForwardRequest } from "./forward.ts";
import type { Transport } from "./transport/transport.ts";
import type { BackendResponse } from "./upstream_call.ts";

/** Sends the requests of one exchange, and keeps their responses from it. */
export class HeldResponses {
  readonly #exchange: ForwardedExchange;
  #fault: ProxyFault | undefined;

  constructor(exchange: ForwardedExchange) {
    this.#exchange = exchange;
  }

  /** Sends a request. Throws what {@link forward} does. The caller reads or cancels the body of the response. */
  async send(
    request: Omit<ForwardRequest, "exchange">,
    parts: { readonly transport: Transport; readonly clock: Clock },
  ): Promise<BackendResponse> {
    const exchange = this.#exchange;
    const quiet: ForwardedExchange = {
      endpoint: exchange.endpoint,
      holder: exchange.holder,
      rest: exchange.rest,
      request: exchange.request,
      attempted: (backend) => exchange.attempted(backend),
      unanswered: (backend) => exchange.unanswered(backend),
      resent: (backend) => exchange.resent(backend),
      failedOver: (detail) => exchange.failedOver(detail),
      answered() {},
      passed() {},
      sent() {},
      unexpected: (error) => exchange.unexpected(error),
      end: (how) => {
        if (how instanceof ProxyFault) this.#fault = how;
      },
    };
    return await forward({ ...request, exchange: quiet }, parts);
  }

  /** The error that the client gets for an error of reading a response. */
  errorFor(error: unknown): unknown {
    return this.#exchange.request.cancellation.reason ?? this.#fault ?? error;
  }

  /** The response for the client, with other bytes as its body. The exchange ends with the last byte. */
  reply(response: BackendResponse, bytes: Uint8Array): BackendResponse {
    const exchange = this.#exchange;
    exchange.answered(response, response.backend);
    if (bytes.length > 0) exchange.passed(bytes);
    const hasBody = response.body !== null;
    if (!hasBody) exchange.end("complete");
    return { ...response, body: hasBody ? endingBody(bytes, exchange) : null };
  }
}

/** A body of bytes in memory that ends its exchange. */
function endingBody(bytes: Uint8Array, exchange: Pick<ForwardedExchange, "end">): MessageBody {
  const body = bodyOf(bytes);
  return {
    length: body.length,
    tryRead() {
      const piece = body.tryRead();
      if (piece === null) exchange.end("complete");
      return piece;
    },
    readable: () => body.readable(),
    cancel: () => exchange.end("client_gone"),
  };
}
