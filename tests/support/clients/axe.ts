/** `axe-core` on a page whose policy lets no other script in: it is evaluated, as a debugger would. */

import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What it finds wrong: `rule: the element`, for each. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // As text: `axe` is a name of the page, which this program does not know.
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = "" }) =>
      `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`
    )
  );
}
