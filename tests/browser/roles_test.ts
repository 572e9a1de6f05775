/** The admin page for people of each role: their views alone, no errors, and invitations of others. */

import { assertEquals } from "@std/assert";
import type { Role } from "../../src/people/role.ts";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";
import { SECRETS } from "../support/data/secrets.ts";

const PASSPHRASE = "correct horse battery staple";

/** The navigation of each role, and the buttons that its views have beside those that only filter. */
const EXPECTED: readonly (readonly [role: Role, views: readonly string[], buttons: readonly string[]])[] = [
  [
    "viewer",
    ["Dashboard", "Requests", "Projects", "Tokens", "Connect", "Endpoints", "My account"],
    [],
  ],
  ["member", ["My usage", "My tokens", "Connect", "My account"], ["New token", "Rotate own", "Revoke own"]],
  [
    "manager",
    ["Dashboard", "Requests", "Projects", "Tokens", "Connect", "Endpoints", "My account"],
    ["Revoke all tokens home", "New token", "Rotate own", "Revoke own", "Rotate shared", "Revoke shared"],
  ],
  [
    "admin",
    [
      "Dashboard",
      "Requests",
      "Projects",
      "Tokens",
      "Connect",
      "Endpoints",
      "People",
      "Audit log",
      "System",
      "My account",
    ],
    [
      "New project",
      "Revoke all tokens home",
      "Deactivate home",
      "New token",
      "Rotate own",
      "Revoke own",
      "Rotate shared",
      "Revoke shared",
      "Probe openai",
      "Probe anthropic",
      "New person",
      ...["The admin", "The manager", "The member", "The viewer"].flatMap((name) =>
        name === "The admin"
          ? ["Invite The admin"]
          : ["Invite", "Disable", "Remove"].map((one) => `${one} ${name}`)
      ),
      "Download backup",
    ],
  ],
];
/** Buttons that change something. */
const CHANGES = /^(New|Rotate|Revoke|Delete|Deactivate|Activate|Probe|Invite|Disable|Enable|Remove|Download)/;

browserTest(
  "roles: each sees only its views and its buttons, without errors; the invitation of another works while signed in",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const home = (await proxy.api("POST", "/projects", { name: "home", budget: { month_usd: 20 } })).body.id;
    const people: Partial<Record<Role, { id: string; link: string }>> = {};
    for (const [role] of EXPECTED) {
      const { body } = await proxy.api("POST", "/people", {
        login: role,
        name: `The ${role}`,
        role,
        ...(role !== "admin" && { projects: [home] }),
      });
      const invited = await proxy.api("POST", `/people/${body.id}/invitation`);
      people[role] = { id: body.id, link: proxy.adminUrl + invited.body.path };
    }
    const tokens = { own: people.member?.id, shared: undefined };
    for (const [name, owner_id] of Object.entries(tokens)) {
      const made = await proxy.api("POST", "/tokens", { project_id: home, name, owner_id });
      await (await proxy.chat(made.body.token)).text();
    }
    for (const [role, views, buttons] of EXPECTED) {
      await page.goto(people[role]?.link ?? "");
      await page.getByLabel("New passphrase").fill(PASSPHRASE);
      assertEquals(await axeViolations(page), [], `the invitation of the ${role}`);
      await page.getByRole("button", { name: "Sign in" }).click();
      const links = page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link");
      await links.first().waitFor();
      assertEquals(await links.allTextContents(), [...views, "Help"], role);
      const changes: string[] = [];
      for (const label of views) {
        await links.getByText(label, { exact: true }).click();
        await page.getByRole("heading", { level: 1, name: label, exact: true }).waitFor();
        await admin.loaded();
        assertEquals(await page.getByRole("alert").count(), 0, `${role}: ${label}`);
        assertEquals(await axeViolations(page), [], `${role}: ${label}`);
        const names = await page.locator("main button").allTextContents();
        changes.push(...names.map(joined).filter((name) => CHANGES.test(name)));
      }
      // PostgreSQL has backups of its own.
      const shown = buttons.filter((name) =>
        name !== "Download backup" || proxy.databaseUrl.startsWith("sqlite:")
      );
      assertEquals(changes.toSorted(), shown.map(joined).toSorted(), role);
    }
  },
);

/** A label without spaces: only a style separates the label of a button from the hidden name of its row. */
function joined(text: string): string {
  return text.replaceAll(/\s/g, "");
}

browserTest(
  "roles: a member makes, renames, rotates and revokes a token; the form has no limits of an existing one",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const { body: home } = await proxy.api("POST", "/projects", { name: "home" });
    await admin.open("people");
    await page.getByText("No people yet.").waitFor();
    await page.getByRole("button", { name: "New person" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Signs in as").fill("anna");
    await dialog.getByLabel("Name", { exact: true }).fill("Anna");
    await dialog.getByLabel("home").check();
    assertEquals(await axeViolations(page), [], "the form");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByRole("button", { name: "Make a link" }).click();
    const link = await dialog.locator(".secret code").textContent() ?? "";
    await dialog.getByRole("button", { name: "Copy", exact: true }).click();
    await dialog.getByText("Copied", { exact: true }).waitFor();
    assertEquals(await page.evaluate("navigator.clipboard.readText()"), link);
    assertEquals(await axeViolations(page), [], "the link");
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByRole("row").filter({ hasText: "anna" }).getByText("home").waitFor();

    await page.goto(link);
    await page.getByRole("link", { name: "Keep it" }).click();
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
    await page.goto(link);
    await page.getByLabel("New passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "My tokens" }).click();
    await page.getByRole("button", { name: "New token" }).click();
    await dialog.getByLabel("Name", { exact: true }).fill("laptop");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("button", { name: "laptop", exact: true }).click();
    await dialog.getByLabel("Name", { exact: true }).fill("desktop");
    assertEquals(await dialog.getByLabel("Requests per minute").count(), 0);
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Token desktop saved.").waitFor();
    await page.getByRole("button", { name: "Rotate desktop" }).click();
    await dialog.getByRole("button", { name: "Rotate", exact: true }).click();
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("button", { name: "Revoke desktop" }).click();
    await dialog.getByRole("button", { name: "Revoke", exact: true }).click();
    await page.getByText("Token desktop revoked.").waitFor();
    const { body: { data: [token] } } = await proxy.api("GET", `/tokens?project_id=${home.id}`);
    const { body: { data: [anna] } } = await proxy.api("GET", "/people");
    assertEquals([token.name, token.state, token.owner_id], ["desktop", "revoked", anna.id]);
  },
);

browserTest(
  "roles: an administrator disables, enables, changes and removes a person, and ends a session",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    await proxy.api("POST", "/people", { login: "ben", name: "Ben", role: "viewer", projects: "all" });
    await admin.open("people");
    const dialog = page.getByRole("dialog");
    for (
      const [button, confirm, message] of [
        ["Disable Ben", "Disable", "Ben disabled."],
        ["Enable Ben", "Enable", "Ben enabled."],
      ] as const
    ) {
      await page.getByRole("button", { name: button }).click();
      assertEquals(await axeViolations(page), [], button);
      await dialog.getByRole("button", { name: confirm, exact: true }).click();
      await page.getByText(message).waitFor();
    }
    await page.getByRole("button", { name: "Ben", exact: true }).click();
    await dialog.getByLabel("Role").selectOption("manager");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Ben saved.").waitFor();
    const { body: { data: [ben] } } = await proxy.api("GET", "/people");
    assertEquals([ben.role, ben.projects, ben.disabled], ["manager", "all", false]);
    await page.getByRole("button", { name: "Remove Ben" }).click();
    await dialog.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByText("Ben removed.").waitFor();
    await page.getByText("No people yet.").waitFor();

    const other = await fetch(`${proxy.url}/admin/session`, {
      method: "POST",
      headers: { origin: proxy.url, "content-type": "application/json", "user-agent": "another browser" },
      body: JSON.stringify({ token: SECRETS.managementToken }),
    });
    await other.body?.cancel();
    assertEquals(other.status, 200);
    await page.getByRole("link", { name: "My account" }).click();
    await page.getByText("this session").waitFor();
    const row = page.getByRole("row").filter({ hasText: "another browser" });
    await row.getByRole("button", { name: /^End/ }).click();
    await dialog.getByRole("button", { name: "End", exact: true }).click();
    await page.getByText("The session has ended.").waitFor();
    assertEquals((await proxy.api("GET", "/sessions")).body.data.length, 1);
  },
);
