import { assert, assertEquals } from "@std/assert";
import { Summary } from "./support/runner/summary.ts";
import { allListed, filesOf, suitesOf } from "./suites.ts";

Deno.test("suites: every path that is listed exists, and has a reason", async () => {
  assert(allListed().length > 10, "the lists were read");
  for (const [path, why] of allListed()) {
    const { isFile } = await Deno.stat(new URL(`../${path}`, import.meta.url));
    assertEquals([path, isFile, why.length > 10], [path, !path.endsWith("/"), true]);
  }
});

Deno.test("suites: short and long tests are all tests, and each runs once", () => {
  const files = [...allListed().map(([path]) => path.replace(/\/$/, "/x_test.ts")), "tests/other_test.ts"];
  const all = [...new Set(files)];
  const run = (wanted: "short" | "long" | "all") =>
    suitesOf(filesOf(all, wanted)).flatMap(({ files }) => files);
  assertEquals(run("all").toSorted(), all.toSorted());
  assertEquals([...run("short"), ...run("long")].toSorted(), all.toSorted());
  assert(run("short").includes("tests/other_test.ts") && run("long").includes("tests/browser/x_test.ts"));
});

Deno.test("Summary: adds what the suites counted, and fails as the first that failed", () => {
  const summary = new Summary();
  summary.add({ lastLines: "a ... ok\n\nok | 12 passed (3 steps) | 0 failed | 2 ignored (3s)\n", code: 0 });
  assertEquals(summary.line, "ok | 12 passed | 0 failed | 2 ignored (0s)");
  summary.add({ lastLines: "FAILED | 1 passed | 4 failed (1m2s)\n\nerror: Test failed\n", code: 1 });
  summary.add({ lastLines: "it broke off", code: 3 });
  assertEquals([summary.line, summary.code], ["FAILED | 13 passed | 4 failed | 2 ignored (0s)", 1]);
});
