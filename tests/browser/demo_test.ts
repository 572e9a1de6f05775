/** The admin page of the demo, which a new user sees first. The README shows its pictures. */

import { assert } from "@std/assert";
import { browserTest, launchBrowser, PICTURES } from "../support/clients/admin_browser.ts";
import { outputUntil, textReader } from "../support/processes/child_output.ts";
import { proxyCommand } from "../support/processes/proxy_process.ts";

browserTest("the dashboard of the demo shows 30 days of usage", async () => {
  const child = proxyCommand(["demo", "--port", "0"], {}).spawn();
  const reader = textReader(child);
  const text = await outputUntil(reader, /Ctrl-C/);
  const [address = ""] = /http:\S+\/admin/.exec(text) ?? [];
  const [, token = ""] = /its token is (demo-management-token)/.exec(text) ?? [];
  const browser = await launchBrowser();
  await Deno.mkdir(PICTURES, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({
      viewport: { width: 1200, height: 860 },
      colorScheme,
      locale: "en-US",
      reducedMotion: "reduce",
    });
    await page.goto(address);
    await page.getByLabel("Management token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "30 days" }).click();
    await page.getByRole("region", { name: "Usage by model" }).getByText("claude-sonnet-5").waitFor();
    await page.locator(".stale").waitFor({ state: "hidden" });
    const requests = await page.locator(".tile strong").first().textContent() ?? "";
    assert(Number(requests.replaceAll(",", "")) > 1_000, `${requests} requests`);
    await page.getByText("left of $60.00").waitFor();
    await page.screenshot({ path: new URL(`demo-dashboard-${colorScheme}.png`, PICTURES).pathname });
    await page.getByRole("link", { name: "Tokens", exact: true }).click();
    await page.getByRole("button", { name: "night batch", exact: true }).waitFor();
    await page.screenshot({ path: new URL(`demo-tokens-${colorScheme}.png`, PICTURES).pathname });
    await page.close();
  }
  await browser.close();
  child.kill("SIGINT");
  await reader.cancel();
  await child.stderr.cancel();
  await child.status;
});
