/** Hostile text of clients and upstreams, and every output in which it could stand. */

import { assert, assertEquals } from "@std/assert";
import { createLog, type LogFields } from "../../../src/observability/log.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import type { LogLine } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { proxyCommand } from "../../support/processes/proxy_process.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ownEngine = ownEngineTests("target");

/** What a terminal acts on, or nobody sees. */
const HARMFUL = /[\p{C}\p{Zl}\p{Zp}]/u;
/**
 * In JSON: CSI by ESC and by C1, OSC, line breaks, bidirectional controls, nothing of any width, half a pair.
 */
const EVIL = String
  .raw`\u001b[2J\u009b31m\u001b]0;x\u0007a\r\nb\u2028\u202egpt\u2066\u200f\u061c\u200b\ufeff\ud800`;
/** The same in bytes of a head, where C0 cannot stand. */
const EVIL_BYTES = "\x9b31m\xe2\x80\xae\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xff";
/** One line of the log, in bytes. */
const LONGEST_LINE = 2_300;

function isClean(text: string): boolean {
  return !HARMFUL.test(text.replaceAll(/\r?\n/g, ""));
}

function assertCleanDeep(value: unknown, where: string): void {
  if (typeof value === "string") {
    assert(!HARMFUL.test(value), `${where}: ${JSON.stringify(value)}`);
    assert(value.length <= 1_000, `${where} is ${value.length} characters long`);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      assertCleanDeep(name, where);
      assertCleanDeep(item, `${where}.${name}`);
    }
  }
}

/** The log as it is written, in both forms. */
function linesOf(log: readonly LogLine[]): string[] {
  const lines: string[] = [];
  for (const format of ["pretty", "json"] as const) {
    const write = createLog({ level: "debug", format, access: true }, {
      write: (line) => void lines.push(line),
      secrets: [],
    });
    for (const { event, ...fields } of log) {
      // What the proxy logged are fields of the log.
      write("info", event, fields as LogFields);
    }
  }
  return lines;
}

function hostileUpstream(): FakeUpstream {
  return new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      const body =
        `{"id":"resp_${EVIL}","model":"${EVIL}","choices":[{"finish_reason":"${EVIL}"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`;
      await exchange.write(plainAnswer(body, {
        status: `200 ${EVIL_BYTES}`,
        headers: `Content-Type: application/json\r\nX-Request-Id: ${EVIL_BYTES}${"r".repeat(5_000)}\r\n`,
      }));
    },
  });
}

/** Sends raw requests of one connection each; every one is answered. */
async function send(url: string, head: readonly string[], body = ""): Promise<number> {
  using client = await RawClient.connect(url);
  const lines = [...head, "Host: proxy.test", "Connection: close"];
  if (body !== "") lines.push(`Content-Length: ${body.length}`, "Content-Type: application/json");
  await client.send(`${lines.join("\r\n")}\r\n\r\n${body}`);
  return (await client.answer()).status;
}

ownEngine.test("hostile text of clients and upstreams is harmless in every output", async () => {
  await using upstream = hostileUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ allowed_models: ["gpt*"] });
  const shared = `Authorization: Bearer ${SECRETS.proxyToken}`;
  const agent = `User-Agent: ${EVIL_BYTES}${"u".repeat(1_000)}`;
  const asked = `{"model":"${EVIL}","messages":[]}`;
  const statuses = [
    await send(proxy.url, [`GET /${EVIL_BYTES} HTTP/1.1`, agent]),
    await send(proxy.url, [`GET /${EVIL_BYTES} HTTP/1.1`, shared, agent]),
    await send(proxy.url, [`${"M".repeat(5_000)} /openai/v1/${EVIL_BYTES} HTTP/1.1`, shared]),
    await send(proxy.url, [`POST /openai/v1/${EVIL_BYTES} HTTP/1.1`, shared, agent], asked),
    await send(proxy.url, [`POST /openai/v1/models/x%E2%80%AE%C2%9B31m:y HTTP/1.1`, shared, agent]),
    await send(
      proxy.url,
      ["POST /openai/v1/chat/completions HTTP/1.1", `Authorization: Bearer ${value}`],
      asked,
    ),
    await send(proxy.url, [
      "POST /openai/v1/chat/completions HTTP/1.1",
      `Authorization: Bearer ${value}`,
      `Content-Encoding: ${EVIL_BYTES}`,
    ], asked),
  ];
  assertEquals(statuses, [401, 404, 200, 200, 200, 403, 400]);

  for (const line of linesOf(proxy.proxy.log)) {
    assert(isClean(line) && line.indexOf("\n") === line.length - 1, JSON.stringify(line));
    assert(new TextEncoder().encode(line).length <= LONGEST_LINE, line);
  }
  assertCleanDeep(proxy.proxy.log, "the log");
  const { body: exchanges } = await proxy.api("GET", "/exchanges");
  // Without a token there is nobody to account it to.
  assertEquals(exchanges.data.length, 6);
  assertCleanDeep(exchanges, "/manage/exchanges");
  const [kept] = exchanges.data.filter(({ model_asked }: { model_asked: string | null }) =>
    model_asked?.includes("gpt")
  );
  assert(kept.model_asked.startsWith("\\x1b[2J\\x9b31m"), kept.model_asked);
  for (const path of ["/usage?group=model", "/usage?group=client", "/audit", "/endpoints"]) {
    assertCleanDeep((await proxy.api("GET", path)).body, path);
  }
  const { body: csv } = await proxy.api("GET", "/usage?group=model&format=csv");
  assert(isClean(csv) && csv.includes("\\x1b[2J"), csv);
  assert(isClean(await proxy.metrics()));

  const env = { MANAGEMENT_TOKEN: SECRETS.managementToken };
  for (
    const args of [
      ["usage", "--group", "model"],
      ["usage", "--group", "model", "--csv"],
      ["usage", "--group", "client"],
      ["token", "list"],
      ["project", "list"],
    ]
  ) {
    const { code, stdout, stderr } = await proxyCommand([...args, "--url", proxy.url], env).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assert(isClean(text) && text.length > 0, `${args.join(" ")}: ${JSON.stringify(text)}`);
  }
});

Deno.test("a path of 60,000 characters makes short lines and rows, with a token and without", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const path = "x".repeat(60_000);
  const shared = `Authorization: Bearer ${SECRETS.proxyToken}`;
  for (const place of ["", "openai/"]) {
    for (const lines of [[], [shared]]) await send(proxy.url, [`GET /${place}${path} HTTP/1.1`, ...lines]);
  }
  const lines = linesOf(proxy.proxy.log);
  assert(lines.length >= 12, String(lines.length));
  for (const line of lines) assert(line.length <= LONGEST_LINE, `${line.length} characters`);
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(body.data.map((row: { path: string }) => row.path.length), [1_000, 1_000]);
});

Deno.test("/manage: names with controls or bidirectional characters are refused, with what to do", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { projectId } = await proxy.token();
  for (
    const character of ["\x1b", "\n", "\x9b", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\u200b"]
  ) {
    const name = `an${character}na`;
    for (
      const [path, body] of [
        ["/projects", { name }],
        ["/tokens", { project_id: projectId, name }],
        ["/tokens", { project_id: projectId, name: "x", allowed_models: [name] }],
        ["/tokens", { project_id: projectId, name: "x", allowed_endpoints: [name] }],
        ["/projects", { name: "x", provider_keys: { [name]: "sk-0123456789" } }],
        ["/projects", { name: "x", [name]: 1 }],
        ["/tokens", { project_id: name }],
      ] as const
    ) {
      const answer = await proxy.api("POST", path, body);
      assertEquals(answer.status, 400, `${path} ${JSON.stringify(body)}`);
      assertCleanDeep(answer.body, path);
    }
    const { body } = await proxy.api("POST", "/projects", { name });
    assert(body.detail.includes("holds a control character or an invisible character"), body.detail);
    // A path with an ASCII control is refused before anybody looks whose it is.
    if (character < "\x7f") continue;
    const missing = await proxy.api("GET", `/tokens/${encodeURIComponent(name)}`);
    assertEquals(missing.status, 404);
    assertCleanDeep(missing.body, "a token that is not there");
  }
});

Deno.test("a token that a client also put into the path is in no log, row or message", async () => {
  await using upstream = new FakeUpstream();
  // It looks through everything for tokens in clear when it is closed.
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  for (const token of [value, SECRETS.proxyToken]) {
    for (const path of [`/${token}`, `/openai/v1/${token}/x`]) {
      const answer = await fetch(proxy.url + path, { headers: { authorization: `Bearer ${token}` } });
      assert(!(await answer.text()).includes(token) || path.startsWith("/openai"));
    }
  }
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(body.data.map((row: { path: string }) => row.path).sort(), [
    "/[redacted]",
    "/[redacted]",
    "/openai/v1/[redacted]/x",
    "/openai/v1/[redacted]/x",
  ]);
});
