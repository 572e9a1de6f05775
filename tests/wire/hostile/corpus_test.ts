/** Hostile and malformed requests, byte for byte, at the proxy's socket. */

import { assert, assertEquals } from "@std/assert";
import { FAMILIES } from "./corpus.ts";
import { HostileStage } from "./stage.ts";

/** So many cases there have to be. */
const LEAST_CASES = 200;

Deno.test("hostile requests: the corpus is large, and no name stands for two cases", () => {
  const names = FAMILIES.flatMap(([, cases]) => cases.map(({ name }) => name));
  const bytes = FAMILIES.flatMap(([, cases]) => cases.map((one) => one.bytes));
  assert(names.length >= LEAST_CASES, `${names.length} cases`);
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), [], "names that repeat");
  assertEquals(bytes.filter((text, index) => bytes.indexOf(text) !== index), [], "bytes that repeat");
});

for (const [family, cases] of FAMILIES) {
  Deno.test(`hostile requests: ${family} (${cases.length} cases)`, async () => {
    await using stage = new HostileStage();
    const complaints: string[] = [];
    for (const one of cases) {
      const complaint = await stage.complaint(one);
      if (complaint !== undefined) complaints.push(complaint);
    }
    assert(complaints.length === 0, `${complaints.length} cases failed:\n${complaints.join("\n")}`);
  });
}
