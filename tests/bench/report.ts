/** Results as a table, as JSON and as a picture; and the check that nothing is grossly broken. */

/** Figures of one candidate; times in microseconds, memory in megabytes. */
export interface Result {
  readonly name: string;
  readonly perSecond?: number;
  readonly cpuMicros?: number;
  readonly tlsCpuMicros?: number;
  readonly p50c1?: number;
  readonly p99c1?: number;
  readonly p50c32?: number;
  readonly p99c32?: number;
  readonly p50c128?: number;
  readonly p99c128?: number;
  readonly chunkCpuMicros?: number;
  readonly chunkP50?: number;
  readonly chunkP99?: number;
  readonly firstByteP50?: number;
  readonly startMs?: number;
  readonly idleMb?: number;
  readonly afterLoadMb?: number;
  readonly streamsMb?: number;
  readonly wholeOf1000?: number;
  readonly uploadPeakMb?: number;
  readonly upMbPerSecond?: number;
  readonly downMbPerSecond?: number;
}

const COLUMNS: readonly (readonly [title: string, figure: Exclude<keyof Result, "name">, digits: number])[] =
  [
    ["CPU per request, us", "cpuMicros", 1],
    ["the same over TLS", "tlsCpuMicros", 1],
    ["requests/s, 32 connections", "perSecond", 0],
    ["p50/us, 1 connection", "p50c1", 0],
    ["p99", "p99c1", 0],
    ["p50/us, 32", "p50c32", 0],
    ["p99", "p99c32", 0],
    ["p50/us, 128", "p50c128", 0],
    ["p99", "p99c128", 0],
    ["CPU per chunk, us", "chunkCpuMicros", 1],
    ["chunk delay p50/us", "chunkP50", 0],
    ["p99", "chunkP99", 0],
    ["first event p50/us", "firstByteP50", 0],
    ["start/ms", "startMs", 0],
    ["MB idle", "idleMb", 0],
    ["MB after load", "afterLoadMb", 0],
    ["MB, 1,000 streams", "streamsMb", 0],
    ["whole of them", "wholeOf1000", 0],
    ["upload peak MB", "uploadPeakMb", 0],
    ["upload MB/s", "upMbPerSecond", 0],
    ["download MB/s", "downMbPerSecond", 0],
  ];

const ROOT = new URL("../../", import.meta.url);
const RECORDED = new URL("recorded.json", import.meta.url);
/** How much worse than recorded the ratio to nginx may be before it counts as broken. */
const TOLERANCE = 3;

/** Prints the table, writes `dist/bench.json`, the recorded figures and the picture for the docs. */
export async function writeReport(
  results: readonly Result[],
  run: { readonly rounds: number; readonly seconds: number },
): Promise<void> {
  const table = markdown(results);
  console.log(`\n${table}\nMedians of ${run.rounds} interleaved rounds of ${run.seconds} s.`);
  await Deno.mkdir(new URL("dist/", ROOT), { recursive: true });
  const json = `${JSON.stringify({ deno: Deno.version.deno, ...run, results }, null, 2)}\n`;
  await Deno.writeTextFile(new URL("dist/bench.json", ROOT), json);
  await Deno.writeTextFile(RECORDED, json);
  await Deno.writeTextFile(new URL(".github/bench.svg", ROOT), svg(results));
}

/** Candidates as columns, figures as rows. */
function markdown(results: readonly Result[]): string {
  const rows = COLUMNS.map(([title, figure, digits]) =>
    `| ${title} | ${results.map((result) => result[figure]?.toFixed(digits) ?? "").join(" | ")} |`
  );
  return [
    `| | ${results.map(({ name }) => name).join(" | ")} |`,
    `|---|${results.map(() => "--:").join("|")}|`,
    ...rows,
  ].join("\n");
}

/** Bars of the CPU time per request; the longest would dwarf the others and is cut. */
function svg(results: readonly Result[]): string {
  const known = results.filter(({ cpuMicros }) => cpuMicros !== undefined);
  const ours = known[0]?.cpuMicros ?? 1;
  const limit = Math.max(...known.map(({ cpuMicros = 0 }) => Math.min(cpuMicros, ours * 6)));
  const bars = known.map(({ name, cpuMicros = 0 }, index) => {
    const y = 40 + index * 26;
    const width = Math.min(cpuMicros, limit) / limit * 360;
    const fill = index === 0 ? "#2563eb" : "#94a3b8";
    return `<text x="140" y="${y + 14}" text-anchor="end">${name}</text>` +
      `<rect x="150" y="${y}" width="${width.toFixed(1)}" height="18" rx="3" fill="${fill}"/>` +
      `<text x="${(156 + width).toFixed(1)}" y="${y + 14}">${cpuMicros.toFixed(0)} us${
        cpuMicros > limit ? " (cut)" : ""
      }</text>`;
  });
  const height = 50 + known.length * 26;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${height}" font-family="system-ui,sans-serif" font-size="13" fill="#64748b">
<text x="10" y="22" font-size="15">The proxy's CPU time per JSON request (less is better)</text>
${bars.join("\n")}
</svg>
`;
}

/** Compares this run's ratio to nginx with the recorded one; exits with 1 where it is far worse. */
export async function checkAgainstRecord(results: readonly Result[]): Promise<void> {
  const ratio = (list: readonly Result[]) => {
    const cpu = (name: string) => list.find((result) => result.name === name)?.cpuMicros ?? NaN;
    return cpu("llm-proxy") / cpu("nginx");
  };
  const recorded: { results: Result[] } = JSON.parse(await Deno.readTextFile(RECORDED));
  const [now, then] = [ratio(results), ratio(recorded.results)];
  console.log(markdown(results));
  console.log(`CPU per request over nginx's: ${now.toFixed(2)}, recorded ${then.toFixed(2)}`);
  if (!(now <= then * TOLERANCE)) {
    console.error(`more than ${TOLERANCE} times the recorded ratio`);
    Deno.exit(1);
  }
}
