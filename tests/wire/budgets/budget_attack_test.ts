/** Whether a hundred clients can spend more than the budget of their token, by the provider's own bill. */

import { assertGreater, assertLessOrEqual } from "@std/assert";
import { attack, BUDGET_MICROS, VARIANTS } from "../../bench/accounting/budget_attack.ts";

for (const [name, variant] of Object.entries(VARIANTS)) {
  Deno.test(`budgets: a hundred clients that leave at any moment do not overspend: ${name}`, async () => {
    const { billed, spent, bound, answers } = await attack(variant);
    const figures = `${answers} answers: the provider bills $${billed / 1e6}, the proxy counts $${
      spent / 1e6
    }`;
    assertGreater(spent, BUDGET_MICROS - 1, `the budget was not spent: ${figures}`);
    assertLessOrEqual(billed - BUDGET_MICROS, bound, figures);
  });
}
