import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { denoCommand } from "../support/processes/command.ts";
import { unless, withoutUnix } from "../support/runner/left_out.ts";
import { docsTable, MARKS, publish, readmeTable, svg, withTable } from "./published.ts";
import { type FigureName, FIGURES, type Report } from "./report.ts";

const ROOT = new URL("../../", import.meta.url);
const NAMES = [
  "llm-proxy",
  "llm-proxy, managed",
  "raw sockets",
  "nginx",
  "HAProxy",
  "Go ReverseProxy",
  "Node http",
  "Bun fetch, streamed",
  "Portkey gateway",
];

/**
 * A report in which each candidate has all figures: 100 for the first one, 110 for the second one and so on.
 */
function report(more: Partial<Report> = {}): Report {
  const all = (value: number) => Object.fromEntries(Object.keys(FIGURES).map((figure) => [figure, value]));
  return {
    date: "2026-12-24T12:00:00.000Z",
    machine: {
      processor: "Test Processor 9000 with a name of some length",
      cores: 2,
      kernel: "6.1.0",
      deno: "2.9.6",
    },
    rounds: 5,
    seconds: 3,
    noise: all(0.05),
    results: NAMES.map((name, index) => ({ name, figures: all(100 + 10 * index) })),
    missing: [],
    ...more,
  };
}

Deno.test("withTable: only the part between the marks changes", () => {
  const page = `# A page\n\n${MARKS.begin}\n\nold\n\n${MARKS.end}\n\nThe rest.\n`;
  assertEquals(withTable(page, "new"), `# A page\n\n${MARKS.begin}\n\nnew\n\n${MARKS.end}\n\nThe rest.\n`);
  assertEquals(withTable(withTable(page, "new"), "old"), page);
});

Deno.test("withTable: it rejects a page without the marks, or with one of them twice", () => {
  const { begin, end } = MARKS;
  for (const page of ["", begin, end, `${end}${begin}`, `${begin}${begin}${end}`, `${begin}${end}${end}`]) {
    assertThrows(() => withTable(page, "new"), Error, "marks of the bench");
  }
});

Deno.test("readmeTable: it has the date, the machine and the figures of a few candidates", () => {
  const table = readmeTable(report());
  assertStringIncludes(
    table,
    "Measured on 2026-12-24 on Test Processor 9000 with a name of some length, 2 cores; less is better.",
  );
  assertStringIncludes(table, "| CPU time per request, µs |     100.0 |              110.0 |");
  assert(!table.includes("Portkey"), table);
});

Deno.test("readmeTable: candidates and figures that a run does not have are left out", () => {
  const results = [{ name: "llm-proxy", figures: { cpu: 50 } }, { name: "nginx", figures: { cpu: 20 } }];
  assertEquals(readmeTable(report({ results })).split("\n").slice(2), [
    "|                          | llm-proxy | nginx |",
    "| ------------------------ | --------: | ----: |",
    "| CPU time per request, µs |      50.0 |  20.0 |",
  ]);
});

Deno.test("docsTable: a difference below the noise is marked", () => {
  const noise = { cpu: 0.15 };
  const figures: readonly FigureName[] = ["cpu"];
  const results = [100, 110, 130].map((value, index) => ({
    name: NAMES[index] ?? "",
    figures: Object.fromEntries(figures.map((figure) => [figure, value])),
  }));
  assertEquals(docsTable(report({ noise, results })).split("\n").slice(2, 8), [
    "|                    | CPU µs/request |",
    "| ------------------ | -------------: |",
    "| llm-proxy          |          100.0 |",
    "| llm-proxy, managed |        ≈ 110.0 |",
    "| raw sockets        |          130.0 |",
    "| noise              |           15 % |",
  ]);
});

Deno.test("svg: a bar for each candidate, and long ones are cut", () => {
  const results = [{ name: "llm-proxy", figures: { cpu: 50 } }, { name: "slow", figures: { cpu: 2_000 } }];
  const picture = svg(report({ results }));
  assertStringIncludes(picture, ">50 µs<");
  assertStringIncludes(picture, ">2000 µs (cut)<");
});

Deno.test({
  ...unless(
    withoutUnix(),
    "publish: it writes both pages as deno fmt does, and README.md keeps to 200 lines",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    const copy = new URL(`file://${folder}/`);
    for (const name of ["docs", ".github"]) await Deno.mkdir(new URL(name, copy));
    for (const name of ["README.md", "docs/performance.md"]) {
      await Deno.copyFile(new URL(name, ROOT), new URL(name, copy));
    }
    await publish(report(), copy);
    const readme = await Deno.readTextFile(new URL("README.md", copy));
    assertStringIncludes(readme, readmeTable(report()).split("\n\n")[1] ?? "?");
    assert(readme.trimEnd().split("\n").length <= 200, `${readme.split("\n").length} lines`);
    const performance = await Deno.readTextFile(new URL("docs/performance.md", copy));
    assertStringIncludes(performance, docsTable(report()).split("\n\n")[1] ?? "?");
    const { success, stderr } = await denoCommand(["fmt", "--check", "--line-width", "110", folder]).output();
    assert(success, new TextDecoder().decode(stderr));
    await Deno.remove(folder, { recursive: true });
  },
});
