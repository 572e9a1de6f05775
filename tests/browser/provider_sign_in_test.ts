/** A person signs in to the admin page with a real provider, and out again, in a real browser. */

import { assert, assertEquals } from "@std/assert";
import { browserTest, launchBrowser } from "../support/clients/admin_browser.ts";
import { ProviderBench } from "../support/proxies/provider_bench.ts";

browserTest(
  "sign-in: the link of a provider leads to the admin page, and the sign-out to the provider",
  async () => {
    await using bench = await ProviderBench.open();
    const { url } = bench.proxy;
    const browser = await launchBrowser();
    try {
      const page = await (await browser.newContext()).newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" && message.location().url.startsWith(url)) {
          complaints.push(message.text());
        }
      });
      await page.goto(`${url}/admin#tokens`);
      await page.click("text=Sign in with Real");
      await page.fill("input[name=login]", "anna");
      await page.fill("input[name=password]", "any");
      await page.click("button[type=submit]");
      await page.click("button[type=submit]");
      await page.waitForURL(`${url}/admin#tokens`);
      await page.click("text=Sign out");
      await page.waitForURL((to) => to.href.startsWith(`${bench.provider.issuer}/session/end`));
      assertEquals(complaints, []);
      await page.goto(`${url}/admin`);
      assert(await page.waitForSelector("text=Sign in with Real") !== null);
    } finally {
      await browser.close();
    }
  },
);
