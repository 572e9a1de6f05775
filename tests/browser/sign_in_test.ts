/** Signing in with a real provider in a real browser: cookies between sites, and no script. */

import { assertEquals } from "@std/assert";
import { browserTest, launchBrowser } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";
import { SignInSite } from "../support/proxies/sign_in_site.ts";
import { RealProvider } from "../support/upstreams/real_provider.ts";

browserTest(
  "sign-in: a browser comes back from a provider of another site, and has its session",
  async () => {
    await using site = new SignInSite();
    await using provider = await RealProvider.open(site.url);
    await site.use([provider.table()]);
    const browser = await launchBrowser();
    try {
      const page = await (await browser.newContext()).newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        // The pages of the provider, which have no icon, may complain.
        if (message.location().url.startsWith(site.url)) complaints.push(message.text());
      });
      await page.goto(`${site.url}/admin/sign-in/real?return=/admin/docs`);
      await page.fill("input[name=login]", "anna");
      await page.fill("input[name=password]", "any");
      await page.click("button[type=submit]");
      await page.click("button[type=submit]");
      await page.waitForURL(`${site.url}/admin/docs`);
      assertEquals(await page.textContent("p"), "with a session");
      assertEquals(site.people.map(({ subject, role }) => ({ subject, role })), [{
        subject: "anna",
        role: "admin",
      }]);
      assertEquals(site.failures, []);
      assertEquals(complaints, []);

      await page.goBack();
      await page.goto(`${site.url}/admin/sign-in/real/callback?code=1&state=1`);
      assertEquals(await page.textContent("h1"), "The sign-in failed");
      assertEquals(await axeViolations(page), []);
    } finally {
      await browser.close();
    }
  },
);
