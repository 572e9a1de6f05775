/** `ADMIN_PORT`: the admin page is another origin than what upstreams answer with. */

import { assertEquals } from "@std/assert";
import { AdminBrowser, browserTest } from "../support/admin_browser.ts";
import { plainAnswer } from "../support/fake_upstream.ts";

/** What a script of an upstream's page sees of the admin page; each line is one attempt. */
function attempts(base: string): string {
  return `(async () => {
    const frame = document.createElement("iframe");
    frame.src = "${base}/admin";
    document.body.append(frame);
    await new Promise((resolve) => frame.onload = resolve);
    const read = (path, init) => fetch("${base}" + path, { credentials: "include", ...init })
      .then(async (answer) => answer.status + " " + await answer.text(), () => "refused");
    return {
      session: await read("/admin/session"),
      projects: await read("/admin/api/projects"),
      made: await read("/admin/api/projects", {
        method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"made by an upstream"}',
      }),
      blind: await fetch("${base}/admin/api/projects", {
        method: "POST", credentials: "include", mode: "no-cors", body: '{"name":"made by an upstream"}',
      }).then((answer) => answer.type, () => "refused"),
      frame: frame.contentDocument === null ? "refused" : "read",
    };
  })()`;
}

async function attacked(server: { adminPort?: number }) {
  await using admin = await AdminBrowser.start({ server });
  const { page, proxy, upstream } = admin;
  admin.expected.push(/./);
  await admin.open("projects");
  const html = "<!doctype html><title>an upstream's page</title><body></body>";
  upstream.script(({ write }) => write(plainAnswer(html, { headers: "Content-Type: text/html\r\n" })));
  const other = await admin.context.newPage();
  const { value } = await proxy.token();
  await other.goto(`${proxy.url}/openai/v1/page?key=${value}`);
  assertEquals(await other.title(), "an upstream's page");
  // What the script gives is the object above.
  const seen = await other.evaluate(attempts(proxy.adminUrl)) as Record<string, string>;
  await page.bringToFront();
  const { body } = await proxy.api("GET", "/projects");
  return { seen, projects: body.data.map(({ name }: { name: string }) => name) };
}

browserTest(
  "ADMIN_PORT: an upstream's page can neither read nor change what the admin page can",
  async () => {
    const { seen, projects } = await attacked({ adminPort: 0 });
    assertEquals(seen, {
      session: "refused",
      projects: "refused",
      made: "refused",
      blind: "refused",
      frame: "refused",
    });
    assertEquals(projects, ["project 0"]);
  },
);

browserTest(
  "ADMIN_PORT: on one port the same page has the admin page's rights, which is what the port is for",
  async () => {
    const { seen, projects } = await attacked({});
    assertEquals(seen["session"]?.slice(0, 4), "200 ");
    assertEquals(projects.toSorted(), ["made by an upstream", "project 0"]);
  },
);

browserTest(
  "ADMIN_PORT: the page names the clients' address, and tries an endpoint through its own",
  async () => {
    await using admin = await AdminBrowser.start({ server: { adminPort: 0 } });
    const { page, proxy } = admin;
    const { value } = await proxy.token();
    await admin.open("connect");
    await page.getByLabel("Token", { exact: true }).fill(value);
    await page.getByLabel("Client").selectOption("Codex");
    await page.getByRole("region", { name: "Settings" }).getByText(`${proxy.url}/openai`).waitFor();
    const addresses = await page.getByLabel("Address of this proxy").locator("option").allTextContents();
    assertEquals(addresses, [proxy.url]);
    await page.getByText("Try it").click();
    await page.getByLabel("Model").fill("demo-small");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("output").getByText("one word at a time.").waitFor();
  },
);
