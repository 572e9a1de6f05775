/** A tour of the whole admin page. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import { AdminBrowser, browserTest } from "../support/clients/admin_browser.ts";

browserTest("the tour: a project, a token, its use, its cost, its limit, its end", async () => {
  await using admin = await AdminBrowser.start({
    paceMs: 20,
    endpoint: { prices: [{ matches: () => true, input: 1_000, output: 2_000 }] },
  });
  const { page, proxy } = admin;
  await admin.open("projects");
  await page.getByText("No projects yet.").waitFor();

  await page.getByRole("button", { name: "New project" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("home");
  await dialog.getByLabel("Budget per month, in US dollars").fill("20");
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.getByText("Project home saved.").waitFor();
  await page.getByRole("cell", { name: "$20.00/month" }).waitFor();

  await page.getByRole("link", { name: "Tokens", exact: true }).click();
  await page.getByRole("button", { name: "New token" }).click();
  await dialog.getByLabel("Name", { exact: true }).fill("anna");
  await dialog.getByLabel("Expires").selectOption("in 30 days");
  await dialog.getByLabel("Total requests").fill("2");
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "New token for anna" }).waitFor();
  const token = await dialog.locator(".secret code").textContent() ?? "";
  assertMatch(token, /^llmp_\w{40,}$/);
  await dialog.getByRole("button", { name: "Copy", exact: true }).click();
  await dialog.getByText("Copied", { exact: true }).waitFor();
  assertEquals(await page.evaluate("navigator.clipboard.readText()"), token);
  const settings = dialog.getByRole("region", { name: "Settings" });
  assertEquals(
    await settings.textContent(),
    `export OPENAI_BASE_URL=${proxy.url}/openai/v1\nexport OPENAI_API_KEY=${token}`,
  );
  await dialog.getByLabel("Client").selectOption("Claude Code");
  await settings.getByText("ANTHROPIC_AUTH_TOKEN").waitFor();
  await dialog.getByRole("button", { name: "Token", exact: true }).click();
  await dialog.getByRole("img", { name: "QR code: The token" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.goBack();
  assert(await dialog.isVisible(), "neither Escape nor going back closes the dialog");
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("cell", { name: `…${token.slice(-4)}` }).waitFor();
  assert(!(await page.content()).includes(token), "the token is shown only once");

  await page.getByRole("link", { name: "Requests" }).click();
  await page.getByText("No requests yet.").waitFor();
  const openai = new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey: token, maxRetries: 0 });
  const ask = { model: "demo-small", messages: [{ role: "user" as const, content: "Hello" }] };
  const stream = await openai.chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  const running = page.getByRole("row").filter({ hasText: "running" });
  const answer = (async () => {
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    return text;
  })();
  await running.waitFor();
  assertStringIncludes(await running.textContent() ?? "", "anna");
  assertStringIncludes(await answer, "You said");
  const ended = page.getByRole("row").filter({ hasText: "demo-small" }).filter({ hasText: "200" });
  await ended.waitFor();
  assertEquals(await running.count(), 0);
  await ended.getByRole("button").click();
  await dialog.getByText("The proxy does not store prompts and responses.").waitFor();
  assertStringIncludes(await dialog.textContent() ?? "", "Model in the responsedemo-small");
  assertStringIncludes(await dialog.textContent() ?? "", "openai-sdk");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });

  const { request_id: requestId } = await openai.chat.completions.create(ask).withResponse();
  await page.getByLabel("Request id").fill("req_unknown");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText("No recorded request has this id.").waitFor();
  await page.getByLabel("Request id").fill(requestId ?? "");
  await page.getByRole("button", { name: "Find" }).click();
  await dialog.getByText(requestId ?? "").first().waitFor();
  await page.keyboard.press("Escape");
  const rejected = await openai.chat.completions.create(ask).catch((error) => error);
  assertEquals(rejected.status, 429);
  await page.getByRole("row").filter({ hasText: "budget exceeded" }).waitFor();

  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.getByRole("button", { name: "Today" }).click();
  const tile = (name: string) => page.locator(".tile").filter({ hasText: name });
  await tile("Requests").getByText("3", { exact: true }).waitFor();
  assertEquals(await tile("Errors").locator("strong").textContent(), "1");
  assertMatch(await tile("Cost").locator("strong").textContent() ?? "", /^\$0\.\d+$/);
  const row = page.getByRole("region", { name: "Usage by model" }).getByRole("row").filter({
    hasText: "demo-small",
  });
  assertMatch(await row.textContent() ?? "", /demo-small2/);
  await page.getByRole("button", { name: "Token", exact: true }).click();
  await page.getByRole("region", { name: "Usage by token" }).getByText("anna").waitFor();
  await page.getByText(/\$19\.\d\d left of \$20\.00/).waitFor();

  await page.getByRole("link", { name: "Tokens", exact: true }).click();
  await page.getByRole("button", { name: "Revoke anna" }).click();
  await dialog.getByText("from the next request on. You cannot undo this.").waitFor();
  await dialog.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByText("Token anna revoked.").waitFor();
  const gone = await openai.chat.completions.create(ask).catch((error) => error);
  assertEquals([gone.status, gone.code], [401, "token_revoked"]);

  await page.getByRole("link", { name: "Audit log" }).click();
  for (const action of ["signed in", "project.create", "token.create", "token.revoke"]) {
    await page.getByRole("cell", { name: action }).waitFor();
  }
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Management token").waitFor();
  assertEquals((await admin.context.cookies()).length, 0);
  await page.goto(`${proxy.url}/admin#tokens`);
  await page.getByLabel("Management token").waitFor();
  for (const { raw } of admin.upstream.requests) assert(!raw.includes("llm_proxy_session"));
  admin.expected.push(/401/);
});

browserTest("the tour: connect, try it, endpoints, a backup", async () => {
  await using admin = await AdminBrowser.start();
  const { page, proxy } = admin;
  const { value } = await proxy.token({ name: "ben" });
  await admin.open("connect");
  await page.getByLabel("Token", { exact: true }).fill(value);
  await page.getByLabel("Client").selectOption("Codex");
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByText(`export LLM_PROXY_TOKEN=${value}`).waitFor();
  await page.getByRole("button", { name: "Address", exact: true }).click();
  await page.getByRole("img", { name: `QR code: ${proxy.url}/openai` }).waitFor();
  await page.getByText("Try it").click();
  for (const [endpoint, model] of [["openai", "demo-small"], ["anthropic", "demo-claude"]] as const) {
    await page.getByLabel("Endpoint to try").selectOption(endpoint);
    await page.getByLabel("Model").fill(model);
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("output").getByText("one word at a time.").waitFor();
    await page.getByText(/^First text after/).waitFor();
    await page.getByRole("button", { name: "Send" }).waitFor();
  }
  await page.getByLabel("Endpoint to try").selectOption("openai");
  await page.getByLabel("Model").fill("");
  await page.getByLabel("Token", { exact: true }).fill("llmp_wrong");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").getByText(/^401: /).waitFor();
  admin.expected.push(/401/);
  for (const { raw } of admin.upstream.requests) assert(!raw.includes("llm_proxy_session"));

  await page.getByRole("link", { name: "Endpoints" }).click();
  await page.getByRole("button", { name: "Probe openai" }).click();
  await page.getByText(/key accepted, 2 models/).waitFor();

  await page.getByRole("link", { name: "System" }).click();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download backup" }).click();
  const download = await downloading;
  assertMatch(download.suggestedFilename(), /^llm-proxy-\d{4}-\d\d-\d\d\.db$/);
  const head = new TextDecoder().decode((await Deno.readFile(await download.path())).subarray(0, 15));
  assertEquals(head, "SQLite format 3");
});
