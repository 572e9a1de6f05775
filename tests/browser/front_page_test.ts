/** The page at `/` in a browser: it fits a phone, has a light and a dark mode, and loads nothing else. */

import { assertEquals } from "@std/assert";
import { browserTest, launchBrowser, PICTURES } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(`front page: fits a phone and loads nothing else, ${colorScheme}`, async () => {
    await using upstream = new FakeUpstream();
    await using proxy = new LocalProxy(upstream, {});
    const browser = await launchBrowser();
    try {
      const context = await browser.newContext({ viewport: { width: 320, height: 640 }, colorScheme });
      const page = await context.newPage();
      const complaints: string[] = [];
      const requested: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("request", (request) => requested.push(request.url()));
      await page.goto(`${proxy.url}/`);
      const { width, background } = await page.evaluate<{ width: number; background: string }>(
        `({ width: document.documentElement.scrollWidth,
            background: getComputedStyle(document.body).backgroundColor })`,
      );
      assertEquals(width, 320, "the page is as wide as the screen");
      assertEquals(background, colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(18, 24, 31)");
      await Deno.mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: new URL(`front-${colorScheme}.png`, PICTURES).pathname, fullPage: true });
      assertEquals(requested.filter((url) => !url.startsWith("data:")), [`${proxy.url}/`]);
      assertEquals(complaints, []);
      assertEquals(await axeViolations(page), []);
    } finally {
      await browser.close();
    }
  });
}
