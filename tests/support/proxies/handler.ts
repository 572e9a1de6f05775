/** The handler without a socket: requests in, replies out, and a transport that the test plays. */

import { textOf } from "../data/body_text.ts";
import type { MessageBody } from "../../../src/streams/byte_source.ts";
import { FailureGate } from "../../../src/auth/failure_gate.ts";
import { sharedTokenCheck } from "../../../src/auth/shared_token.ts";
import { Cancellation } from "../../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import { ClientAccess } from "../../../src/auth/client_access.ts";
import type { ExchangeRecord } from "../../../src/exchange_record.ts";
import { Balancer } from "../../../src/forwarding/balancer.ts";
import type { Transport, UpstreamRequest } from "../../../src/forwarding/transport/transport.ts";
import { KnownObjects } from "../../../src/objects/known_objects.ts";
import { createHandler } from "../../../src/handler.ts";
import { HeldBytes } from "../../../src/limits/held_bytes.ts";
import { ConcurrencyLimiter } from "../../../src/limits/concurrency_limiter.ts";
import { fieldValue } from "../../../src/http/fields.ts";
import { buildRoutingTable } from "../../../src/routing/table.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { fieldsOf } from "../data/fields.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  header(lower: string): string | undefined;
}

/** A handler with the endpoints openai and anthropic, the token `T` and the keys `K`. */
export class HandlerBench {
  readonly clock = new FakeClock();
  readonly sent: UpstreamRequest[] = [];
  readonly records: ExchangeRecord[] = [];
  readonly unexpected: unknown[] = [];
  readonly running = new Set<Cancellation>();
  draining = false;
  readonly heldBytes = new HeldBytes(1e9);
  readonly slots = new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.clock);
  readonly #handler;

  constructor(send: Transport["send"]) {
    const endpoints = (["openai", "anthropic"] as const).map((name) =>
      testEndpoint(name, [
        testBackend(`https://${name}.test`, {
          key: { mode: "inject", value: "K" },
          keyField: name === "openai" ? "authorization" : "x-api-key",
        }),
      ], { dialect: name })
    );
    this.#handler = createHandler({
      objects: new KnownObjects({ clock: this.clock, store: undefined, onFailed() {}, onUnexpected() {} }),
      routes: buildRoutingTable(endpoints),
      catalogue: {
        has: () => false,
        isKnown: () => false,
        list: () => undefined,
        refreshed: () => Promise.resolve(),
      },
      clientAccess: new ClientAccess(
        { ...DEFAULT_SERVER_SETTINGS, ownHostname: undefined },
        new FailureGate(this.clock),
      ),
      slots: this.slots,
      receivingSlots: new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.clock),
      maxMessageBytes: DEFAULT_SERVER_SETTINGS.maxMessageBytes,
      check: sharedTokenCheck([{ name: "shared", token: "T" }]),
      checkManaged: () => undefined,
      heldBytes: this.heldBytes,
      startedAt: 0,
      maxBodyBytes: 100,
      corsOrigins: ["https://page.test"],
      checkOpenAccess() {},
      balancerOf: (endpoint) => new Balancer(endpoint, { clock: this.clock }),
      onFailover() {},
      onResent() {},
      management: undefined,
      transport: {
        send: (request) => {
          this.sent.push(request);
          return send(request);
        },
        renew() {},
        close() {},
      },
      clock: this.clock,
      createId: () => "req_test",
      isDraining: () => this.draining,
      onStart: (cancellation) => this.running.add(cancellation),
      onEnd: (cancellation) => this.running.delete(cancellation),
      onRecord: (record) => this.records.push(record),
      onUnexpected: (error) => this.unexpected.push(error),
    });
  }

  /** Asks with the head's lines, like `GET /path`, `Name: value`. */
  ask(...lines: string[]): Promise<Answer> {
    return this.send(lines, null);
  }

  /** The same with a body. */
  async send(lines: readonly string[], body: MessageBody | null): Promise<Answer> {
    const [method = "", target = ""] = lines[0]?.split(" ") ?? [];
    const reply = await this.#handler({
      method,
      target,
      fields: fieldsOf(...lines.slice(1)),
      body,
      peer: "192.0.2.1",
      entry: "all",
      cancellation: new Cancellation(),
    });
    this.clock.pass(0);
    return {
      status: reply.status,
      text: await textOf(reply.body),
      header: (lower) => fieldValue(reply.fields, lower),
    };
  }
}

/** A body of one piece of text, whose length is not known unless it is given. */
export function textSource(text: string, length?: number): MessageBody {
  let left: Uint8Array | null = new TextEncoder().encode(text);
  const tryRead = () => {
    const piece = left;
    left = null;
    return piece;
  };
  return { length, tryRead, readable: () => Promise.resolve(), cancel() {} };
}
