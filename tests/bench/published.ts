/**
 * The tables of README.md and docs/performance.md, and the picture. Only `deno task bench --readme` changes
 * them.
 */

import { MANAGED_NAME, OWN_NAME } from "./candidates/own.ts";
import { RAW_NAME } from "./candidates/runtimes.ts";
import { described } from "./machine.ts";
import { output } from "./process.ts";
import { type FigureName, isLikeOwn, type Report, type Result, shown } from "./report.ts";

/** What stands before and behind a table that the bench writes. */
export const MARKS = {
  begin: "<!-- bench: `deno task bench --readme` writes this part -->",
  end: "<!-- /bench -->",
} as const;

type Row = readonly [title: string, figure: FigureName];

/** README.md has few candidates, so that its lines stay short. */
const README_NAMES = [
  OWN_NAME,
  MANAGED_NAME,
  "nginx",
  "HAProxy",
  "Go ReverseProxy",
  "Bun fetch, streamed",
  "Node http",
];
const README_ROWS: readonly Row[] = [
  ["CPU time per request, µs", "cpu"],
  ["CPU time per chunk, µs", "chunkCpu"],
  ["MB with 1,000 streams", "streamsMb"],
];
const DOCS_ROWS: readonly Row[] = [
  ["CPU µs/request", "cpu"],
  ["from an SDK's client", "inTurnCpu"],
  ["TLS to the upstream", "tlsCpu"],
  ["HTTPS to clients", "httpsCpu"],
  ["HTTP/2 to clients", "http2Cpu"],
  ["CPU µs/chunk", "chunkCpu"],
  ["p50 µs", "p50c1"],
  ["p99 µs", "p99c1"],
  ["MB idle", "idleMb"],
  ["MB, 1,000 streams", "streamsMb"],
];

/**
 * Replaces what is between the marks of a page. Throws if the page does not have each mark once, in their
 * order.
 */
export function withTable(page: string, table: string): string {
  const [before = "", inside, ...more] = page.split(MARKS.begin);
  const [, after, ...evenMore] = inside?.split(MARKS.end) ?? [];
  if (after === undefined || more.length + evenMore.length > 0 || before.includes(MARKS.end)) {
    throw new Error("the page needs the marks of the bench, each once");
  }
  return `${before}${MARKS.begin}\n\n${table}\n\n${MARKS.end}${after}`;
}

/** The table of README.md: candidates as columns, few figures as lines. */
export function readmeTable(report: Report): string {
  const results = README_NAMES.flatMap((name) => report.results.filter((result) => result.name === name));
  const rows = README_ROWS.filter(([, figure]) =>
    results.some((result) => result.figures[figure] !== undefined)
  );
  const lines = [
    ["", ...results.map(({ name }) => name)],
    ...rows.map(([title, figure]) => [title, ...results.map((result) => cell(report, result, figure))]),
  ];
  return `${caption(report)} See [performance](docs/performance.md).\n\n${markdown(lines)}`;
}

/** The table of docs/performance.md: all candidates as lines. */
export function docsTable(report: Report): string {
  const columns = DOCS_ROWS.filter(([, figure]) =>
    report.results.some((result) => result.figures[figure] !== undefined)
  );
  const lines = [
    ["", ...columns.map(([title]) => title)],
    ...report.results.map((result) => [
      result.name,
      ...columns.map(([, figure]) => cell(report, result, figure)),
    ]),
    ["noise", ...columns.map(([, figure]) => percent(report.noise[figure]))],
  ];
  return `${caption(report)}\n\n${markdown(lines)}\n\n${legend(report)}`;
}

/**
 * The picture of docs/performance.md: bars of the CPU time per request. Bars that would dwarf the others are
 * cut.
 */
export function svg({ results }: Report): string {
  const known = results.flatMap(({ name, figures: { cpu } }) => cpu === undefined ? [] : [{ name, cpu }]);
  const own = known.find(({ name }) => name === OWN_NAME)?.cpu ?? 1;
  const limit = Math.max(...known.map(({ cpu }) => Math.min(cpu, own * 4)));
  const bars = known.map(({ name, cpu }, index) => {
    const y = 40 + index * 26;
    const width = Math.min(cpu, limit) / limit * 340;
    const fill = name.startsWith(OWN_NAME) ? "#2563eb" : "#94a3b8";
    return `<text x="170" y="${y + 14}" text-anchor="end">${name}</text>` +
      `<rect x="180" y="${y}" width="${width.toFixed(1)}" height="18" rx="3" fill="${fill}"/>` +
      `<text x="${(186 + width).toFixed(1)}" y="${y + 14}">${cpu.toFixed(0)} µs${
        cpu > limit ? " (cut)" : ""
      }</text>`;
  });
  const height = 50 + known.length * 26;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${height}" font-family="system-ui,sans-serif" font-size="13" fill="#64748b">
<text x="10" y="22" font-size="15">The proxy's CPU time per JSON request (less is better)</text>
${bars.join("\n")}
</svg>
`;
}

/** Writes the pages and the picture. `root` is the folder of the repository. */
export async function publish(report: Report, root: URL): Promise<void> {
  for (
    const [name, table] of [["README.md", readmeTable(report)], [
      "docs/performance.md",
      docsTable(report),
    ]] as const
  ) {
    const page = new URL(name, root);
    await Deno.writeTextFile(page, withTable(await Deno.readTextFile(page), table));
  }
  await Deno.writeTextFile(new URL(".github/bench.svg", root), svg(report));
  const written = ["README.md", "docs/performance.md", ".github/bench.svg"].map((name) =>
    new URL(name, root).pathname
  );
  await output([Deno.execPath(), "fmt", "--quiet", "--line-width", "110", ...written]);
}

function caption({ date, machine: { processor, cores } }: Report): string {
  const [day] = date.split("T");
  return `Measured on ${day} on ${processor}, ${cores} cores; less is better.`;
}

function legend({ machine, rounds, seconds }: Report): string {
  return `"${RAW_NAME}" only copies bytes. "≈" marks a difference to llm-proxy that is smaller than the noise: the\n` +
    `difference between two processes of llm-proxy in the same rounds. The figures are\n` +
    `medians of ${rounds} rounds of ${seconds} s for each load, on ${described(machine)}.`;
}

function cell(report: Report, result: Result, figure: FigureName): string {
  return `${isLikeOwn(report, result, figure) ? "≈ " : ""}${shown(figure, result.figures[figure])}`;
}

function percent(part: number | undefined): string {
  return part === undefined || Number.isNaN(part) ? "" : `${(part * 100).toFixed(0)} %`;
}

/** A table as `deno fmt` writes it: columns of one width, all but the first one right-aligned. */
function markdown(lines: readonly (readonly string[])[]): string {
  const widths =
    lines[0]?.map((_, column) => Math.max(4, ...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const rule = widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  const padded = lines.map((line) =>
    line.map((text, column) =>
      column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
    )
  );
  const [head = [], ...rows] = padded;
  return [head, rule, ...rows].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
