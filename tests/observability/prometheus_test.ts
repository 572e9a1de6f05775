/** Prometheus' own tool reads what is exported, configured and alerted on. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Metrics } from "../../src/observability/metrics.ts";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";
import { exchangeRow } from "../support/data/rows.ts";

const ROOT = new URL("../../", import.meta.url);
const missing = without("promtool");

function metrics(): Metrics {
  return new Metrics({
    running: () => [{ endpoint: "openai" }, { endpoint: undefined }],
    backends: () => [{ endpoint: "openai", backend: "a", isCoolingDown: true }],
    version: "1.2.3",
    target: "x",
  });
}

async function check(args: string[], input = ""): Promise<string> {
  const child = command("promtool", {
    args,
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, text);
  return text;
}

Deno.test({
  ...unless(missing, "promtool: metrics"),
  async fn() {
    const all = metrics();
    all.ended(exchangeRow({ reasoningTokens: 5, audioTokens: 1, imageTokens: 2, cacheWriteTokens: 3 }));
    all.ended(exchangeRow({ costMicros: undefined, status: 502, ending: "bad_gateway", backend: undefined }));
    all.refused("unauthorized");
    all.failedOver("openai", "a");
    all.dropped();
    all.contradicted("openai");
    const { text, type } = await all.text();
    assertEquals(type, "text/plain; version=0.0.4; charset=utf-8");
    assertEquals(await check(["check", "metrics"], text), "");
  },
});

Deno.test("metrics: running exchanges by endpoint; an idle endpoint is 0", async () => {
  const { text } = await new Metrics({
    running: () => [{ endpoint: "openai" }, { endpoint: "openai" }, { endpoint: undefined }],
    backends: () =>
      [["openai", "a"], ["openai", "b"], ["idle", "c"]].map(([endpoint = "", backend = ""]) => ({
        endpoint,
        backend,
        isCoolingDown: false,
      })),
    version: "1.2.3",
    target: "x",
  }).text();
  assertEquals(text.split("\n").filter((line) => line.startsWith("llm_proxy_in_flight{")), [
    'llm_proxy_in_flight{endpoint="openai"} 2',
    'llm_proxy_in_flight{endpoint="idle"} 0',
    'llm_proxy_in_flight{endpoint="none"} 1',
  ]);
});

Deno.test({
  ...unless(missing, "promtool: configuration and alert rules"),
  async fn() {
    assertStringIncludes(
      await check(["check", "config", "--syntax-only", "docs/monitoring/prometheus.yml"]),
      "SUCCESS",
    );
    assertStringIncludes(await check(["check", "rules", "docs/monitoring/alerts.yml"]), "SUCCESS");
  },
});

Deno.test("dashboard and alerts use only metrics that the proxy exports", async () => {
  const all = metrics();
  all.ended(exchangeRow());
  const { text } = await all.text();
  const known = new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name = "", type]) =>
      type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name]
    ),
  );
  for (const file of ["alerts.yml", "dashboard.json"]) {
    const written = await Deno.readTextFile(new URL(`docs/monitoring/${file}`, ROOT));
    const named = [...written.matchAll(/\bllm_proxy_\w+/g)].map(([name]) => name);
    assert(named.length > 3, file);
    assertEquals(named.filter((name) => !known.has(name)), [], file);
  }
});

Deno.test("labels: a model without a price, and each one beyond the limit, counts as other", async () => {
  const all = metrics();
  for (let index = 0; index < 500; index++) {
    all.ended(
      exchangeRow({ modelAnswered: `made-up-${index}`, costMicros: index % 2 === 0 ? undefined : 5 }),
    );
  }
  const { text } = await all.text();
  const models = new Set([...text.matchAll(/model="([^"]*)"/g)].map(([, model]) => model));
  assert(models.size <= 201, String(models.size));
  assert(models.has("other"));
  assert(models.has("made-up-1") && !models.has("made-up-0"), "only what has a price has a name");
  assert(!text.includes("/openai/v1"), "no paths");
});
