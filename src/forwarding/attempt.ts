/** One try at one backend: its timeouts, its own cancellation, and the answer on its way to the client. */

import { Cancellation } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import type { Backend } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Tunnel } from "../http/message.ts";
import { CLOSE_CODES } from "../payload/websocket_frames.ts";
import type { Content } from "./request_content.ts";
import { RelayedBody } from "./relay.ts";
import { PhaseTimer, TimeoutExpired } from "./timeouts.ts";
import {
  type Transport,
  TransportError,
  type UpstreamRequest,
  type UpstreamResponse,
} from "./transport/transport.ts";
import { isAccepted } from "./websocket/handshake.ts";
import { WebSocketTunnel } from "./websocket/tunnel.ts";

/** What is sent, and what the exchange around it is. */
export interface AttemptRequest extends Pick<UpstreamRequest, "method" | "target"> {
  readonly content: Content;
  readonly backend: Backend;
  /** The exchange's own: ending it ends the attempt. */
  readonly cancellation: Cancellation;
  /** A WebSocket is asked for, whose messages may be so long. */
  readonly websocket: { readonly maxMessageBytes: number } | undefined;
  /** When the exchange began, for the total limit. */
  readonly startedAt: number;
}

/** Is told how the answer of an attempt goes on. */
export interface AttemptWatch {
  /** So much of it is looked at within one turn of the event loop; undefined: looking at it costs next to nothing. */
  readonly stepBytes?: number | undefined;
  readonly chunk: (piece: Uint8Array) => void;
  /** Of a WebSocket's client. */
  readonly sent: (piece: Uint8Array) => void;
  /** Once: the last byte has been handed on, the client left, or the answer broke off. */
  readonly ended: (how: "complete" | "client_gone" | { readonly brokenBy: unknown }) => void;
}

/** An answer on its way to the client. */
export interface RelayedResponse extends UpstreamResponse {
  /** With a 101: what uses the client's connection after the head. */
  readonly tunnel?: Tunnel;
}

/** An answer whose head is there. Whoever takes it either relays it or gives it up. */
export interface AttemptAnswer {
  readonly response: UpstreamResponse;
  /** The answer for the client; from now on a limit that passes ends the exchange. */
  readonly relay: (watch: AttemptWatch) => RelayedResponse;
  /** Nobody wants the rest of it. */
  readonly giveUp: () => void;
}

/** Sends a request. Throws what the transport throws, or the {@link TimeoutExpired} of a limit that passed. */
export async function attempt(
  request: AttemptRequest,
  { transport, clock }: { transport: Transport; clock: Clock },
): Promise<AttemptAnswer> {
  const { backend, content, cancellation, websocket, startedAt } = request;
  const own = new Cancellation();
  // Before the answer a limit ends the attempt alone: another backend may follow.
  let expire: (expired: TimeoutExpired) => void = (expired) => own.cancel(expired);
  const timer = new PhaseTimer(backend.timeouts, { clock, startedAt }, (expired) => expire(expired));
  cancellation.stopWith(() => own.cancel(cancellation.reason ?? new Error("cancelled without a reason")));
  let received = false;
  try {
    own.throwIfCancelled();
    const response = await transport.send({
      method: request.method,
      origin: backend.baseUrl.origin,
      connection: backend.connection,
      target: request.target,
      fields: content.fields,
      body: content.body,
      again: content.again,
      upgrade: websocket !== undefined,
      cancellation: own,
      onPhase: (phase) => timer.enter(phase),
      onReceived: () => received = true,
    });
    timer.pause();
    const { upgraded } = response;
    if (upgraded !== undefined && !isAccepted(content.fields, response.fields)) {
      upgraded.close();
      throw new TransportError("its answer to the WebSocket handshake is not the one to this request", {
        phase: "first byte",
        sent: true,
        received: true,
        reused: false,
        elapsedMs: 0,
      });
    }
    return {
      response,
      relay(watch) {
        expire = (expired) => cancellation.cancel(expired);
        if (upgraded !== undefined && websocket !== undefined) {
          const tunnel = new WebSocketTunnel({
            upstream: upgraded,
            cancellation,
            clock,
            maxMessageBytes: websocket.maxMessageBytes,
            passed: watch.chunk,
            sent: watch.sent,
            active: () => timer.enter("idle"),
            ended(how) {
              timer.stop();
              watch.ended(typeof how === "string" ? how : { brokenBy: how });
            },
          });
          timer.enter("idle");
          cancellation.finishWith(() => tunnel.goAway());
          expire = ({ message }) => {
            const said = { code: CLOSE_CODES.goingAway, reason: message };
            tunnel.closeBoth(
              said,
              new ProxyFault("upstream_timeout", `The WebSocket was closed: ${message}.`),
            );
          };
          return { ...response, tunnel };
        }
        if (response.body === null) {
          timer.stop();
          watch.ended("complete");
          return response;
        }
        const body = new RelayedBody(response.body, own, {
          stepBytes: watch.stepBytes,
          awaited: () => timer.enter("idle"),
          chunk(piece) {
            timer.pause();
            watch.chunk(piece);
          },
          ended(how) {
            timer.stop();
            watch.ended(how);
          },
        });
        return { ...response, body };
      },
      giveUp() {
        timer.stop();
        response.body?.cancel();
        upgraded?.close();
      },
    };
  } catch (error) {
    timer.stop();
    if (received && error instanceof TimeoutExpired) {
      throw new TimeoutExpired(error.phase, error.limitMs, { received, isUnanswered: error.isUnanswered });
    }
    throw error;
  }
}
