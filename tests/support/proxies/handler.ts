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
import type { ListedModel } from "../../../src/catalogue/model_list.ts";
import type { OutgoingReply } from "../../../src/http/message.ts";
import { HeldBytes } from "../../../src/capacity/held_bytes.ts";
import { WholeResponses } from "../../../src/capacity/whole_responses.ts";
import { MergedListCache } from "../../../src/catalogue/merged_list_cache.ts";
import type { Rules } from "../../../src/principal.ts";
import { ConcurrencyLimiter } from "../../../src/capacity/concurrency_limiter.ts";
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

export interface HandlerBenchOptions {
  /** The memory for bodies, in bytes. */
  readonly memory?: number;
  /** The models that endpoints list. Undefined: the model of a request chooses nothing. */
  readonly models?: Readonly<Record<string, readonly string[]>>;
  /** The rules of the token. The endpoints filter their lists of models by them. */
  readonly rules?: Rules;
}

/** A handler with the endpoints openai and anthropic, the token `T` and the keys `K`. */
export class HandlerBench {
  readonly clock = new FakeClock();
  readonly sent: UpstreamRequest[] = [];
  readonly records: ExchangeRecord[] = [];
  readonly unexpected: unknown[] = [];
  readonly running = new Set<Cancellation>();
  draining = false;
  readonly heldBytes: HeldBytes;
  readonly slots = new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.clock);
  readonly #handler;

  constructor(send: Transport["send"], { memory = 1e9, models, rules }: HandlerBenchOptions = {}) {
    const heldBytes = this.heldBytes = new HeldBytes(memory);
    const lists: ReadonlyMap<string, readonly ListedModel[]> = new Map(
      Object.entries(models ?? {}).map(([name, ids]) => [name, ids.map((id) => ({ id }))]),
    );
    const endpoints = (["openai", "anthropic"] as const).map((name) =>
      testEndpoint(name, [
        testBackend(`https://${name}.test`, {
          key: { mode: "inject", value: "K" },
          keyField: name === "openai" ? "authorization" : "x-api-key",
        }),
      ], { dialect: name, filterModels: rules !== undefined })
    );
    this.#handler = createHandler({
      objects: new KnownObjects({
        clock: this.clock,
        store: undefined,
        isShared: false,
        onFailed() {},
        onUnexpected() {},
      }),
      routes: buildRoutingTable(
        endpoints,
        undefined,
        models && {
          byModel: true,
          routes: [],
          aliases: new Map(),
          refreshMs: undefined,
          localRefreshMs: undefined,
        },
      ),
      catalogue: {
        has: (endpoint, model) => lists.get(endpoint)?.some(({ id }) => id === model) === true,
        isKnown: (endpoint) => lists.has(endpoint),
        list: (endpoint) => lists.get(endpoint),
        model: (endpoint, model) => lists.get(endpoint)?.find(({ id }) => id === model),
        revision: 0,
        refreshed: () => Promise.resolve(),
      },
      mergedLists: new MergedListCache(this.clock),
      wholeResponses: new WholeResponses(heldBytes),
      clientAccess: new ClientAccess(
        { ...DEFAULT_SERVER_SETTINGS, ownHostname: undefined },
        new FailureGate(this.clock),
      ),
      slots: this.slots,
      receivingSlots: new ConcurrencyLimiter(DEFAULT_SERVER_SETTINGS.concurrency, this.clock),
      maxMessageBytes: DEFAULT_SERVER_SETTINGS.maxMessageBytes,
      check: sharedTokenCheck([{ name: "shared", token: "T", ...(rules && { rules }) }]),
      checkManaged: () => undefined,
      heldBytes,
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
      isLeaving: () => this.draining,
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
    const reply = await this.unread(lines, body);
    this.clock.pass(0);
    return {
      status: reply.status,
      text: await textOf(reply.body),
      header: (lower) => fieldValue(reply.fields, lower),
    };
  }

  /** The reply to a request, whose body nobody has read. */
  unread(lines: readonly string[], body: MessageBody | null = null): Promise<OutgoingReply> {
    const [method = "", target = ""] = lines[0]?.split(" ") ?? [];
    return this.#handler({
      method,
      target,
      fields: fieldsOf(...lines.slice(1)),
      body,
      peer: "192.0.2.1",
      entry: "all",
      cancellation: new Cancellation(),
    });
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
