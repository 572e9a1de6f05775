/** `axe-core` on a page whose policy lets no other script in: it is evaluated, as a debugger would. */

import axe from "axe-core";
import type { Page } from "playwright-core";

/** What it finds wrong: `rule: the element`, for each. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    // The line above has put it there.
    // deno-lint-ignore no-explicit-any
    const { violations } = await (globalThis as any).axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    // deno-lint-ignore no-explicit-any
    return violations.flatMap(({ id, nodes }: any) =>
      // deno-lint-ignore no-explicit-any
      nodes.map(({ html, failureSummary }: any) =>
        `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`
      )
    );
  });
}
