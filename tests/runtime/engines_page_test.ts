/** The page about the engines names what the tests of the wire leave out for `engine = "deno"`. */

import { assert, assertEquals } from "@std/assert";
import { DIFFERENCES } from "../support/proxies/engine.ts";
import { OWN_ENGINE_FILES } from "../support/runner/engine_tests.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("docs/engines.md: each difference that tests are left out for is a row of its table", async () => {
  const text = await Deno.readTextFile(new URL("docs/engines.md", ROOT));
  const rows = new Set(text.split("\n").map((line) => line.split("|")[1]?.trim()));
  assertEquals(Object.values(DIFFERENCES).filter((difference) => !rows.has(difference)), []);
});

Deno.test("engine.ts: each file that is left out for the other engine is there", async () => {
  for (const name of Object.keys(OWN_ENGINE_FILES)) {
    assert((await Deno.stat(new URL(`tests/wire/${name}`, ROOT))).isFile, name);
  }
});
