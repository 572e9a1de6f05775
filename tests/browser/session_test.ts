/** The sign-in, the end of a session, an unreachable proxy, and pages of other origins. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { SECRETS } from "../support/data/secrets.ts";

/** Whether a message of Chromium says that `frame-ancestors` or `X-Frame-Options` forbids a frame. */
function isForbiddenFrame(text: string): boolean {
  return /^(Framing '.*' violates|Refused to (frame|display) ')/.test(text);
}

browserTest("sign-in: after five wrong tokens, the right one must wait", async () => {
  await using admin = await AdminBrowser.start();
  const { page, proxy } = admin;
  admin.expected.push(/401/, /429/);
  await page.goto(`${proxy.url}/admin#tokens`);
  const alert = page.getByRole("alert");
  for (let round = 0; round < 5; round++) {
    const answered = page.waitForResponse(/session$/);
    await admin.signIn(`guess ${round}`);
    await answered;
    await alert.getByText("This is not the management token.").waitFor();
  }
  await admin.signIn();
  await alert.getByText(/^Your address sent too many wrong tokens: wait \d+ s, with the right token too/)
    .waitFor();
  admin.clock.pass(61_000);
  await admin.signIn();
  await page.getByRole("heading", { name: "Tokens" }).waitFor();
  const [cookie] = await admin.context.cookies();
  assertEquals([cookie?.httpOnly, cookie?.sameSite, cookie?.path, cookie?.expires], [
    true,
    "Strict",
    "/admin",
    -1,
  ]);
});

browserTest("a session that expires while the user fills in a form: the form keeps its input", async () => {
  await using admin = await AdminBrowser.start({ management: { adminIdleMs: 600_000 } });
  const { page } = admin;
  admin.expected.push(/401/);
  await admin.open("projects");
  await page.getByRole("button", { name: "New project" }).click();
  await page.getByLabel("Name", { exact: true }).fill("typed before");
  await page.getByLabel("Requests per minute").fill("7");
  admin.clock.pass(601_000);
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("Your session has ended.").waitFor();
  for (let press = 0; press < 4; press++) await page.keyboard.press("Escape");
  await admin.signIn("wrong");
  await page.getByText("This is not the management token.").waitFor();
  await admin.signIn();
  await page.getByText("Project typed before saved.").waitFor();
  await page.getByRole("cell", { name: "7 requests/min" }).waitFor();
  const { body: { data } } = await admin.proxy.api("GET", "/projects");
  assertEquals(data.map(({ name }: { name: string }) => name), ["typed before"]);
});

browserTest(
  "the page shows that the proxy does not respond, and loads again once it does",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page } = admin;
    admin.expected.push(/ERR_INTERNET_DISCONNECTED/);
    await admin.proxy.token();
    await admin.open("projects");
    await page.getByRole("cell", { name: "project 0", exact: true }).waitFor();
    await admin.context.setOffline(true);
    await page.getByRole("link", { name: "Audit log" }).click();
    await page.getByRole("alert").getByText("The proxy does not respond.").waitFor();
    await admin.context.setOffline(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("cell", { name: "project.create" }).waitFor();
    assertEquals(await page.getByRole("alert").count(), 0);
  },
);

browserTest(
  "a form shows errors of the API, and does not overwrite a change of another user",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    admin.expected.push(/409/, /412/);
    const { body: home } = await proxy.api("POST", "/projects", { name: "home" });
    await proxy.api("POST", "/projects", { name: "lab" });
    await admin.open("projects");
    await page.getByRole("button", { name: "home", exact: true }).click();
    const save = page.getByRole("button", { name: "Save" });
    await page.getByLabel("Name", { exact: true }).fill("lab");
    await save.click();
    await page.getByRole("alert").getByText("The name is in use.").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("house");
    await proxy.api("PATCH", `/projects/${home.id}`, { max_requests: 5 });
    await save.click();
    await page.getByRole("alert").getByText("has been changed since you read it").waitFor();
    assertEquals((await proxy.api("GET", `/projects/${home.id}`)).body.name, "home");
  },
);

browserTest("pages of other origins can neither act nor read while the browser is signed in", async () => {
  await using admin = await AdminBrowser.start();
  const { proxy } = admin;
  await admin.open("projects");
  // Another port of the same machine is the same site, so SameSite does not withhold the cookie.
  const evil = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("<!doctype html><title>evil</title>", { headers: { "content-type": "text/html" } }),
  );
  const page = await admin.context.newPage();
  await page.goto(`http://127.0.0.1:${evil.addr.port}/`);
  const outcomes = await page.evaluate(async (url) => {
    const tried = async (path: string, init: RequestInit) => {
      try {
        const response = await fetch(url + path, { credentials: "include", ...init });
        return `${response.type} ${response.status}`;
      } catch {
        return "failed";
      }
    };
    const body = JSON.stringify({ name: "theirs" });
    const json = { "content-type": "application/json" };
    return [
      await tried("/admin/api/projects", { method: "POST", body, headers: json }),
      await tried("/admin/api/projects", { method: "POST", body, mode: "no-cors" }),
      await tried("/admin/api/projects", {}),
      await tried("/admin/session", { method: "DELETE" }),
      await tried("/admin/session", { method: "POST", body: "{}", mode: "no-cors" }),
      await tried("/admin/api/backup", { mode: "no-cors" }),
    ];
  }, proxy.url);
  for (const outcome of outcomes) assertMatch(outcome, /^(failed|opaque 0)$/);
  await page.setContent(
    `<form method="post" enctype="text/plain" action="${proxy.url}/admin/api/projects"><input name='{"name":"theirs","x":"' value='"}'></form>`,
  );
  const answered = page.waitForResponse(/api\/projects/);
  await page.evaluate("document.forms[0].submit()");
  assertEquals((await answered).status(), 403);
  await page.waitForURL(/api\/projects/);
  await page.goto(`http://127.0.0.1:${evil.addr.port}/`);
  const forbidden = page.waitForEvent("console", {
    predicate: (message) => isForbiddenFrame(message.text()),
  });
  await page.setContent(`<iframe src="${proxy.url}/admin"></iframe>`);
  await forbidden;
  assertEquals(
    await page.frames().at(-1)?.getByRole("heading").count().catch(() => 0),
    0,
    "the page is not shown in a frame",
  );
  await page.close();
  await evil.shutdown();
  assertEquals((await proxy.api("GET", "/projects")).body.data, []);
  await admin.page.reload();
  await admin.page.getByRole("heading", { name: "Projects" }).waitFor();
  assert(!(await admin.page.content()).includes(SECRETS.managementToken));
});
