/**
 * Metrics in the text format of Prometheus. Labels come from fixed lists or from the configuration, so that
 * their number is bounded.
 */

// @ts-types="prom-client"
import { Counter, Gauge, Registry } from "./prom_client.js";
import { TimeHistogram, type Times } from "./time_histogram.ts";
import type { ExchangeRow } from "../storage/store.ts";

/** Values that the proxy reads at each scrape. */
export interface Readings {
  /** Exchanges that have not ended. */
  readonly running: () => readonly { readonly endpoint: string | undefined }[];
  /** All backends of all endpoints. */
  readonly backends: () => readonly {
    readonly endpoint: string;
    readonly backend: string;
    readonly isCoolingDown: boolean;
  }[];
  /** The version of the program. */
  readonly version: string;
  /** The platform that the program was built for, as a target triple. */
  readonly target: string;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
/** The most models with a separate label. Further models count as `other`. */
const MAX_MODELS = 200;
const NONE = "none";
const STATUS_CLASSES = [NONE, "1xx", "2xx", "3xx", "4xx", "5xx"];

/** Sums of exchanges with equal labels. */
interface Series {
  readonly endpoint: string;
  readonly provider: string;
  readonly status: string;
  readonly ending: string;
  readonly backend: string | undefined;
  readonly model: string;
  exchanges: number;
  bytes: number;
  costMicros: number;
  unpriced: number;
  readonly tokens: Record<TokenKind, number>;
}

const TOKEN_KINDS = {
  input: "inputTokens",
  output: "outputTokens",
  cached: "cachedTokens",
  cache_write: "cacheWriteTokens",
  reasoning: "reasoningTokens",
  audio: "audioTokens",
  image: "imageTokens",
} as const satisfies Record<string, keyof ExchangeRow>;
type TokenKind = keyof typeof TOKEN_KINDS;
// Object.keys gives strings; these are the keys of a constant that is written out above.
const KINDS = Object.keys(TOKEN_KINDS) as TokenKind[];

/** The times of an endpoint. */
interface EndpointTimes {
  readonly firstByte: Times;
  readonly duration: Times;
}

/** Counts exchanges in plain numbers, and copies the sums to the counters of prom-client at each scrape. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #series = new Map<string, Series>();
  #lastSeries: Series | undefined;
  readonly #models = new Set<string>();
  readonly #times = new Map<string, EndpointTimes>();
  readonly #firstByte;
  readonly #duration;
  readonly #retries;
  readonly #refused;
  readonly #dropped;
  readonly #contradictions;
  #lastBackupAt: number | undefined;

  constructor({ running, backends, version, target }: Readings) {
    const registers = [this.#registry];
    const all = () => this.#series.values();
    const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Counter({ name: `llm_proxy_${name}`, help, labelNames: [...labelNames], registers });
    const summed = <Label extends string>(
      name: string,
      { help, labelNames, add }: {
        help: string;
        labelNames: readonly Label[];
        add: (counter: Counter<Label>, series: Series) => void;
      },
    ) =>
      new Counter({
        name: `llm_proxy_${name}`,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          this.reset();
          for (const series of all()) add(this, series);
        },
      });
    const gauge = <Label extends string>(
      name: string,
      { help, labelNames = [], collect }: {
        help: string;
        labelNames?: readonly Label[];
        collect: (this: Gauge<Label>) => void;
      },
    ) => new Gauge({ name: `llm_proxy_${name}`, help, labelNames: [...labelNames], registers, collect });
    const registry = this.#registry;
    const histogram = (name: string, help: string) =>
      new TimeHistogram(`llm_proxy_${name}`, { help, bounds: SECONDS, registry });

    summed("exchanges_total", {
      help: "Exchanges that have ended.",
      labelNames: ["endpoint", "provider", "status", "ending"],
      add: (counter, { endpoint, provider, status, ending, exchanges }) =>
        counter.inc({ endpoint, provider, status, ending }, exchanges),
    });
    this.#firstByte = histogram(
      "time_to_first_byte_seconds",
      "Time from the request to the headers of the provider's response.",
    );
    this.#duration = histogram("duration_seconds", "Time from the request to the last byte of the response.");
    summed("tokens_total", {
      help: "Tokens by kind. Cached tokens are part of input, reasoning tokens of output.",
      labelNames: ["endpoint", "model", "kind"],
      add(counter, { endpoint, model, tokens }) {
        for (const kind of KINDS) if (tokens[kind] > 0) counter.inc({ endpoint, model, kind }, tokens[kind]);
      },
    });
    summed("cost_dollars_total", {
      help: "Cost in US dollars of exchanges with a known price.",
      labelNames: ["endpoint", "model"],
      add(counter, { endpoint, model, costMicros }) {
        if (costMicros > 0) counter.inc({ endpoint, model }, costMicros / 1_000_000);
      },
    });
    summed("unpriced_exchanges_total", {
      help: "Exchanges with usage and without a known price.",
      labelNames: ["endpoint"],
      add: (counter, { endpoint, unpriced }) => counter.inc({ endpoint }, unpriced),
    });
    summed("attempts_total", {
      help: "Exchanges by the backend of their last attempt.",
      labelNames: ["endpoint", "backend"],
      add(counter, { endpoint, backend, exchanges }) {
        if (backend !== undefined) counter.inc({ endpoint, backend }, exchanges);
      },
    });
    summed("answer_bytes_total", {
      help: "Bytes of response bodies.",
      labelNames: ["endpoint"],
      add: (counter, { endpoint, bytes }) => counter.inc({ endpoint }, bytes),
    });
    this.#retries = counter("retries_total", "Failed attempts that another attempt followed.", [
      "endpoint",
      "backend",
    ]);
    this.#refused = counter(
      "refused_total",
      "Requests that ended before their client was identified, a wrong token included.",
      [
        "ending",
      ],
    );
    this.#dropped = counter("usage_dropped_total", "Exchanges that could not be recorded in the database.");
    this.#contradictions = counter(
      "usage_contradictions_total",
      "Responses whose stated usage contradicts itself; what goes beyond the whole was left out.",
      ["endpoint"],
    );
    gauge("in_flight", {
      help: "Running exchanges.",
      labelNames: ["endpoint"],
      collect() {
        this.reset();
        for (const { endpoint = NONE } of running()) this.inc({ endpoint });
      },
    });
    gauge("backend_cooldown", {
      help: "1 while a backend is in cooldown after failures or a rate limit.",
      labelNames: ["endpoint", "backend"],
      collect() {
        this.reset();
        for (const { endpoint, backend, isCoolingDown } of backends()) {
          this.set({ endpoint, backend }, isCoolingDown ? 1 : 0);
        }
      },
    });
    const lastBackupAt = () => this.#lastBackupAt;
    gauge("last_backup_timestamp_seconds", {
      help: "Time of the last scheduled backup, in seconds since 1970.",
      collect() {
        const at = lastBackupAt();
        this.reset();
        if (at !== undefined) this.set(at / 1000);
      },
    });
    gauge("resident_memory_bytes", {
      help: "Resident memory of the process, in bytes.",
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
    gauge("build_info", {
      help: "Always 1. The labels hold the version and the platform.",
      labelNames: ["version", "target"],
      collect() {
        this.set({ version, target }, 1);
      },
    });
  }

  /** Counts an exchange that has ended. */
  ended(row: ExchangeRow): void {
    const series = this.#seriesOf(row);
    const isRequest = row.settlement !== "settled";
    if (isRequest) series.exchanges++;
    series.bytes += row.bytes;
    for (const kind of KINDS) series.tokens[kind] += row[TOKEN_KINDS[kind]] ?? 0;
    if (row.costMicros !== undefined) series.costMicros += row.costMicros;
    const isKnown = row.inputTokens !== undefined || row.outputTokens !== undefined;
    if (row.costIsPartial || row.costMicros === undefined && isKnown) series.unpriced++;
    if (!isRequest) return;
    const { firstByte, duration } = this.#timesOf(series);
    if (row.firstByteMs !== undefined) firstByte.observe(row.firstByteMs);
    duration.observe(row.durationMs);
  }

  /** Counts a request that ended before its client was identified, a wrong token included, by its ending. */
  refused(ending: string): void {
    this.#refused.inc({ ending });
  }

  /** Counts a failed attempt that another attempt follows. */
  failedOver(endpoint: string | undefined, backend: string): void {
    this.#retries.inc({ endpoint: endpoint ?? NONE, backend });
  }

  /** Records the time of a scheduled backup, in milliseconds since 1970. */
  backedUp(at: number): void {
    this.#lastBackupAt = at;
  }

  /** The usage of a response contradicts itself. */
  contradicted(endpoint: string | undefined): void {
    this.#contradictions.inc({ endpoint: endpoint ?? NONE });
  }

  /** Counts an exchange that could not be recorded in the database. */
  dropped(): void {
    this.#dropped.inc();
  }

  /** All metrics in the text format, with their content type. */
  async text(): Promise<{ type: string; text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #seriesOf(row: ExchangeRow): Series {
    const { endpoint = NONE, provider = NONE, ending, backend } = row;
    const status = STATUS_CLASSES[Math.floor(row.status / 100)] ?? NONE;
    const model = this.#modelLabel(row);
    const last = this.#lastSeries;
    // Most exchanges have the labels of the one before.
    if (
      last !== undefined && last.endpoint === endpoint && last.backend === backend &&
      last.status === status &&
      last.ending === ending && last.model === model
    ) return last;
    const key = `${endpoint} ${backend} ${status} ${ending} ${model}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const tokens = { input: 0, output: 0, cached: 0, cache_write: 0, reasoning: 0, audio: 0, image: 0 };
      const labels = { endpoint, provider, status, ending, backend, model };
      series = { ...labels, exchanges: 0, bytes: 0, costMicros: 0, unpriced: 0, tokens };
      this.#series.set(key, series);
    }
    this.#lastSeries = series;
    return series;
  }

  #timesOf({ endpoint, provider }: Series) {
    let times = this.#times.get(endpoint);
    if (times === undefined) {
      const labels = { endpoint, provider };
      times = { firstByte: this.#firstByte.labels(labels), duration: this.#duration.labels(labels) };
      this.#times.set(endpoint, times);
    }
    return times;
  }

  /** The label of a model. Clients can name any model, so only models with a price get a label. */
  #modelLabel({ modelAnswered, modelAsked, costMicros }: ExchangeRow): string {
    const model = modelAnswered ?? modelAsked ?? NONE;
    if (costMicros === undefined) return "other";
    if (!this.#models.has(model) && this.#models.size >= MAX_MODELS) return "other";
    this.#models.add(model);
    return model;
  }
}
