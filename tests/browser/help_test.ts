/** The manual, opened from the admin page. */

import { assertEquals } from "@std/assert";
import { AdminBrowser, browserTest, PICTURES } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";

for (const [colorScheme, width] of [["light", 1200], ["dark", 390]] as const) {
  browserTest(`help: from the admin page to a rule, ${colorScheme}, ${width} pixels wide`, async () => {
    await using admin = await AdminBrowser.start({ colorScheme, width });
    await admin.open("dashboard");
    const popup = admin.context.waitForEvent("page");
    await admin.page.getByRole("link", { name: "Help", exact: true }).click();
    const page = await popup;
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    await page.getByRole("main").getByRole("link", { name: "Limits and budgets" }).click();
    await page.getByRole("heading", { name: "Allowed paths" }).waitFor();
    await page.getByRole("link", { name: "what may be requested" }).click();
    assertEquals(new URL(page.url()).hash, "#allowed-paths");
    assertEquals(await axeViolations(page), []);
    const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assertEquals(isWider, false, "wide tables and code blocks scroll separately");
    await Deno.mkdir(PICTURES, { recursive: true });
    await page.screenshot({ path: new URL(`help-${colorScheme}-${width}.png`, PICTURES).pathname });
    assertEquals(complaints, []);
  });
}
