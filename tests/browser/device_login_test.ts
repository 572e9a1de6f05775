/** The confirmation of the login of a command, in a browser: without a session, and with an old one. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";
import { SECRETS } from "../support/data/secrets.ts";

const PASSPHRASE = "correct horse battery staple";
const GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** Plays the command. */
async function post(admin: AdminBrowser, path: string, form: Record<string, string>) {
  const body = new URLSearchParams({ client_id: "llm-proxy", ...form });
  const response = await fetch(`${admin.proxy.adminUrl}/manage/device/${path}`, { method: "POST", body });
  return await response.json();
}

browserTest(
  "device login: the sign-in comes first; the page shows what asks, and confirms; the account lists and revokes the token",
  async () => {
    await using admin = await AdminBrowser.start({ width: 400 });
    const { page, proxy } = admin;
    const { body: { id: home } } = await proxy.api("POST", "/projects", { name: "home" });
    const { body: anna } = await proxy.api("POST", "/people", {
      login: "anna",
      role: "member",
      projects: [home],
    });
    const invited = await proxy.api("POST", `/people/${anna.id}/invitation`);
    await page.goto(proxy.adminUrl + invited.body.path);
    await page.getByLabel("New passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "My account" }).waitFor();
    await admin.loaded();
    await page.getByRole("button", { name: "Sign out" }).click();
    // A page that is left earlier takes the request for the sign-out along.
    await page.getByRole("button", { name: "Use a name and a passphrase" }).waitFor();

    const begun = await post(admin, "code", { machine: "laptop" });
    await page.goto("about:blank");
    await page.goto(begun.verification_uri);
    await page.getByRole("button", { name: "Use a name and a passphrase" }).click();
    await page.getByLabel("Name").fill("anna");
    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in a command" }).waitFor();
    assertEquals(await page.title(), "Sign in a command – llm-proxy");
    assertEquals(await axeViolations(page), [], "the form of the code");
    admin.expected.push(/404/, /403/);
    await page.keyboard.type("BBBB-BBBB");
    await page.keyboard.press("Enter");
    assertStringIncludes(
      await page.getByRole("alert").textContent() ?? "",
      "No command waits with this code.",
    );
    assertEquals(await axeViolations(page), [], "a wrong code");
    await page.getByLabel("Code").fill(begun.user_code.toLowerCase());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Did you start llm-proxy login on laptop?" }).waitFor();
    assertEquals(await axeViolations(page), [], "the question");
    const text = await page.locator("main").textContent() ?? "";
    for (
      const shown of [
        begun.user_code,
        "laptop (as it names itself)",
        "127.0.0.1 (that of this browser)",
        "anna (passphrase)",
        "member",
        "home",
        "Until",
      ]
    ) assertStringIncludes(text, shown);
    // The sign-in is old by now, and a confirmation cannot be undone.
    admin.clock.pass(9 * 60_000 + 59_000);
    const late = await post(admin, "code", { machine: "desktop" });
    admin.clock.pass(2_000);
    await page.getByRole("button", { name: "Confirm" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Use a name and a passphrase" }).click();
    await dialog.getByLabel("Name").fill("anna");
    await dialog.getByLabel("Passphrase").fill(PASSPHRASE);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    // The code of the laptop has expired meanwhile.
    await page.getByText("The command does not wait any more").waitFor();
    await page.goto("about:blank");
    await page.goto(late.verification_uri);
    await page.getByLabel("Code").fill(late.user_code);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByText("The command on desktop is signed in. You can close this page.").waitFor();
    assertEquals(await axeViolations(page), [], "the end");
    const form = { grant_type: GRANT, device_code: late.device_code };
    const { access_token: token } = await post(admin, "token", form);
    proxy.plant(token);
    const me = async () => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${proxy.adminUrl}/manage/me`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await me(), 200);
    await page.getByRole("link", { name: "My account" }).click();
    const row = page.getByRole("row").filter({
      hasText: "desktop",
    });
    assertStringIncludes(await row.textContent() ?? "", "member");
    assertEquals(await axeViolations(page), [], "the account");
    await row.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("desktop is revoked.").waitFor();
    assertEquals(await me(), 401);
  },
);

browserTest("device login: a refusal ends the command", async () => {
  await using admin = await AdminBrowser.start({ colorScheme: "dark" });
  const { page } = admin;
  const begun = await post(admin, "code", { machine: "laptop" });
  await page.goto(begun.verification_uri);
  await admin.signIn(SECRETS.managementToken);
  await page.getByLabel("Code").fill(begun.user_code);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.getByText("The login of laptop is refused.").waitFor();
  const form = { grant_type: GRANT, device_code: begun.device_code };
  assertEquals((await post(admin, "token", form)).error, "access_denied");
});
