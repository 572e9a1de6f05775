/** Passkeys and the own passphrase on the admin page, with the virtual authenticator of Chromium. */

import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";

const PASSPHRASE = "correct horse battery staple";

/** A page at `localhost`, where browsers allow passkeys without HTTPS, with an authenticator. */
async function pageAtLocalhost(admin: AdminBrowser): Promise<{ page: Page; url: string }> {
  const url = admin.proxy.adminUrl.replace("127.0.0.1", "localhost");
  const page = await admin.context.newPage();
  const session = await admin.context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { page, url };
}

browserTest(
  "passkeys: a person adds one, signs in with it, confirms with it, and removes it; the passphrase changes",
  async () => {
    await using admin = await AdminBrowser.start();
    const { proxy, clock } = admin;
    const { page, url } = await pageAtLocalhost(admin);
    const { body: { id } } = await proxy.api("POST", "/people", {
      login: "anna",
      name: "Anna",
      role: "admin",
    });
    const { body: { path } } = await proxy.api("POST", `/people/${id}/invitation`);
    await page.goto(url + path);
    await page.getByLabel("New passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "My account" }).click();
    await page.getByText("No passkeys.").waitFor();
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await dialog.getByLabel("Name").fill("phone");
    assertEquals(await axeViolations(page), [], "the form of a passkey");
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("Passkey phone added.").waitFor();
    assertEquals(await axeViolations(page), [], "the account");
    // The authenticator has one for this person already.
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await dialog.getByLabel("Name").fill("again");
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "phone", exact: true }).click();
    await dialog.getByLabel("Name").fill("my phone");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Passkey my phone renamed.").waitFor();

    await page.getByRole("button", { name: "Change passphrase" }).click();
    await dialog.getByLabel("Current passphrase").fill("wrong wrong wrong");
    await dialog.getByLabel("New passphrase").fill("another long passphrase");
    assertEquals(await axeViolations(page), [], "the form of the passphrase");
    await dialog.getByRole("button", { name: "Change", exact: true }).click();
    await dialog.getByRole("alert").getByText("The current passphrase is wrong.").waitFor();
    await dialog.getByLabel("Current passphrase").fill(PASSPHRASE);
    await dialog.getByRole("button", { name: "Change", exact: true }).click();
    await page.getByText("Passphrase changed.").waitFor();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByRole("link", { name: "My account" }).click();
    await page.getByText("anna (passkey)").waitFor();
    clock.pass(11 * 60_000);
    await page.getByRole("button", { name: "Remove my phone" }).click();
    await dialog.getByRole("button", { name: "Remove", exact: true }).click();
    await dialog.getByText("Sign in again to confirm").waitFor();
    assertEquals(await axeViolations(page), [], "the confirmation");
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    // The session was one of the passkey.
    await dialog.getByText("Your session has ended.").waitFor();
    const { body: { data } } = await proxy.api("GET", "/passkeys");
    assertEquals(data, []);
    const audit = (await proxy.api("GET", "/audit")).body.data as { action: string; actor: string }[];
    assertEquals(audit.slice(0, 2).map(({ action, actor }) => [action, actor]), [
      ["passkey.remove", "anna (passkey)"],
      ["admin.sign_in", "anna (passkey)"],
    ]);
    await page.close();
  },
);
