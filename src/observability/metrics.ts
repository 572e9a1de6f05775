/**
 * Metrics in the text format of Prometheus. Labels come from fixed lists or from the configuration, so that
 * their number is bounded.
 */

// @ts-types="prom-client"
import { Counter, Gauge, Registry } from "./prom_client.js";
import { TimeHistogram, type Times } from "./time_histogram.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { gaugesOf, type Readings, SUMS } from "./metric_tables.ts";
import { KINDS, NONE, type Series, TOKEN_KINDS } from "./series.ts";

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
/** The most models with a separate label. Further models count as `other`. */
const MAX_MODELS = 200;
/** The prefix of the name of each metric. */
const PREFIX = "llm_proxy_";
const STATUS_CLASSES = [NONE, "1xx", "2xx", "3xx", "4xx", "5xx"];

/** The histograms of the times of one endpoint. */
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

  constructor(readings: Readings) {
    const registry = this.#registry;
    const registers = [registry];
    const allSeries = () => this.#series.values();
    const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Counter({ name: PREFIX + name, help, labelNames: [...labelNames], registers });
    const histogram = (name: string, help: string) =>
      new TimeHistogram(PREFIX + name, { help, bounds: SECONDS, registry });

    for (const { name, help, labelNames, samples } of SUMS) {
      new Counter({
        name: PREFIX + name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          this.reset();
          for (const series of allSeries()) {
            for (const { labels, value } of samples(series)) this.inc(labels, value);
          }
        },
      });
    }
    this.#firstByte = histogram(
      "time_to_first_byte_seconds",
      "Time from the request to the headers of the provider's response.",
    );
    this.#duration = histogram("duration_seconds", "Time from the request to the last byte of the response.");
    this.#retries = counter("retries_total", "Failed attempts that another attempt followed.", [
      "endpoint",
      "backend",
    ]);
    this.#refused = counter(
      "refused_total",
      "Requests that ended before their client was identified, a wrong token included.",
      ["ending"],
    );
    this.#dropped = counter("usage_dropped_total", "Exchanges that could not be recorded in the database.");
    this.#contradictions = counter(
      "usage_contradictions_total",
      "Responses whose stated usage contradicts itself; what goes beyond the whole was left out.",
      ["endpoint"],
    );
    for (const { name, help, labelNames, samples } of gaugesOf(readings, () => this.#lastBackupAt)) {
      new Gauge({
        name: PREFIX + name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          this.reset();
          for (const { labels, value } of samples()) this.set(labels, value);
        },
      });
    }
  }

  /** Counts an exchange that has ended, in all metrics of exchanges. */
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

  /**
   * Counts a request that ended before its client was identified. `ending` says how it ended. A request with
   * a wrong token is one of these.
   */
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

  /** Counts a response whose usage contradicts itself. */
  contradicted(endpoint: string | undefined): void {
    this.#contradictions.inc({ endpoint: endpoint ?? NONE });
  }

  /** Counts an exchange that could not be recorded in the database. */
  dropped(): void {
    this.#dropped.inc();
  }

  /** Returns all metrics in the text format, with their content type. */
  async text(): Promise<{ type: string; text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #seriesOf(row: ExchangeRow): Series {
    const { endpoint = NONE, provider = NONE, ending, backend } = row;
    const status = STATUS_CLASSES[Math.floor(row.status / 100)] ?? NONE;
    const model = this.#modelLabel(row);
    const last = this.#lastSeries;
    // Most exchanges have the same labels as the exchange before.
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
