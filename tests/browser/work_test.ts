/** Work with the pages beyond the tour. */

import { assertEquals, assertMatch } from "@std/assert";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";
import { NO_FILTER } from "../support/data/rows.ts";
import { SECRETS } from "../support/data/secrets.ts";

browserTest(
  "a form saved without changes changes nothing, and an emptied field removes its rule",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const rules = {
      limits: { requests_per_minute: 60, tokens_per_minute: 5_000, concurrent_requests: 3 },
      max_requests: 1_000,
      budget: { day_usd: 1.25, month_usd: 20, total_usd: 300 },
      allowed_endpoints: ["openai", "anth*"],
      allowed_models: ["gpt-*", "claude-*"],
      allowed_paths: ["/v1/chat/*", "!/v1/files*"],
    };
    const { id, projectId } = await proxy.token(
      { name: "anna", ...rules, expires_at: "2036-01-02T03:04:05Z" },
      { name: "home", ...rules, provider_keys: { openai: SECRETS.projectKey } },
    );
    const read = async (path: string) => {
      const { updated_at: _, ...rest } = (await proxy.api("GET", path)).body;
      return rest;
    };
    for (
      const [place, name, path] of [["projects", "home", `/projects/${projectId}`], [
        "tokens",
        "anna",
        `/tokens/${id}`,
      ]] as const
    ) {
      const before = await read(path);
      const kind = place === "projects" ? "Project" : "Token";
      await admin.open(place);
      await page.getByText("claude-*, /v1/chat/*, not /v1/files*").waitFor();
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText(`${kind} ${name} saved.`).waitFor();
      assertEquals(await read(path), before);
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByLabel("Requests per minute").fill("");
      await page.getByLabel("Allowed models").fill("");
      await page.getByLabel("Allowed paths").fill("!/v1/batches*");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      assertEquals(await read(path), {
        ...before,
        limits: { ...before.limits, requests_per_minute: null },
        allowed_models: null,
        allowed_paths: ["!/v1/batches*"],
      });
    }
  },
);

browserTest(
  "a form shows the current values, and an empty list of models stays empty",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const { id, projectId } = await proxy.token({ name: "anna", allowed_models: [] }, { name: "home" });
    await admin.open("projects");
    await page.getByRole("cell", { name: "home", exact: true }).waitFor();
    // The list on the page does not show this change yet.
    await proxy.api("PATCH", `/projects/${projectId}`, { active: false, budget: { day_usd: 1 } });
    await page.getByRole("button", { name: "home", exact: true }).click();
    assertEquals(await page.getByLabel("Budget per day").inputValue(), "1");
    await page.getByLabel("Name", { exact: true }).fill("house");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Project house saved.").waitFor();
    const { body: project } = await proxy.api("GET", `/projects/${projectId}`);
    assertEquals([project.active, project.budget.day_usd], [false, 1]);
    await page.getByRole("button", { name: "Activate house" }).click();
    await page.getByText("Project house activated.").waitFor();
    await page.getByRole("link", { name: "Tokens", exact: true }).click();
    await page.getByRole("cell", { name: "nothing allowed" }).waitFor();
    await page.getByRole("button", { name: "anna", exact: true }).click();
    await page.getByLabel("Total requests").fill("9");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Token anna saved.").waitFor();
    const { body: token } = await proxy.api("GET", `/tokens/${id}`);
    assertEquals([token.allowed_models, token.max_requests], [[], 9]);
    await page.getByRole("button", { name: "anna", exact: true }).click();
    await page.getByLabel("Total requests").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "Audit log" }).click();
    await page.getByRole("cell", { name: "max_requests removed" }).waitFor();
    await page.getByRole("cell", { name: "name: house", exact: true }).waitFor();
  },
);

browserTest("provider keys of a project can be set, kept and removed, and are never shown", async () => {
  await using admin = await AdminBrowser.start();
  const { page, proxy } = admin;
  const { projectId } = await proxy.token();
  const keys = async () => (await proxy.api("GET", `/projects/${projectId}`)).body.provider_keys;
  await admin.open("projects");
  const open = async () => {
    await page.getByRole("button", { name: "project 0", exact: true }).click();
    await page.getByText("Provider keys", { exact: true }).click();
  };
  const save = async () => {
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  };
  await open();
  await page.getByLabel("Key for openai").fill(SECRETS.projectKey);
  await save();
  assertEquals(await keys(), { openai: { suffix: SECRETS.projectKey.slice(-4) } });
  await open();
  assertEquals(await page.getByLabel("Key for openai").inputValue(), "");
  await page.getByText(`A key is set, ending in ${SECRETS.projectKey.slice(-4)}.`).waitFor();
  await save();
  assertEquals(Object.keys(await keys()), ["openai"]);
  await open();
  await page.getByRole("button", { name: "Remove key" }).click();
  await save();
  assertEquals(await keys(), {});
});

browserTest(
  "lists can be searched, sorted and paged; deactivating and revoking take effect at once",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const { projectId, value } = await proxy.token({ name: "token 000" });
    for (let index = 1; index < 60; index++) {
      const name = `token ${String(index * 7 % 60).padStart(3, "0")}`;
      await proxy.api("POST", "/tokens", { project_id: projectId, name });
    }
    await admin.open("tokens");
    const cells = page.getByRole("row").locator("td:first-child");
    await page.getByText("Page 1 of 3").waitFor();
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await cells.first().filter({ hasText: "token 000" }).waitFor();
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await cells.first().filter({ hasText: "token 059" }).waitFor();
    await page.getByRole("button", { name: "Next", exact: true }).click();
    await cells.first().filter({ hasText: "token 034" }).waitFor();
    await page.getByRole("searchbox").fill("TOKEN 03");
    await cells.nth(10).waitFor({ state: "hidden" });
    assertEquals(await cells.count(), 10);
    await page.getByRole("searchbox").fill("nothing like it");
    await page.getByText("No matches for “nothing like it”.").waitFor();

    assertEquals((await proxy.chat(value)).status, 200);
    await page.getByRole("link", { name: "Projects" }).click();
    await page.getByRole("button", { name: "Deactivate project 0" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    assertEquals((await proxy.chat(value)).status, 200);
    await page.getByRole("button", { name: "Deactivate project 0" }).click();
    await page.getByRole("button", { name: "Deactivate", exact: true }).click();
    await page.getByText("Project project 0 deactivated.").waitFor();
    assertEquals((await proxy.chat(value)).status, 401);
    await page.getByRole("button", { name: "Revoke all tokens project 0" }).click();
    await page.getByRole("button", { name: "Revoke all", exact: true }).click();
    await page.getByText("All tokens of project project 0 revoked.").waitFor();
    assertEquals((await proxy.api("GET", "/tokens?active_only=true")).body.data, []);
  },
);

browserTest(
  "a rotated token gets a new value, and the old value stays valid for the chosen time",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const { value } = await proxy.token({ name: "anna" });
    await admin.open("tokens");
    await page.getByRole("button", { name: "Rotate anna" }).click();
    await page.getByLabel("Keep the old value valid").selectOption("not at all: reject it at once");
    await page.getByRole("button", { name: "Rotate", exact: true }).click();
    const fresh = await page.locator(".secret code").textContent() ?? "";
    assertMatch(fresh, /^llmp_/);
    assertEquals([(await proxy.chat(value)).status, (await proxy.chat(fresh)).status], [401, 200]);
  },
);

browserTest(
  "requests: a paused list does not change; resumed, it shows the requests of the meantime",
  async () => {
    await using admin = await AdminBrowser.start();
    const { page, proxy } = admin;
    const { value } = await proxy.token({ name: "anna" });
    await admin.open("requests");
    await page.getByText("No requests yet.").waitFor();
    const rows = page.locator("tbody tr");
    await (await proxy.chat(value)).text();
    await rows.first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    for (let index = 0; index < 3; index++) await (await proxy.chat(value)).text();
    const { body: { data } } = await proxy.api("GET", "/exchanges");
    assertEquals([data.length, await rows.count()], [4, 1]);
    await page.getByRole("button", { name: "Resume" }).click();
    await rows.nth(3).waitFor();
    assertEquals(await rows.count(), 4);
  },
);

browserTest(
  "requests: a request that ends during a pause is not shown as running, and older requests load in order",
  async () => {
    await using admin = await AdminBrowser.start({ paceMs: 30 });
    const { page, proxy } = admin;
    const { value } = await proxy.token({ name: "anna" });
    const ask = { model: "demo-small", messages: [{ role: "user", content: "x" }] };
    for (let index = 0; index < 70; index++) await (await proxy.chat(value, ask)).text();
    await admin.open("requests");
    await page.getByText("Page 1 of 2").waitFor();
    const stream = await proxy.chat(value, { ...ask, stream: true });
    await page.getByText("1 running").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await stream.text();
    await proxy.api("GET", "/exchanges");
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("0 running").waitFor();
    await page.getByRole("button", { name: "Load older requests" }).click();
    await page.getByText("Page 1 of 3").waitFor();
    await page.getByRole("button", { name: "Load older requests" }).waitFor({ state: "hidden" });
  },
);

browserTest(
  "try it: a running response can be stopped, and a response that fails in the middle shows its error",
  async () => {
    await using admin = await AdminBrowser.start({ paceMs: 200 });
    const { page, proxy } = admin;
    const { value } = await proxy.token();
    await admin.open("connect");
    await page.getByLabel("Token", { exact: true }).fill(value);
    await page.getByText("Try it").click();
    await page.getByLabel("Model").fill("demo-small");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("output").getByText("You said").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped.").waitFor();
    admin.upstream.script(async ({ body, write }) => {
      for await (const _ of body()) { /* read the whole body */ }
      const event = 'data: {"error":{"message":"The server had an error"}}\n\n';
      await write(
        `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${event.length}\r\n\r\n${event}`,
      );
    });
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").getByText("The server had an error").waitFor();
  },
);

browserTest("the dashboard compares a period with the period before it", async () => {
  await using admin = await AdminBrowser.start({
    endpoint: { prices: [{ matches: () => true, input: 1_000, output: 2_000 }] },
  });
  const { page, proxy, clock } = admin;
  const { value } = await proxy.token({ name: "anna" });
  const store = await proxy.otherStore();
  const { items: [row] } = await (async () => {
    await (await proxy.chat(value)).text();
    await proxy.api("GET", "/exchanges");
    return await store.listExchanges({
      limit: 1,
      ...NO_FILTER,
      before: undefined,
      status: undefined,
      ending: undefined,
      requestId: undefined,
    });
  })();
  if (row === undefined) throw new Error("no exchange");
  const past = (days: number, count: number) =>
    store.addExchanges(
      Array.from({ length: count }, () => ({ ...row, startedAt: clock.epochMs() - days * 86_400_000 })),
    );
  await past(3, 1);
  await past(8, 4);
  store.close();
  await admin.open("dashboard");
  const tile = page.locator(".tile").filter({ hasText: "Requests" });
  await tile.getByText("2", { exact: true }).waitFor();
  assertMatch(await tile.textContent() ?? "", /-50% from 4/);
  await page.getByRole("button", { name: "30 days" }).click();
  await tile.getByText("6", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Time to first byte", exact: true }).click();
  await page.getByText("p95", { exact: true }).waitFor();
  await page.getByRole("img", { name: "Time to first byte over time" }).waitFor();
  await page.getByRole("link", { name: "Requests" }).click();
  await page.getByRole("heading", { name: "Requests" }).waitFor();
  await page.goBack();
  await page.getByRole("img", { name: "Time to first byte over time" }).waitFor();
  assertEquals(await page.getByRole("button", { name: "30 days" }).getAttribute("aria-pressed"), "true");
});
