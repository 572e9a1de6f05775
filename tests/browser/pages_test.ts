/** Every page: accessible, at every width, by keyboard alone, and with hostile names. */

import { assert, assertEquals } from "@std/assert";
import {
  AdminBrowser,
  type BrowserOptions,
  browserTest,
  PICTURES,
} from "../support/clients/admin_browser.ts";
import { axeViolations } from "../support/clients/axe.ts";

const PAGES = [
  "dashboard",
  "requests",
  "projects",
  "tokens",
  "connect",
  "endpoints",
  "people",
  "audit",
  "system",
  "account",
] as const;
const HOSTILE = [
  `<img src=x onerror="window.pwned=1">`,
  `"><script>window.pwned=1</script>`,
  `javascript:window.pwned=1//`,
  `{{constructor.constructor('window.pwned=1')()}}`,
  `'; window.pwned=1; //\u202e`,
];

/** An admin page with data on every page. */
async function withData(options: BrowserOptions = {}): Promise<AdminBrowser> {
  const admin = await AdminBrowser.start({
    ...options,
    endpoint: { prices: [{ matches: () => true, input: 100, output: 300 }] },
  });
  const { proxy } = admin;
  const { value } = await proxy.token({ name: "anna", budget: { day_usd: 1 } }, {
    name: "home",
    budget: { month_usd: 20 },
  });
  const { value: other } = await proxy.token({ name: "robot", duration_minutes: 90 }, { name: "lab" });
  await proxy.api("POST", "/people", { login: "ben@example.org", role: "manager", projects: "all" });
  for (const token of [value, value, other]) await (await proxy.chat(token)).text();
  await (await proxy.chat(value, {
    model: "demo-large",
    stream: true,
    messages: [{ role: "user", content: "x" }],
  })).text();
  await (await proxy.chat(other, "{")).text();
  return admin;
}

/** Opens a page, and waits until it shows its data. */
async function show(admin: AdminBrowser, name: string): Promise<void> {
  await admin.open(name);
  await admin.page.getByRole("heading", { level: 1, name, exact: false }).waitFor();
  await admin.loaded();
}

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(
    `every page and dialog is accessible: axe-core finds no violations, ${colorScheme}`,
    async () => {
      await using admin = await withData({ colorScheme });
      const { page, proxy } = admin;
      await page.goto(`${proxy.url}/admin`);
      await page.getByLabel("Management token").waitFor();
      assertEquals(await axeViolations(page), [], "sign-in");
      for (const name of PAGES) {
        await show(admin, name);
        assertEquals(await axeViolations(page), [], name);
      }
      for (
        const [name, button] of [
          ["projects", "New project"],
          ["projects", "home"],
          ["projects", "Deactivate home"],
          ["tokens", "New token"],
          ["tokens", "Rotate anna"],
          ["tokens", "Revoke anna"],
          ["people", "New person"],
          ["people", "ben@example.org"],
        ] as const
      ) {
        await show(admin, name);
        await page.getByRole("button", { name: button, exact: true }).click();
        await page.getByRole("dialog").waitFor();
        assertEquals(await axeViolations(page), [], button);
        await page.keyboard.press("Escape");
      }
    },
  );
}

for (const [width, height] of [[360, 740], [768, 1024], [1440, 900]] as const) {
  browserTest(`every page fits into ${width} pixels`, async () => {
    await using admin = await withData({ width, height });
    await Deno.mkdir(PICTURES, { recursive: true });
    for (const name of PAGES) {
      await show(admin, name);
      const wide = await admin.page.evaluate("document.documentElement.scrollWidth");
      assertEquals(wide, width, `${name} is wider than the screen`);
      const path = new URL(`${name}-${width}.png`, PICTURES).pathname;
      await admin.page.screenshot({ path, fullPage: true });
    }
    await admin.page.getByRole("link", { name: "Tokens", exact: true }).click();
    await admin.page.getByRole("button", { name: "New token" }).click();
    const dialog = await admin.page.getByRole("dialog").boundingBox();
    assert(
      dialog !== null && dialog.x >= 0 && dialog.x + dialog.width <= width,
      "the dialog is wider than the screen",
    );
  });
}

browserTest(
  "the keyboard alone suffices to sign in, create a project, change the page, close a dialog and sign out",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    // Requests of the page while it was signed out.
    admin.expected.push(/401/);
    await page.goto(`${proxy.url}/admin#projects`);
    await page.getByLabel("Management token").waitFor();
    const focused = () =>
      page.evaluate(
        "document.activeElement.getAttribute('name') ?? document.activeElement.textContent",
      ).then(String);
    // waitForFunction would evaluate a string, which the page's content security policy forbids.
    const focusedButton = (name: string) => page.locator("*:focus").filter({ hasText: name });
    const tabTo = async (text: string) => {
      for (let step = 0; step < 40; step++) {
        if (await focused() === text) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`Tab does not reach ${text}; the focus is on ${await focused()}`);
    };
    await tabTo("token");
    await page.keyboard.type("canary-management-token-3b9e41d7");
    await page.keyboard.press("Enter");
    await page.getByText("No projects yet.").waitFor();
    await page.reload();
    await page.getByText("No projects yet.").waitFor();
    await page.keyboard.press("Tab");
    assertEquals(await focused(), "Skip to content");
    await page.keyboard.press("Enter");
    await tabTo("New project");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByLabel("Name", { exact: true }).waitFor();
    await page.locator("[name=name]:focus").waitFor();
    await page.keyboard.type("by keys");
    await page.keyboard.press("Enter");
    await page.getByText("Project by keys saved.").waitFor();
    await focusedButton("New project").waitFor();
    await tabTo("by keys");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await focusedButton("by keys").waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.goto(`${proxy.url}/admin#audit`);
    await page.getByRole("cell", { name: "project.create" }).waitFor();
    await tabTo("Sign out");
    await page.keyboard.press("Enter");
    await page.getByLabel("Management token").waitFor();
  },
);

browserTest("hostile names are shown as text", async () => {
  await using admin = await AdminBrowser.start();
  const { page, proxy } = admin;
  admin.expected.push(/40\d/);
  for (const [index, text] of HOSTILE.entries()) {
    const name = text.replaceAll(/\p{C}/gu, "").slice(0, 100);
    await proxy.api("POST", "/people", { login: `person.${index}`, name, role: "viewer", projects: "all" });
    const { value } = await proxy.token(
      { name, allowed_models: [`*`, name] },
      {
        name: `${name} ${index}`,
        allowed_endpoints: ["*", `${name}*`],
        provider_keys: { anthropic: "key-of-the-project" },
      },
    );
    for (const model of [text, "demo-small"]) {
      await (await proxy.chat(value, { model, messages: [{ role: "user", content: text }] }, {
        headers: { "user-agent": text.replaceAll(/[^\x20-\x7e]/g, "") },
      })).text();
    }
  }
  for (const group of ["Model", "Token", "Project", "Client"]) {
    await show(admin, "dashboard");
    const choice = page.getByRole("group", { name: "Group by" });
    await choice.getByRole("button", { name: group, exact: true }).click();
    await page.getByRole("region", { name: `Usage by ${group.toLowerCase()}` }).waitFor();
  }
  for (const name of PAGES) await show(admin, name);
  await show(admin, "tokens");
  const [first = ""] = HOSTILE;
  await page.getByRole("button", { name: first, exact: true }).click();
  assertEquals(await page.getByLabel("Allowed models").inputValue(), `*, ${first}`);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: `Revoke ${first}` }).click();
  await page.getByRole("heading", { name: `Revoke ${first}?` }).waitFor();
  await page.keyboard.press("Escape");
  await show(admin, "requests");
  await page.getByRole("row").nth(1).getByRole("button").click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await show(admin, "projects");
  await page.getByRole("button", { name: `${first} 0`, exact: true }).click();
  await page.getByText("Provider keys", { exact: true }).click();
  await page.getByText("A key is set, ending in ject").waitFor();
  assertEquals(await page.evaluate("window.pwned"), undefined);
  assertEquals(await page.locator("main img, main script").count(), 0);
});
