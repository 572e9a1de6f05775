/**
 * The handler without sockets before a transport that keeps what it is asked to send, and plays the answers.
 */

import { WholeResponses } from "../../../src/capacity/whole_responses.ts";
import { MergedListCache } from "../../../src/catalogue/merged_list_cache.ts";
import { textOf } from "../../support/data/body_text.ts";
import { FailureGate } from "../../../src/auth/failure_gate.ts";
import { sharedTokenCheck } from "../../../src/auth/shared_token.ts";
import { Cancellation } from "../../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import type { Endpoint } from "../../../src/config/config.ts";
import { ClientAccess } from "../../../src/auth/client_access.ts";
import { Balancer } from "../../../src/forwarding/balancer.ts";
import {
  TransportError,
  type UpstreamRequest,
  type UpstreamResponse,
} from "../../../src/forwarding/transport/transport.ts";
import { KnownObjects } from "../../../src/objects/known_objects.ts";
import { createHandler } from "../../../src/handler.ts";
import { parseHead } from "../../../src/http/head.ts";
import type { OutgoingReply } from "../../../src/http/message.ts";
import { HeldBytes } from "../../../src/capacity/held_bytes.ts";
import { ConcurrencyLimiter } from "../../../src/capacity/concurrency_limiter.ts";
import { HttpSyntaxError } from "../../../src/http/syntax_error.ts";
import { buildRoutingTable } from "../../../src/routing/table.ts";
import { parseRequestHead, type RequestHead } from "../../../src/server/request_head.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { fieldsOf } from "../../support/data/fields.ts";
import { textSource } from "../../support/proxies/handler.ts";
import { TOKENS, type UpstreamRule, UPSTREAMS } from "./fuzz_credentials.ts";

/** What an upstream answers, by a number. */
const ANSWERS: readonly (readonly [status: number, lines: readonly string[]])[] = [
  [200, ["Content-Type: application/json", "Set-Cookie: a=1", "Set-Cookie: b=2"]],
  [200, ["Content-Type: text/event-stream", "Connection: x-gone", "X-Gone: 1", "Keep-Alive: timeout=5"]],
  [201, ["Content-Length: 8", "X-Name: caf\xe9"]],
  [204, []],
  [302, ["Location: http://evil.test/", "Refresh: 0; url=http://evil.test/"]],
  [304, ["ETag: x"]],
  [401, ["WWW-Authenticate: Bearer", "Proxy-Authenticate: Basic"]],
  [404, ["Trailer: x", "Upgrade: h2c", "Access-Control-Allow-Origin: *"]],
  [429, ["Retry-After: 1"]],
  [503, ["X-Request-Id: req_of_the_provider"]],
  [599, ["X-Empty:"]],
];
const ANSWER_TEXT = "answered";
/** One more than there are answers: the upstream cannot be reached. */
export const OUTCOMES: number = ANSWERS.length + 1;

/** What became of a head. */
export type FuzzOutcome =
  | { readonly kind: "malformed" }
  | {
    readonly kind: "handled";
    readonly sent: readonly UpstreamRequest[];
    readonly reply: OutgoingReply;
    readonly text: string;
  };

/** One handler for all heads. */
export class FuzzBench {
  readonly #clock = new FakeClock();
  readonly #handler;
  readonly unexpected: unknown[] = [];
  #sent: UpstreamRequest[] = [];
  #outcome = 0;

  constructor() {
    const endpoints = Object.entries(UPSTREAMS).map(([name, origins]) => endpointOf(name, origins));
    const balancers = new Map(
      endpoints.map((endpoint) => [endpoint.name, new Balancer(endpoint, { clock: this.#clock })]),
    );
    this.#handler = createHandler({
      routes: buildRoutingTable(endpoints),
      catalogue: {
        has: () => false,
        isKnown: () => false,
        list: () => undefined,
        model: () => undefined,
        revision: 0,
        refreshed: () => Promise.resolve(),
      },
      mergedLists: new MergedListCache(this.#clock),
      wholeResponses: new WholeResponses(new HeldBytes(1e9)),
      checkManaged: () => undefined,
      objects: new KnownObjects({
        clock: this.#clock,
        store: undefined,
        isShared: false,
        onFailed() {},
        onUnexpected() {},
      }),
      heldBytes: new HeldBytes(1e9),
      clientAccess: new ClientAccess(
        { ...DEFAULT_SERVER_SETTINGS, ownHostname: undefined },
        new FailureGate(this.#clock),
      ),
      slots: new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.#clock),
      receivingSlots: new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.#clock),
      maxMessageBytes: DEFAULT_SERVER_SETTINGS.maxMessageBytes,
      check: sharedTokenCheck(TOKENS.map((token, index) => ({ name: `person ${index}`, token }))),
      startedAt: 0,
      maxBodyBytes: undefined,
      corsOrigins: ["https://page.test"],
      checkOpenAccess() {},
      balancerOf: (endpoint) =>
        balancers.get(endpoint.name) ?? new Balancer(endpoint, { clock: this.#clock }),
      onFailover() {},
      onResent() {},
      management: undefined,
      transport: { send: (request) => this.#send(request), renew() {}, close() {} },
      clock: this.#clock,
      createId: () => "req_fuzz",
      isDraining: () => false,
      isLeaving: () => false,
      onStart() {},
      onEnd() {},
      onRecord() {},
      onUnexpected: (error) => this.unexpected.push(error),
    });
  }

  /** Timers that were left behind. */
  get pendingTimers(): number {
    return this.#clock.pending;
  }

  /** Handles a head as the server does; the upstreams then answer by the number `outcome`. */
  async handle(headText: string, outcome: number): Promise<FuzzOutcome> {
    let head: RequestHead;
    try {
      head = parseRequestHead(parseHead(headText, DEFAULT_SERVER_SETTINGS.connections.maxHeadFields));
    } catch (error) {
      if (error instanceof HttpSyntaxError) return { kind: "malformed" };
      throw error;
    }
    this.#outcome = outcome;
    this.#sent = [];
    const { framing } = head;
    const hasBody = framing.kind === "chunked" || framing.kind === "counted" && framing.length > 0;
    const reply = await this.#handler({
      method: head.method,
      target: head.target,
      fields: head.fields,
      body: hasBody ? textSource("hello", framing.kind === "counted" ? framing.length : undefined) : null,
      peer: "192.0.2.1",
      entry: "all",
      cancellation: new Cancellation(),
    });
    const text = await textOf(reply.body);
    // Backends whose cooldown has ended get requests again.
    this.#clock.pass(1_000_000);
    return { kind: "handled", sent: this.#sent, reply, text };
  }

  #send(request: UpstreamRequest): Promise<UpstreamResponse> {
    this.#sent.push(request);
    const [status, lines] = ANSWERS[this.#outcome] ?? [];
    if (status === undefined || lines === undefined) return Promise.reject(unreachable());
    const body = status === 204 || status === 304 || request.method === "HEAD"
      ? null
      : textSource(ANSWER_TEXT);
    return Promise.resolve({ status, reason: "Reason \xe9", fields: fieldsOf(...lines), body });
  }
}

function endpointOf(name: string, origins: Readonly<Record<string, UpstreamRule>>): Endpoint {
  const backends = Object.entries(origins).map(([origin, { path, keyField, key }]) =>
    testBackend(origin, {
      path,
      keyField,
      key: key === undefined
        ? { mode: "passthrough" }
        : key === null
        ? { mode: "none" }
        : { mode: "inject", value: key },
    })
  );
  return testEndpoint(name, backends, {
    dialect: name === "anthropic" || name === "gemini" ? name : "openai",
    ...(name === "anthropic" && { anthropicVersion: "2023-01-01" }),
  });
}

function unreachable(): TransportError {
  return new TransportError("it refused the connection", {
    phase: "connect",
    sent: false,
    received: false,
    reused: false,
    elapsedMs: 0,
  });
}
