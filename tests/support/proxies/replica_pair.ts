/** Two proxies on one database that share their limits, in front of an upstream whose answers a test ends. */

import type { ManagementConfig, OnLoss } from "../../../src/config/config.ts";
import type { RedisPlace } from "../../../src/network/redis_url.ts";
import { gather } from "../clients/http_reader.ts";
import { FakeUpstream, plainAnswer } from "../upstreams/fake_upstream.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { ManagedProxy } from "./managed_proxy.ts";

/**
 * What a request of the pair costs, in micro-dollars: a million tokens of output of gpt-4o-mini are $0.60.
 */
export const COST_MICROS = 600;
/**
 * Longer than any stop of a busy test machine. A replica whose calls are late counts by itself, and a test
 * would then measure the load of its machine.
 */
const PATIENT_MS = 20_000;
const USAGE = { prompt_tokens: 0, completion_tokens: 1_000, total_tokens: 1_000 };
const BODY = { model: "gpt-4o-mini", max_tokens: 1_000, messages: [{ role: "user", content: "hello" }] };

/** The answer to a request, as a client sees it. */
export interface PairAnswer {
  readonly status: number;
  readonly message: string;
  readonly retryAfter: string | null;
  readonly code: string | null;
}

/** Two replicas. */
export class ReplicaPair implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly first: ManagedProxy;
  readonly second: ManagedProxy;
  /** Responses wait for this. */
  #gate: PromiseWithResolvers<void> | undefined;

  private constructor(upstream: FakeUpstream, first: ManagedProxy, second: ManagedProxy) {
    this.upstream = upstream;
    this.first = first;
    this.second = second;
    this.upstream.script(async (exchange) => {
      await gather(exchange.body());
      await this.#gate?.promise;
      const body = { id: "c", model: "gpt-4o-mini", choices: [{ message: { content: "x" } }], usage: USAGE };
      await exchange.write(
        plainAnswer(JSON.stringify(body), { headers: "Content-Type: application/json\r\n" }),
      );
    });
  }

  /** On one SQLite file, with the counts on a Redis server. */
  static async start(
    place: RedisPlace,
    { onLoss = "go_on", timeoutMs = PATIENT_MS }: { onLoss?: OnLoss; timeoutMs?: number } = {},
  ): Promise<ReplicaPair> {
    return await ReplicaPair.#start({
      sharedLimits: { server: { kind: "redis", ...place }, onLoss, timeoutMs },
    });
  }

  /** On one PostgreSQL database, which also has the counts. */
  static async startOnPostgres(url: string): Promise<ReplicaPair> {
    const encryptionKey = new Uint8Array(32);
    const sharedLimits = {
      server: { kind: "postgres", url },
      onLoss: "go_on",
      timeoutMs: PATIENT_MS,
    } as const;
    return await ReplicaPair.#start({ databaseUrl: url, encryptionKey, sharedLimits });
  }

  static async #start(management: Partial<ManagementConfig>): Promise<ReplicaPair> {
    const upstream = new FakeUpstream();
    const endpoints = [
      testEndpoint("api", [testBackend(upstream.origin, { key: { mode: "inject", value: "K" } })], {
        dialect: "openai",
        priceProvider: "openai",
      }),
    ];
    const first = await ManagedProxy.start(upstream, { endpoints, management });
    const second = await ManagedProxy.start(upstream, {
      endpoints,
      management: { databaseUrl: first.databaseUrl, ...management },
    });
    return new ReplicaPair(upstream, first, second);
  }

  /** Both replicas, in turn. */
  replica(turn: number): ManagedProxy {
    return turn % 2 === 0 ? this.first : this.second;
  }

  /** Sends a request to a replica. */
  async send(proxy: ManagedProxy, token: string): Promise<PairAnswer> {
    const response = await proxy.chat(token, BODY, { path: "/api/v1/chat/completions" });
    const text = await response.text();
    const { headers, status } = response;
    const message = status === 200 ? "" : JSON.parse(text).error.message;
    return {
      status,
      message,
      retryAfter: headers.get("retry-after"),
      code: headers.get("x-llm-proxy-error"),
    };
  }

  /** Responses of the upstream wait until {@link open}. */
  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  /** Lets the upstream answer. */
  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    await this.second[Symbol.asyncDispose]();
    await this.first[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}
