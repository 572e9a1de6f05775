/** What a run of the bench has found: its figures, the tables that it prints, and the file that it writes. */

import { aligned } from "./aligned.ts";
import { described, type Machine } from "./machine.ts";
import { OWN_NAME, TWIN_NAME } from "./candidates/own.ts";
import { RAW_NAME } from "./candidates/runtimes.ts";
import { isSignificant, median, noiseOf } from "./statistics.ts";

interface FigureKind {
  readonly title: string;
  readonly digits: number;
}

/** All figures, in the order of the tables. */
export const FIGURES = {
  cpu: { title: "CPU µs/request", digits: 1 },
  inTurnCpu: { title: "from an SDK's client", digits: 1 },
  tlsCpu: { title: "TLS to the upstream", digits: 1 },
  httpsCpu: { title: "HTTPS to clients", digits: 1 },
  http2Cpu: { title: "HTTP/2 to clients", digits: 1 },
  perSecond: { title: "requests/s", digits: 0 },
  p50c1: { title: "p50 µs, 1 connection", digits: 0 },
  p99c1: { title: "p99", digits: 0 },
  p50c32: { title: "p50, 32", digits: 0 },
  p99c32: { title: "p99", digits: 0 },
  p50c128: { title: "p50, 128", digits: 0 },
  p99c128: { title: "p99", digits: 0 },
  inTurnP50: { title: "p50, SDK's client", digits: 0 },
  inTurnP99: { title: "p99", digits: 0 },
  chunkCpu: { title: "CPU µs/chunk", digits: 1 },
  chunkP50: { title: "delay p50 µs", digits: 0 },
  chunkP99: { title: "p99", digits: 0 },
  firstEvent: { title: "first event p50", digits: 0 },
  startMs: { title: "start ms", digits: 0 },
  idleMb: { title: "MB idle", digits: 0 },
  afterLoadMb: { title: "after load", digits: 0 },
  streamsMb: { title: "1,000 streams", digits: 0 },
  streamKb: { title: "KB/stream", digits: 1 },
  wholeOf1000: { title: "whole of them", digits: 0 },
  uploadPeakMb: { title: "MB more in uploads", digits: 0 },
  upload: { title: "upload MB/s", digits: 0 },
  download: { title: "download MB/s", digits: 0 },
} satisfies Readonly<Record<string, FigureKind>>;

/** The name of a figure. */
export type FigureName = keyof typeof FIGURES;

const TABLES: readonly (readonly [title: string, figures: readonly FigureName[]])[] = [
  ["JSON requests", ["cpu", "inTurnCpu", "tlsCpu", "httpsCpu", "http2Cpu", "perSecond"]],
  ["Latency of JSON requests", [
    "p50c1",
    "p99c1",
    "p50c32",
    "p99c32",
    "p50c128",
    "p99c128",
    "inTurnP50",
    "inTurnP99",
  ]],
  ["Event streams: 50 at the same time, 100 chunks a second each", [
    "chunkCpu",
    "chunkP50",
    "chunkP99",
    "firstEvent",
  ]],
  ["Memory and large bodies", [
    "startMs",
    "idleMb",
    "afterLoadMb",
    "streamsMb",
    "streamKb",
    "wholeOf1000",
    "uploadPeakMb",
    "upload",
    "download",
  ]],
];

/** The medians of one candidate. */
export interface Result {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<FigureName, number>>>;
}

/** One run of the bench. */
export interface Report {
  /** ISO date of the run. */
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  /** How far apart two processes of the same program were, as a part of each figure. */
  readonly noise: Readonly<Partial<Record<FigureName, number>>>;
  readonly results: readonly Result[];
  /** The candidates without figures, with the reason. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** The figures of all rounds. */
export class Samples {
  readonly #values = new Map<string, Map<FigureName, number[]>>();

  /** Adds figures of one round of one candidate. */
  add(name: string, figures: Readonly<Partial<Record<FigureName, number>>>): void {
    const own = this.#values.get(name) ?? new Map<FigureName, number[]>();
    this.#values.set(name, own);
    for (const [figure, value] of entriesOf(figures)) own.set(figure, [...own.get(figure) ?? [], value]);
  }

  /** The medians of the candidates with these names. Those without figures are left out. */
  results(names: readonly string[]): Result[] {
    return names.flatMap((name) => {
      const values = this.#values.get(name);
      if (values === undefined) return [];
      const medians = [...values].map(([figure, rounds]) => [figure, median(rounds)]);
      return [{ name, figures: Object.fromEntries(medians) }];
    });
  }

  /** The noise of each figure: the difference between this proxy and its twin. */
  noise(): Report["noise"] {
    const [own, twin] = [OWN_NAME, TWIN_NAME].map((name) => this.#values.get(name));
    return Object.fromEntries(
      [...own ?? []].map(([figure, rounds]) => [figure, noiseOf(rounds, twin?.get(figure) ?? [])]),
    );
  }
}

/** The report as text: tables with a line for each candidate, the noise, and what is missing. */
export function printed(report: Report): string {
  const tables = TABLES.map(([title, figures]) => {
    const known = figures.filter((figure) =>
      report.results.some((result) => result.figures[figure] !== undefined)
    );
    const rows = report.results.filter((result) =>
      known.some((figure) => result.figures[figure] !== undefined)
    );
    if (known.length === 0) return "";
    const lines = [
      [title, ...known.map((figure) => FIGURES[figure].title)],
      ...rows.map(({ name, figures }) => [
        name,
        ...known.map((figure) =>
          `${isLikeOwn(report, { name, figures }, figure) ? "≈" : ""}${shown(figure, figures[figure])}`
        ),
      ]),
      ["noise", ...known.map((figure) => percent(report.noise[figure]))],
    ];
    return `\n${aligned(lines, 1).join("\n")}\n`;
  });
  const missing = report.missing.map(({ name, reason }) => `missing: ${name}: ${reason}\n`);
  return [
    ...tables,
    `\n≈: the difference to llm-proxy is below the noise, so it is not significant. The noise is the difference\n`,
    `between two processes of llm-proxy in the same rounds. "${RAW_NAME}" only copies bytes: no proxy in JavaScript\n`,
    `can need less.\n`,
    ...missing,
    `\n${
      described(report.machine)
    }\nMedians of ${report.rounds} interleaved rounds of ${report.seconds} s each.`,
  ].join("");
}

/** A figure as text with its digits, or nothing. */
export function shown(figure: FigureName, value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "" : value.toFixed(FIGURES[figure].digits);
}

/**
 * Whether the difference to this proxy is within the noise. Not for this proxy, and not for equal figures.
 */
export function isLikeOwn(
  { results, noise }: Report,
  { name, figures }: Result,
  figure: FigureName,
): boolean {
  const own = results.find((result) => result.name === OWN_NAME)?.figures[figure];
  const value = figures[figure];
  if (name === OWN_NAME || own === undefined || value === undefined || value === own) return false;
  return !isSignificant(own, value, noise[figure] ?? NaN);
}

function percent(part: number | undefined): string {
  return part === undefined || Number.isNaN(part) ? "" : `${(part * 100).toFixed(0)} %`;
}

function entriesOf(figures: Readonly<Partial<Record<FigureName, number>>>): [FigureName, number][] {
  // The keys of such an object are names of figures.
  return Object.entries(figures) as [FigureName, number][];
}
