/** Metrics in Prometheus' text format. Labels come from fixed lists or from the configuration: their number is bounded. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ExchangeRow } from "../storage/store.ts";

/** What is read when the metrics are. */
export interface Readings {
  readonly running: () => readonly { readonly endpoint: string | undefined }[];
  readonly backends: () => readonly {
    readonly endpoint: string;
    readonly backend: string;
    readonly isAside: boolean;
  }[];
  readonly version: string;
  readonly target: string;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
/** Beyond it every further model counts as `other`. */
const MAX_MODELS = 200;
const NONE = "none";

/** Counts exchanges. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #models = new Set<string>();
  readonly #exchanges;
  readonly #firstByte;
  readonly #duration;
  readonly #tokens;
  readonly #cost;
  readonly #unpriced;
  readonly #attempts;
  readonly #retries;
  readonly #bytes;
  readonly #refused;
  readonly #dropped;

  constructor({ running, backends, version, target }: Readings) {
    const registers = [this.#registry];
    const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Counter({ name: `llm_proxy_${name}`, help, labelNames: [...labelNames], registers });
    const gauge = <Label extends string>(
      name: string,
      { help, labelNames = [], collect }: {
        help: string;
        labelNames?: readonly Label[];
        collect: (this: Gauge<Label>) => void;
      },
    ) => new Gauge({ name: `llm_proxy_${name}`, help, labelNames: [...labelNames], registers, collect });
    const histogram = (name: string, help: string) =>
      new Histogram({
        name: `llm_proxy_${name}`,
        help,
        labelNames: ["endpoint", "provider"],
        buckets: SECONDS,
        registers,
      });

    this.#exchanges = counter("exchanges_total", "Exchanges that have ended.", [
      "endpoint",
      "provider",
      "status",
      "ending",
    ]);
    this.#firstByte = histogram("time_to_first_byte_seconds", "From the request to the head of the answer.");
    this.#duration = histogram("duration_seconds", "From the request to the last byte of the answer.");
    this.#tokens = counter(
      "tokens_total",
      "Tokens by kind; cached and reasoning ones are part of input and output.",
      [
        "endpoint",
        "model",
        "kind",
      ],
    );
    this.#cost = counter("cost_dollars_total", "Cost in US dollars, where the price is known.", [
      "endpoint",
      "model",
    ]);
    this.#unpriced = counter("unpriced_exchanges_total", "Exchanges with usage whose price is not known.", [
      "endpoint",
    ]);
    this.#attempts = counter("attempts_total", "Exchanges by the backend that was asked last.", [
      "endpoint",
      "backend",
    ]);
    this.#retries = counter("retries_total", "Attempts that failed and were followed by another one.", [
      "endpoint",
      "backend",
    ]);
    this.#bytes = counter("answer_bytes_total", "Bytes of answers' bodies.", ["endpoint"]);
    this.#refused = counter(
      "refused_total",
      "Requests that were refused before they had an endpoint or a caller.",
      [
        "ending",
      ],
    );
    this.#dropped = counter("usage_dropped_total", "Exchanges that could not be recorded.");
    gauge("in_flight", {
      help: "Exchanges that are running.",
      labelNames: ["endpoint"],
      collect() {
        this.reset();
        for (const { endpoint = NONE } of running()) this.inc({ endpoint });
      },
    });
    gauge("backend_set_aside", {
      help: "1 while a backend is set aside for its failures or its rate limit.",
      labelNames: ["endpoint", "backend"],
      collect() {
        this.reset();
        for (const { endpoint, backend, isAside } of backends()) {
          this.set({ endpoint, backend }, isAside ? 1 : 0);
        }
      },
    });
    gauge("resident_memory_bytes", {
      help: "Memory of the process.",
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
    gauge("build_info", {
      help: "Always 1; the labels say what is running.",
      labelNames: ["version", "target"],
      collect() {
        this.set({ version, target }, 1);
      },
    });
  }

  /** An exchange has ended. */
  ended(row: ExchangeRow): void {
    const { endpoint = NONE, provider = NONE, ending } = row;
    this.#exchanges.inc({ endpoint, provider, status: `${Math.floor(row.status / 100)}xx`, ending });
    if (row.firstByteMs !== undefined) {
      this.#firstByte.observe({ endpoint, provider }, row.firstByteMs / 1000);
    }
    this.#duration.observe({ endpoint, provider }, row.durationMs / 1000);
    if (row.bytes > 0) this.#bytes.inc({ endpoint }, row.bytes);
    if (row.backend !== undefined) this.#attempts.inc({ endpoint, backend: row.backend });
    const { inputTokens, outputTokens, costMicros } = row;
    if (inputTokens === undefined && outputTokens === undefined) return;
    const model = this.#modelLabel(row);
    const kinds = {
      input: inputTokens,
      output: outputTokens,
      cached: row.cachedTokens,
      cache_write: row.cacheWriteTokens,
      reasoning: row.reasoningTokens,
      audio: row.audioTokens,
      image: row.imageTokens,
    };
    for (const [kind, tokens] of Object.entries(kinds)) {
      if (tokens) this.#tokens.inc({ endpoint, model, kind }, tokens);
    }
    if (costMicros === undefined) this.#unpriced.inc({ endpoint });
    else if (costMicros > 0) this.#cost.inc({ endpoint, model }, costMicros / 1_000_000);
  }

  /** A request was refused whose caller is not known. */
  refused(ending: string): void {
    this.#refused.inc({ ending });
  }

  failedOver(endpoint: string | undefined, backend: string): void {
    this.#retries.inc({ endpoint: endpoint ?? NONE, backend });
  }

  dropped(): void {
    this.#dropped.inc();
  }

  /** All of it, as Prometheus reads it. */
  async text(): Promise<{ type: string; text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** Only what has a price is a model for sure: clients can ask for anything. */
  #modelLabel({ modelAnswered, modelAsked, costMicros }: ExchangeRow): string {
    const model = modelAnswered ?? modelAsked ?? NONE;
    if (costMicros === undefined) return "other";
    if (!this.#models.has(model) && this.#models.size >= MAX_MODELS) return "other";
    this.#models.add(model);
    return model;
  }
}
