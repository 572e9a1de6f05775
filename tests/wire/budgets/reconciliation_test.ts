/** What a provider bills, beside what the proxy has counted: `deno task bench --accounting` in short. */

import { assertEquals, assertGreater } from "@std/assert";
import { reconcile } from "../../bench/accounting/run.ts";

Deno.test("accounting: what providers tell is what rows say, for 300 exchanges of all kinds, with reloads", async () => {
  const lines: string[] = [];
  const { compared, problems } = await reconcile({
    exchanges: 300,
    clients: 100,
    reloadEvery: 60,
    killEvery: Infinity,
    work: { tokensPerMs: 0.3, maxTokens: 400 },
    say: (line) => lines.push(line),
  });
  assertEquals(problems, [], lines.join("\n"));
  assertEquals(compared.length, 300);
  assertEquals(compared.filter(({ source }) => source === "lost").length, 0);
  const told = compared.filter(({ source }) => source === "provider");
  assertGreater(told.length, 100);
  assertGreater(compared.filter(({ source }) => source === "estimated").length, 50);
});
