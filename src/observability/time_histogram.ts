/**
 * A histogram that counts in plain numbers. The histogram of prom-client makes a text of the labels for each
 * value, which costs more.
 */

import type { Histogram, Registry } from "prom-client";

/** The labels of one line of the output. */
type Labels = Readonly<Record<string, string | number>>;

/** One line of a metric, as prom-client writes it. */
interface Line {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Takes the values of one set of labels. */
export interface Times {
  /** Adds a value in milliseconds. */
  readonly observe: (milliseconds: number) => void;
}

/** A histogram of times, which a registry of prom-client reads at each scrape. */
export class TimeHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  /** The upper bounds of the buckets in seconds, in ascending order. */
  readonly #bounds: readonly number[];
  readonly #series: { readonly labels: Labels; readonly counts: Counts }[] = [];

  constructor(
    name: string,
    { help, bounds, registry }: { help: string; bounds: readonly number[]; registry: Registry },
  ) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    // The registry uses only `get` and `name`, so the other members of a `Histogram` can be missing.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Returns the object that takes the values of a set of labels. Call it once for each set of labels. */
  labels(labels: Labels): Times {
    const counts = new Counts(this.#bounds);
    this.#series.push({ labels, counts });
    return counts;
  }

  /** Returns the metric with all of its lines. */
  get(): Promise<{ name: string; help: string; type: string; values: readonly Line[] }> {
    const { name, help, type } = this;
    const values = this.#series.flatMap(({ labels, counts }) => this.#lines(labels, counts));
    return Promise.resolve({ name, help, type, values });
  }

  #lines(labels: Labels, { buckets, seconds, count }: Counts): Line[] {
    const bucket = (le: number | "+Inf", value: number): Line => ({
      metricName: `${this.name}_bucket`,
      labels: { le, ...labels },
      value,
    });
    let sum = 0;
    return [
      ...this.#bounds.map((bound, index) => bucket(bound, sum += buckets[index] ?? 0)),
      bucket("+Inf", count),
      { metricName: `${this.name}_sum`, labels, value: seconds },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}

/** The numbers of one set of labels. */
class Counts implements Times {
  /** The number of values in each bucket. A value is only in the first bucket that can have it. */
  readonly buckets: Float64Array;
  /** The sum of all values, in seconds. */
  seconds = 0;
  count = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.buckets = new Float64Array(bounds.length);
  }

  observe(milliseconds: number): void {
    const value = milliseconds / 1000;
    this.seconds += value;
    this.count++;
    for (let index = 0; index < this.#bounds.length; index++) {
      if (value > (this.#bounds[index] ?? Infinity)) continue;
      this.buckets[index] = (this.buckets[index] ?? 0) + 1;
      return;
    }
  }
}
