/** The manual at `/admin/docs`: for those who are signed in, under the admin page's policy. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TOPICS } from "../../../src/manual/pages.ts";
import { SESSION_COOKIE } from "../../../src/http/session_cookie.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** What a browser gets that follows a link of the same origin. */
async function opened(url: string, cookie = ""): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(url, {
    redirect: "manual",
    headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", ...(cookie && { cookie }) },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function signedIn(proxy: ManagedProxy): Promise<string> {
  const response = await fetch(`${proxy.url}/admin/session`, {
    method: "POST",
    headers: { origin: proxy.url, "content-type": "application/json" },
    body: JSON.stringify({ token: SECRETS.managementToken }),
  });
  await response.body?.cancel();
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

Deno.test("/admin/docs: a browser without a session is redirected to the sign-in from each page", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  for (const path of ["", "/", "/limits-and-budgets", "/style.css", "/nothing"]) {
    for (const cookie of ["", `${SESSION_COOKIE}_${new URL(proxy.url).port}=guessed`]) {
      const { status, headers, text } = await opened(`${proxy.url}/admin/docs${path}`, cookie);
      assertEquals([status, headers.get("location"), text], [303, "/admin", ""], path);
    }
  }
});

Deno.test("/admin/docs: serves each page of the list, with the policy of the admin page", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const cookie = await signedIn(proxy);
  const list = await opened(`${proxy.url}/admin/docs`, cookie);
  assertEquals(list.status, 200);
  for (const { name } of TOPICS) {
    assertStringIncludes(list.text, `href="/admin/docs/${name}"`);
    const { status, headers, text } = await opened(`${proxy.url}/admin/docs/${name}`, cookie);
    assertEquals([status, headers.get("content-type")], [200, "text/html; charset=utf-8"], name);
    assertStringIncludes(headers.get("content-security-policy") ?? "", "default-src 'none'");
    assertEquals(headers.get("cache-control"), "no-store");
    assertStringIncludes(text, "<h1 id=");
    assert(!/<script|<img|\sstyle=/.test(text), name);
    for (const [, target = ""] of text.matchAll(/<a href="\/admin\/docs\/([\w-]+)/g)) {
      assert(TOPICS.some((topic) => topic.name === target), `${name} links ${target}`);
    }
    for (const file of ["style.css", "icon.svg"]) assertStringIncludes(text, `href="/admin/docs/${file}"`);
  }
});

Deno.test("/admin/docs: the style sheet and the icon; other names are a 404", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const cookie = await signedIn(proxy);
  const style = await opened(`${proxy.url}/admin/docs/style.css`, cookie);
  assertEquals([style.status, style.headers.get("content-type")], [200, "text/css; charset=utf-8"]);
  const icon = await opened(`${proxy.url}/admin/docs/icon.svg`, cookie);
  assertEquals([icon.status, icon.headers.get("content-type")], [200, "image/svg+xml"]);
  for (const name of ["nothing", "install.md", "..%2fREADME", "..%2f..%2fdeno.json", "a/b"]) {
    const { status } = await opened(`${proxy.url}/admin/docs/${name}`, cookie);
    assert([401, 404].includes(status), `${name} is a ${status}`);
  }
});
