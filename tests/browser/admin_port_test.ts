/** `ADMIN_PORT` gives the admin page its own origin, apart from the responses of upstreams. */

import { assert, assertEquals } from "@std/assert";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { plainAnswer } from "../support/upstreams/fake_upstream.ts";

/** A page of an upstream, with a script that would use the session of the admin page. */
const pageOf = (base: string) =>
  `<!doctype html><title>an upstream's page</title><body><script>
    document.title = "its script runs";
    fetch("${base}/admin/api/projects", {
      method: "POST", credentials: "include", headers: { "content-type": "application/json" },
      body: '{"name":"made by an upstream"}',
    });
  </script></body>`;

for (
  const [where, server] of [["on its own port", { adminPort: 0 }], ["on the clients' port", {}]] as const
) {
  browserTest(
    `the admin page ${where}: the page of an upstream runs no script and changes nothing`,
    async () => {
      await using admin = await AdminBrowser.start({ server });
      const { proxy, upstream } = admin;
      admin.expected.push(/./);
      await admin.open("projects");
      const html = pageOf(proxy.adminUrl);
      upstream.script(({ write }) => write(plainAnswer(html, { headers: "Content-Type: text/html\r\n" })));
      const other = await admin.context.newPage();
      const { value } = await proxy.token();
      const linked = await other.goto(`${proxy.url}/openai/v1/page?key=${value}`);
      assertEquals(linked?.status(), 401, "a link with a token in its query does not reach an upstream");
      await other.setExtraHTTPHeaders({ authorization: `Bearer ${value}` });
      await other.goto(`${proxy.url}/openai/v1/page`, { waitUntil: "load" });
      assertEquals(await other.title(), "an upstream's page");
      const { body } = await proxy.api("GET", "/projects");
      assertEquals(body.data.map(({ name }: { name: string }) => name), ["project 0"]);
    },
  );
}

browserTest(
  "ADMIN_PORT: the page shows the clients' address, and sends a prompt through its own port",
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

for (
  const [where, server] of [["on its own port", { adminPort: 0 }], ["on the clients' port", {}]] as const
) {
  browserTest(
    `the admin page ${where}: many cookies of an upstream do not push out the session cookie`,
    async () => {
      await using admin = await AdminBrowser.start({ server });
      const { proxy, upstream } = admin;
      admin.expected.push(/./);
      await admin.open("projects");
      let count = 0;
      upstream.script(({ write }) => {
        const cookies = Array.from(
          { length: 15 },
          () => `Set-Cookie: c${count++}=${"y".repeat(3_800)}; Path=/\r\n`,
        );
        return write(plainAnswer("hi", { headers: `Content-Type: text/html\r\n${cookies.join("")}` }));
      });
      const other = await admin.context.newPage();
      const { value } = await proxy.token();
      await other.setExtraHTTPHeaders({ authorization: `Bearer ${value}` });
      for (const page of ["one", "two"]) {
        await other.goto(`${proxy.url}/openai/v1/${page}`);
      }
      const kept = await admin.context.cookies(`${proxy.url}/openai/v1/x`);
      assert(kept.length >= 15, "the browser keeps them for the endpoint");
      assertEquals(
        (await admin.context.cookies(`${proxy.adminUrl}/admin`)).map(({ name }) => name.slice(0, 9)),
        [
          "llm_proxy",
        ],
      );
      const page = await admin.context.newPage();
      assertEquals((await page.goto(`${proxy.adminUrl}/admin`))?.status(), 200);
    },
  );
}
