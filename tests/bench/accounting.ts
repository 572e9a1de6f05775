/** `deno task bench --accounting`: what a provider bills, beside what the proxy has counted. */

import { attack, BUDGET_MICROS, VARIANTS } from "./accounting/budget_attack.ts";
import { dollars } from "./accounting/report.ts";
import { aligned } from "./aligned.ts";
import { reconcile } from "./accounting/run.ts";

/** Runs it; the process ends with 1 where something differs that was told. */
export async function benchAccounting(options: { exchanges: string; clients: string }): Promise<void> {
  const exchanges = Number(options.exchanges);
  const clients = Number(options.clients);
  if (!(exchanges > 0 && clients > 0)) {
    throw new RangeError("--exchanges and --clients are numbers above zero");
  }
  const begun = performance.now();
  const { problems } = await reconcile({
    exchanges,
    clients,
    reloadEvery: Math.ceil(exchanges / 10),
    killEvery: Math.ceil(exchanges / 4) + 1,
    say: console.log,
  });
  for (const line of await attackTable()) console.log(line);
  console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s`);
  console.log(problems.length === 0 ? "the books match" : `${problems.length} differences`);
  if (problems.length > 0) Deno.exitCode = 1;
}

/** How much a hundred clients spend of a budget of a dollar, and beyond it. */
async function attackTable(): Promise<string[]> {
  const rows = [["budget of a dollar", "answers", "provider", "proxy", "overspent", "bound"]];
  for (const [name, variant] of Object.entries(VARIANTS)) {
    const { billed, spent, bound, answers } = await attack(variant);
    const overspent = Math.max(0, billed - BUDGET_MICROS);
    rows.push([name, String(answers), dollars(billed), dollars(spent), dollars(overspent), dollars(bound)]);
  }
  return ["", ...aligned(rows, 1), ""];
}
