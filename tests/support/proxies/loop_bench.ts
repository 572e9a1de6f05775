/** The attempts of one request, with a transport that a script plays and a clock that stands. */

import { Cancellation } from "../../../src/cancellation.ts";
import type { Endpoint, TimeoutLimits } from "../../../src/config/config.ts";
import { Balancer } from "../../../src/forwarding/balancer.ts";
import { forward, type ForwardRequest } from "../../../src/forwarding/forward.ts";
import {
  RequestBodyBroken,
  TransportError,
  type UpstreamRequest,
  type UpstreamResponse,
} from "../../../src/forwarding/transport/transport.ts";
import type { BackendResponse } from "../../../src/forwarding/upstream_call.ts";
import type { MessageBody } from "../../../src/streams/byte_source.ts";
import { textOf } from "../data/body_text.ts";
import { fieldsOf } from "../data/fields.ts";
import { within } from "../time/deadline.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { textSource } from "./handler.ts";

/** What a backend does: answers with a status, or one of the failures. */
export type Act =
  | { readonly status: number; readonly headers?: readonly string[]; readonly body?: MessageBody | string }
  | "refuses"
  | "resets"
  | "breaks within its head"
  | "gets a broken body"
  | "says nothing"
  | "does not connect";

/** The facts of an attempt that did not connect. */
export const NOT_SENT = {
  phase: "connect",
  sent: false,
  received: false,
  reused: false,
  elapsedMs: 0,
} as const;

/** Sends requests to backends that a script plays, and keeps what their exchange observes. */
export class LoopBench {
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  /** The path and the headers of the client. */
  path = "/v1/x";
  headers: readonly string[] = [];
  readonly cancellation = new Cancellation();
  readonly endpoint: Endpoint;
  readonly balancer: Balancer;
  readonly #acts: Act[];
  #asked = Promise.withResolvers<void>();

  constructor(
    acts: Act[],
    options: { backends?: number; timeouts?: Partial<TimeoutLimits>; endpoint?: Partial<Endpoint> } = {},
  ) {
    this.#acts = acts;
    const backends = Array.from({ length: options.backends ?? 2 }, (_, index) => {
      const backend = testBackend("http://h.test", { name: "abc".charAt(index) });
      return { ...backend, timeouts: { ...backend.timeouts, ...options.timeouts } };
    });
    this.endpoint = testEndpoint("e", backends, options.endpoint);
    this.balancer = new Balancer(this.endpoint, { clock: this.clock });
  }

  /** Sends a request; gives the status and the body of its answer. */
  async send(body?: MessageBody | string, more: Partial<ForwardRequest> = {}): Promise<string> {
    const response = await this.start(body, more);
    return `${response.status} ${await textOf(response.body)}`.trim();
  }

  start(body?: MessageBody | string, more: Partial<ForwardRequest> = {}): Promise<BackendResponse> {
    const source = typeof body === "string" ? textSource(body, body.length) : body ?? null;
    return forward({
      balancer: this.balancer,
      requests: { usesProjectKey: () => false, headFor: () => ({ target: "/", fields: [] }) },
      body: source,
      payload: undefined,
      memory: { tryHold: () => true, release() {}, droppedBy() {} },
      websocket: undefined,
      exchange: {
        endpoint: this.endpoint,
        holder: "anna",
        request: { method: "POST", fields: fieldsOf(...this.headers), cancellation: this.cancellation },
        apiPath: this.path,
        onAttempt: (name) => this.events.push(`asks ${name}`),
        onUnanswered: ({ name }) => this.events.push(`gives up ${name}`),
        resent: (name) => this.events.push(`asks ${name} again`),
        onFailover: (detail) => this.events.push(`fails: ${detail}`),
        onResponse: ({ status }) => this.events.push(`answers ${status}`),
        onPiece() {},
        onClientPiece() {},
        unexpected() {},
        end: (ending) => this.events.push(`ends ${typeof ending === "string" ? ending : ending.code}`),
      },
      ...more,
    }, { transport: { send: (request) => this.#send(request), renew() {}, close() {} }, clock: this.clock });
  }

  /** Resolves when the next request has reached a backend. */
  async asked(): Promise<void> {
    await within(this.#asked.promise, "the request at the upstream");
    this.#asked = Promise.withResolvers();
  }

  async #send(request: UpstreamRequest): Promise<UpstreamResponse> {
    request.onPhase("first byte");
    const act = this.#acts.shift();
    const text = await textOf(request.body);
    if (request.body !== null) this.events.push(`gets ${text}`);
    this.#asked.resolve();
    switch (act) {
      case undefined:
        throw new Error("more requests than the script has acts");
      case "refuses":
        throw new TransportError("it refused the connection", NOT_SENT);
      case "resets":
        throw new TransportError("it reset the connection", { ...NOT_SENT, phase: "first byte", sent: true });
      case "breaks within its head":
        throw new TransportError("it broke off within its response", {
          ...NOT_SENT,
          phase: "first byte",
          sent: true,
          received: true,
        });
      case "gets a broken body":
        throw new RequestBodyBroken("the upload broke off");
      case "does not connect":
      case "says nothing":
        if (act === "does not connect") request.onPhase("connect");
        return await new Promise((_, reject) =>
          request.cancellation.addListener({ cancelled: () => reject(request.cancellation.reason) })
        );
      default: {
        const { status, headers = [], body = "" } = act;
        return {
          status,
          reason: "",
          fields: fieldsOf(...headers),
          body: typeof body === "string" ? textSource(body) : body,
        };
      }
    }
  }
}
