/** Sends one exchange to its backend and brings the answer back as it comes. */

import { type Cancellation, ClientGone } from "../cancellation.ts";
import type { Clock } from "../clock.ts";
import type { Backend } from "../config/schema.ts";
import { ProxyFault } from "../faults.ts";
import type { ByteSource } from "../http1/body.ts";
import type { Field } from "../http1/fields.ts";
import { RelayedBody } from "./relay.ts";
import { PhaseTimer, TimeoutExpired } from "./timeouts.ts";
import {
  RequestBodyBroken,
  type Transport,
  TransportError,
  type UpstreamResponse,
} from "./transport/transport.ts";

/** What is to be sent, and who wants to know how it ends. */
export interface ForwardRequest {
  readonly backend: Backend;
  readonly method: string;
  /** Path and query at the backend, byte for byte. */
  readonly target: string;
  readonly fields: readonly Field[];
  readonly body: ByteSource | null;
  readonly bodyLength: number | undefined;
  readonly cancellation: Cancellation;
  readonly observer: ReplyObserver;
}

/** Is told of an answer while it passes. */
export interface ReplyObserver {
  /** The head of the answer is there. */
  readonly answered: (status: number) => void;
  readonly addBytes: (count: number) => void;
  /** Once, after the answer has begun. A fault here is for the log: the client sees its connection end. */
  readonly end: (ending: "complete" | "client_gone" | ProxyFault) => void;
}

/** Throws a {@link ProxyFault} or {@link ClientGone} where no answer could be begun. */
export async function forward(
  request: ForwardRequest,
  { transport, clock }: { transport: Transport; clock: Clock },
): Promise<UpstreamResponse> {
  const { backend, cancellation, observer } = request;
  const timer = new PhaseTimer(backend.timeouts, clock, (expired) => cancellation.cancel(expired));
  try {
    cancellation.throwIfCancelled();
    const response = await transport.send({
      method: request.method,
      origin: backend.baseUrl.origin,
      target: request.target,
      fields: request.fields,
      body: request.body,
      bodyLength: request.bodyLength,
      cancellation,
      onPhase: (phase) => timer.enter(phase),
    });
    timer.pause();
    observer.answered(response.status);
    if (response.body === null) {
      timer.stop();
      observer.end("complete");
      return response;
    }
    const body = new RelayedBody(response.body, cancellation, {
      awaited: () => timer.enter("idle"),
      chunk(bytes) {
        timer.pause();
        observer.addBytes(bytes);
      },
      ended(how) {
        timer.stop();
        observer.end(typeof how === "string" ? how : explainCut(how.brokenBy, backend));
      },
    });
    return { ...response, body };
  } catch (error) {
    timer.stop();
    if (error instanceof RequestBodyBroken) throw new ClientGone("the client left within its upload");
    throw explainFailure(error, backend);
  }
}

/** Why no answer could be begun, without URL, key or the runtime's own words; what is no failure of HTTP stays. */
function explainFailure(error: unknown, backend: Backend): unknown {
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault("upstream_timeout", `${host} did not answer in time: ${error.message}.`);
  }
  if (error instanceof TransportError) {
    return new ProxyFault("bad_gateway", `No answer from ${host}: ${error.message}.`, { cause: error });
  }
  return error;
}

/** Why an answer that had begun was cut. */
function explainCut(error: unknown, backend: Backend): ProxyFault {
  if (error instanceof ProxyFault) return error;
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault("upstream_timeout", `${host} fell silent within its answer: ${error.message}.`);
  }
  const reason = error instanceof TransportError ? error.message : "the answer was cut";
  return new ProxyFault("bad_gateway", `The answer of ${host} is not whole: ${reason}.`, { cause: error });
}

function hostOf(backend: Backend): string {
  return new URL(backend.baseUrl.origin).host;
}
