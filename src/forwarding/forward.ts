/** Sends one exchange to its backend and brings the answer back as it comes. */

import type { Clock } from "../clock.ts";
import type { Backend } from "../config/schema.ts";
import { ProxyFault } from "../faults.ts";
import { relayBody } from "./body.ts";
import { PhaseTimer, TimeoutExpired } from "./timeouts.ts";
import {
  type HeaderPair,
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
  readonly headers: readonly HeaderPair[];
  readonly body: ReadableStream<Uint8Array> | null;
  /** Aborted when the client leaves before the answer has begun. */
  readonly clientGone: AbortSignal;
  /** Aborted with a {@link ProxyFault} when the proxy itself has to end the exchange, at whatever stage it is. */
  readonly cutShort: AbortSignal;
  readonly observer: ReplyObserver;
}

/** Is told of an answer while it passes. */
export interface ReplyObserver {
  /** The headers of the answer are there. */
  readonly answered: (status: number) => void;
  readonly addBytes: (count: number) => void;
  /** Once, after the answer has begun. A fault here is for the log: the client sees its connection end. */
  readonly end: (ending: "complete" | "client_gone" | ProxyFault) => void;
}

/** An answer that has begun. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: ReadableStream<Uint8Array> | null;
}

/** The client left before an answer began. Not a fault: nobody is there to be told. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Statuses that have no body by their nature (RFC 9110), whatever an upstream sends. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Throws a {@link ProxyFault} or {@link ClientGone} where no answer could be begun. */
export async function forward(
  request: ForwardRequest,
  { transport, clock }: { transport: Transport; clock: Clock },
): Promise<Reply> {
  const { backend, clientGone, cutShort } = request;
  const cancel = new AbortController();
  const leave = () => cancel.abort(new ClientGone("the client left"));
  const cut = () => cancel.abort(cutShort.reason);
  if (clientGone.aborted) leave();
  clientGone.addEventListener("abort", leave, { once: true });
  cutShort.addEventListener("abort", cut, { once: true });
  const forget = () => {
    timer.stop();
    cutShort.removeEventListener("abort", cut);
  };
  const timer = new PhaseTimer(backend.timeouts, clock, (expired) => cancel.abort(expired));
  try {
    cancel.signal.throwIfAborted();
    const response = await transport({
      method: request.method,
      origin: backend.baseUrl.origin,
      target: request.target,
      headers: request.headers,
      body: request.body,
      signal: cancel.signal,
    });
    if (response.status < 200 || response.status > 599) {
      throw new TransportError(`it sent the status ${response.status}, which HTTP does not have`);
    }
    timer.headersArrived();
    request.observer.answered(response.status);
    return {
      status: response.status,
      headers: response.headers,
      body: relayReply(response, { request, timer, cancel, forget }),
    };
  } catch (error) {
    forget();
    cancel.abort(error);
    // Within an upload the runtime does not abort the signal: the body that breaks off is all there is to see.
    if (clientGone.aborted || error instanceof RequestBodyBroken) throw new ClientGone("the client left");
    throw explainFailure(error, backend);
  } finally {
    clientGone.removeEventListener("abort", leave);
  }
}

/** The answer's body, observed to its end; an answer without one has ended already. */
function relayReply(
  { status, body }: UpstreamResponse,
  { request, timer, cancel, forget }: {
    request: ForwardRequest;
    timer: PhaseTimer;
    cancel: AbortController;
    forget: () => void;
  },
): ReadableStream<Uint8Array> | null {
  const end: ReplyObserver["end"] = (ending) => {
    forget();
    request.observer.end(ending);
  };
  if (body === null || request.method === "HEAD" || WITHOUT_BODY.has(status)) {
    // Nothing is wanted of a body that should not be there.
    body?.cancel().catch(() => {});
    end("complete");
    return null;
  }
  return relayBody(body, {
    chunk(bytes) {
      timer.touch();
      request.observer.addBytes(bytes);
    },
    completed: () => end("complete"),
    failed: (error) => end(explainCut(cancel.signal.aborted ? cancel.signal.reason : error, request.backend)),
    abandoned() {
      end("client_gone");
      cancel.abort(new ClientGone("the client left"));
    },
  });
}

/** Why no answer could be begun, without URL, key or the runtime's own words; what is no failure of HTTP stays as it is. */
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
  return error instanceof TimeoutExpired
    ? new ProxyFault("upstream_timeout", `${host} fell silent within its answer: ${error.message}.`)
    : new ProxyFault("bad_gateway", `${host} broke off within its answer.`, { cause: error });
}

function hostOf(backend: Backend): string {
  return new URL(backend.baseUrl.origin).host;
}
