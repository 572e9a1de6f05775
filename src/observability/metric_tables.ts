/** The metrics that are read at each scrape: counters of the sums of exchanges, and gauges. */

import { KINDS, NONE, type Series } from "./series.ts";

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

/** The labels of one value of a metric. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric, with its labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** The members that every kind of metric has. */
interface Metric {
  /** The name without its prefix `llm_proxy_`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** A counter. Each series adds to its value. */
export interface SumMetric extends Metric {
  /** Returns what a series adds to the counter. */
  readonly samples: (series: Series) => readonly Sample[];
}

/** A gauge, whose value is read at each scrape and can fall. */
export interface GaugeMetric extends Metric {
  /** Returns the present values, each with different labels. */
  readonly samples: () => readonly Sample[];
}

/** The counters of exchanges that have ended. */
export const SUMS: readonly SumMetric[] = [
  {
    name: "exchanges_total",
    help: "Exchanges that have ended.",
    labelNames: ["endpoint", "provider", "status", "ending"],
    samples: ({ endpoint, provider, status, ending, exchanges }) => [
      { labels: { endpoint, provider, status, ending }, value: exchanges },
    ],
  },
  {
    name: "tokens_total",
    help: "Tokens by kind. Cached tokens are part of input, reasoning tokens of output.",
    labelNames: ["endpoint", "model", "kind"],
    samples: ({ endpoint, model, tokens }) =>
      KINDS.filter((kind) => tokens[kind] > 0)
        .map((kind) => ({ labels: { endpoint, model, kind }, value: tokens[kind] })),
  },
  {
    name: "cost_dollars_total",
    help: "Cost in US dollars of exchanges with a known price.",
    labelNames: ["endpoint", "model"],
    samples: ({ endpoint, model, costMicros }) =>
      costMicros > 0 ? [{ labels: { endpoint, model }, value: costMicros / 1_000_000 }] : [],
  },
  {
    name: "unpriced_exchanges_total",
    help: "Exchanges with usage and without a known price.",
    labelNames: ["endpoint"],
    samples: ({ endpoint, unpriced }) => [{ labels: { endpoint }, value: unpriced }],
  },
  {
    name: "attempts_total",
    help: "Exchanges by the backend of their last attempt.",
    labelNames: ["endpoint", "backend"],
    samples: ({ endpoint, backend, exchanges }) =>
      backend === undefined ? [] : [{ labels: { endpoint, backend }, value: exchanges }],
  },
  {
    name: "answer_bytes_total",
    help: "Bytes of response bodies.",
    labelNames: ["endpoint"],
    samples: ({ endpoint, bytes }) => [{ labels: { endpoint }, value: bytes }],
  },
];

/** The gauges. `lastBackupAt` returns milliseconds since 1970, or `undefined` before the first backup. */
export function gaugesOf(
  { running, backends, version, target }: Readings,
  lastBackupAt: () => number | undefined,
): readonly GaugeMetric[] {
  return [
    {
      name: "in_flight",
      help: "Running exchanges.",
      labelNames: ["endpoint"],
      samples: () => {
        // An idle endpoint has the value 0 and is not missing, because autoscalers do not take a missing
        // value as idle.
        const counts = new Map(backends().map(({ endpoint }) => [endpoint, 0]));
        for (const { endpoint = NONE } of running()) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
        return [...counts].map(([endpoint, value]) => ({ labels: { endpoint }, value }));
      },
    },
    {
      name: "backend_cooldown",
      help: "1 while a backend is in cooldown after failures or a rate limit.",
      labelNames: ["endpoint", "backend"],
      samples: () =>
        backends().map(({ endpoint, backend, isCoolingDown }) => ({
          labels: { endpoint, backend },
          value: isCoolingDown ? 1 : 0,
        })),
    },
    {
      name: "last_backup_timestamp_seconds",
      help: "Time of the last scheduled backup, in seconds since 1970.",
      labelNames: [],
      samples: () => {
        const at = lastBackupAt();
        return at === undefined ? [] : [{ labels: {}, value: at / 1000 }];
      },
    },
    {
      name: "resident_memory_bytes",
      help: "Resident memory of the process, in bytes.",
      labelNames: [],
      samples: () => [{ labels: {}, value: Deno.memoryUsage().rss }],
    },
    {
      name: "build_info",
      help: "Always 1. The labels hold the version and the platform.",
      labelNames: ["version", "target"],
      samples: () => [{ labels: { version, target }, value: 1 }],
    },
  ];
}
