/**
 * Batches of whole HTTP requests, such as Google's `/batch`: they pass no rule, no budget and no check of
 * objects.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { StoringUpstream } from "../../support/upstreams/storing_upstream.ts";

const PATHS: readonly string[] = [
  "/batch",
  "/Batch/",
  "/%62atch",
  "/batch%3Fx",
  "/batch/v1beta",
  "/batch/generativelanguage/v1beta",
  "/v1beta/batch",
  "/v1beta:batch",
  "/$batch",
  "/%24batch",
  "/%252525252562atch",
  "/v1/$batch",
  "/v1beta/$BATCH",
];

async function withProxy(
  paths: readonly string[] | undefined,
  test: (parts: { proxy: ManagedProxy; upstream: StoringUpstream }) => Promise<void>,
): Promise<void> {
  await using upstream = new StoringUpstream();
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const options: Partial<Endpoint> = { dialect: "gemini", ...(paths && { paths }) };
  const endpoint = testEndpoint(
    "gemini",
    [testBackend(upstream.origin, { key, keyField: "x-goog-api-key" })],
    options,
  );
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpoint] });
  await test({ proxy, upstream });
}

function batch(proxy: ManagedProxy, path: string, token: string, type = "multipart/mixed; boundary=b") {
  const inner = "GET /v1beta/files HTTP/1.1\r\n\r\n\r\n";
  return fetch(`${proxy.url}/gemini${path}`, {
    method: "POST",
    headers: { "x-goog-api-key": token, "content-type": type },
    body: `--b\r\nContent-Type: application/http\r\n\r\n${inner}--b--\r\n`,
  });
}

const RULES: readonly (readonly [name: string, rules: Readonly<Record<string, unknown>>])[] = [
  ["a rule that denies groups", { allowed_paths: ["!files"] }],
  ["a rule that allows groups", { allowed_paths: ["inference", "admin", "other"] }],
  ["a rule with a pattern", { allowed_paths: ["/*"] }],
  ["a rule that denies a pattern", { allowed_paths: ["all", "!/v1beta/files*"] }],
  ["a rule for models", { allowed_models: ["m1"] }],
  ["limits for models", { model_limits: [{ model: "m1", requests_per_minute: 5 }] }],
  ["a budget", { budget: { month_usd: 5 } }],
];
for (const [name, rules] of RULES) {
  Deno.test(`a batch of HTTP requests is rejected under ${name}`, () =>
    withProxy(["all"], async ({ proxy, upstream }) => {
      const { value } = await proxy.token(rules);
      for (const path of PATHS) {
        const response = await batch(proxy, path, value);
        const text = await response.text();
        assertEquals([response.status >= 400, upstream.asked], [true, []], `${path} ${text}`);
      }
    }));
}

Deno.test("a batch of HTTP requests is rejected where the endpoint denies a group, as by default", () =>
  withProxy(undefined, async ({ proxy, upstream }) => {
    const { value } = await proxy.token();
    for (const path of PATHS) {
      const response = await batch(proxy, path, value);
      const text = await response.text();
      assertEquals([response.status, upstream.asked], [403, []], path);
      assertStringIncludes(text, path.includes("%25") ? "encoded twice" : "whole requests", path);
    }
    const listed = await fetch(`${proxy.url}/gemini/v1beta/batches`, {
      headers: { "x-goog-api-key": value },
    });
    await listed.body?.cancel();
    assertEquals(upstream.asked.length, 1, "batches of prompts pass");
  }));

Deno.test("a batch of HTTP requests passes where all paths are allowed, until another token has an object", () =>
  withProxy(["all"], async ({ proxy, upstream }) => {
    const { value: anna } = await proxy.token();
    const { value: ben } = await proxy.token();
    const passed = await batch(proxy, "/batch", anna);
    await passed.body?.cancel();
    assertEquals(upstream.asked.length, 1);
    const made = await fetch(`${proxy.url}/gemini/v1beta/files`, {
      method: "POST",
      headers: { "x-goog-api-key": ben, "content-type": "application/json" },
      body: "{}",
    });
    assertEquals([made.status, typeof (await made.json()).file.name], [200, "string"]);
    for (const path of [...PATHS, "/v1beta/anything"]) {
      const response = await batch(proxy, path, anna);
      assertEquals([response.status, upstream.asked.length], [403, 2], path);
      await response.body?.cancel();
    }
    for (const type of ["Application/HTTP", "multipart/MIXED", "multipart/parallel; boundary=b"]) {
      const response = await batch(proxy, "/v1beta/anything", anna, type);
      assertEquals([response.status, upstream.asked.length], [403, 2], type);
      await response.body?.cancel();
    }
  }));
