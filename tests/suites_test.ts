import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Summary } from "./support/runner/summary.ts";
import { dealt, writeTogether } from "./support/runner/together.ts";
import { turns } from "./support/time/turns.ts";
import { allListed, filesOf, isSampled, suitesOf } from "./suites.ts";

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
  const twice = all.filter(isSampled);
  assertEquals([...run("short"), ...run("long")].toSorted(), [...all, ...twice].toSorted());
  assert(run("short").includes("tests/other_test.ts") && run("long").includes("tests/browser/x_test.ts"));
});

Deno.test("suites: the files that run with few cases in the short tests are those that call cases", async () => {
  const calling: string[] = [];
  for (const file of await testFilesBelow("tests")) {
    if (/\bcases\(\{ few: /.test(await Deno.readTextFile(file))) calling.push(file);
  }
  const listed = allListed().map(([path]) => path).filter(isSampled);
  assertEquals(calling.toSorted(), [...new Set(listed)].toSorted());
});

async function testFilesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await testFilesBelow(`${folder}/${name}`));
    else if (name.endsWith("_test.ts") && name !== "suites_test.ts") files.push(`${folder}/${name}`);
  }
  return files;
}

Deno.test("suites: the slowest files start first; they, long ones and those that run alone share no isolate", () => {
  const paths = allListed().map(([path]) => path).filter((path) => !path.endsWith("/") && !isSampled(path));
  const suites = suitesOf([...paths, "tests/a_test.ts", "tests/z_test.ts"]);
  assertEquals(suites.flatMap(({ sharing }) => sharing), ["tests/a_test.ts", "tests/z_test.ts"]);
  const parallel = suites.find(({ sharing }) => sharing.length > 0)?.files ?? [];
  assertEquals(parallel[0], "tests/wire/budgets/objects_test.ts");
});

Deno.test("writeTogether: each file is imported once, by a module that is a file of tests", async () => {
  assertEquals(dealt(["a", "b", "c", "d", "e"], 2), [["a", "c", "e"], ["b", "d"]]);
  assertEquals([dealt(["a"], 3), dealt([], 3)], [[["a"]], []]);
  const parent = await Deno.makeTempDir();
  try {
    const files = ["a", "b c", "d"].map((name) => `${parent}/${name}.ts`);
    const modules = await writeTogether(files, { folder: `${parent}/modules`, count: 2 });
    assertEquals(modules.map((path) => /[^/]*$/.exec(path)?.[0]), [
      "together_01_test.ts",
      "together_02_test.ts",
    ]);
    const texts = await Promise.all(modules.map((path) => Deno.readTextFile(path)));
    const imported = texts.flatMap((text) => [...text.matchAll(/^import "(.*)";$/gm)].map(([, url]) => url));
    assertEquals(imported.toSorted(), files.map((file) => pathToFileURL(file).href).toSorted());
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("Summary: adds what the suites counted, and fails as the first that failed", () => {
  const summary = new Summary();
  summary.add({ lastLines: "a ... ok\n\nok | 12 passed (3 steps) | 0 failed | 2 ignored (3s)\n", code: 0 });
  assertEquals(summary.line, "ok | 12 passed | 0 failed | 2 ignored (0s)");
  summary.add({ lastLines: "FAILED | 1 passed | 4 failed (1m2s)\n\nerror: Test failed\n", code: 1 });
  summary.add({ lastLines: "it broke off", code: 3 });
  assertEquals([summary.line, summary.code], ["FAILED | 13 passed | 4 failed | 2 ignored (0s)", 1]);
});

Deno.test("turns: a loop that does not end throws an error with its name", () => {
  let last = 0;
  assertThrows(
    () => {
      for (last of turns(3, "the list")) { /* the next turn */ }
    },
    Error,
    "the list did not end within 3 turns",
  );
  assertEquals(last, 2);
});
