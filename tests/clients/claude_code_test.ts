/**
 * Claude Code itself on the rows of the table in docs/clients.md, section "Claude Code through this gateway".
 * A relay on each side of the proxy records what it sends and gets.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ClientBench, type Said } from "../support/clients/connected_client.ts";
import { gather, headerOf } from "../support/clients/http_reader.ts";
import { CLIENT_PACKAGES, clientProgram, withoutClient } from "../support/clients/real_clients.ts";
import { changesOf, type Pair, pairsOf } from "../support/clients/wire_diff.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { unless } from "../support/runner/left_out.ts";
import { passing } from "../support/time/passing_time.ts";
import { chunk, plainAnswer, type ScriptedExchange } from "../support/upstreams/fake_upstream.ts";
import { modelScript, SENTENCE } from "../support/upstreams/model_upstream.ts";

const program = clientProgram("claude-code", "claude");
const folders = [program?.replace(/\/[^/]*$/, "") ?? ""];
const LOGIN = "sk-ant-oat01-own-login";

/** The rows of the table that Claude Code itself shows. */
const rows: string[] = [];

function row(name: string, fn: () => Promise<void>): void {
  rows.push(name);
  Deno.test({ ...unless(withoutClient("claude-code", program), `claude itself: ${name}`), fn });
}

/** Answers a request for a message. The body has been read. */
type Reply = (exchange: ScriptedExchange, body: string) => Promise<void>;

interface Run {
  readonly line?: string;
  readonly reply?: Reply;
  /** The settings of `llm-proxy connect` for the one address. */
  readonly oneAddress?: boolean;
  readonly endpoint?: string;
  readonly token?: string;
  /** Changes the settings of `llm-proxy connect`. */
  readonly settings?: (exports: string, bench: ClientBench) => Promise<string> | string;
  readonly more?: (upstream: string) => string;
}

interface Seen {
  readonly said: Said;
  readonly pairs: readonly Pair[];
  /** The exchanges that the proxy answered itself, like `HEAD /api/hello 200`. */
  readonly alone: readonly string[];
}

/** Runs Claude Code once. */
async function run(options: Run = {}): Promise<Seen> {
  const { line = 'claude -p "Say hello."', reply = says, oneAddress = false, endpoint = "anthropic" } =
    options;
  await using bench = await ClientBench.start({
    tapped: true,
    async script(exchange) {
      if (!exchange.request.target.includes("/v1/messages?")) return await modelScript()(exchange);
      await reply(exchange, new TextDecoder().decode(await gather(exchange.body())));
    },
    ...(options.more !== undefined && { more: options.more }),
  });
  const connection = { client: "claude-code", endpoint, oneAddress };
  const { exports } = await bench.connect({
    ...connection,
    ...(options.token !== undefined && { token: options.token }),
  });
  const said = await bench.run(line, {
    exports: await options.settings?.(exports, bench) ?? exports,
    folders,
  });
  assertEquals(bench.saw(SECRETS.proxyToken), false);
  const [client, upstream] = [await bench.taps.client.exchanges(), await bench.taps.proxy.exchanges()];
  const targetOf = (target: string) =>
    oneAddress ? `/anthropic${target}` : target.replace(/^\/(?:own|quiet)-/, "/");
  const { pairs, alone } = pairsOf({ client, upstream }, targetOf);
  const own = alone.map(({ method, target, response }) =>
    `${method} ${target} ${response.startLine.split(" ")[1]}`
  );
  return { said, pairs, alone: own.sort() };
}

/** The exchanges with the path of messages. */
function messagesOf({ pairs }: Seen): Pair[] {
  return pairs.filter(({ client }) => client.target.endsWith("/v1/messages?beta=true"));
}

/** Runs Claude Code at the address of the endpoint and at the one address. */
async function bothWays(options: Run = {}): Promise<Seen[]> {
  return [await run(options), await run({ ...options, oneAddress: true })];
}

const says: Reply = (exchange, body) => exchange.write(STREAM_HEAD + chunk(textEvents(body).join("")) + END);

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const END = "0\r\n\r\n";
const PING = 'event: ping\ndata: {"type": "ping"}\n\n';

function textEvents(body: string): string[] {
  return answerEvents(body, { type: "text", text: "" }, { type: "text_delta", text: SENTENCE });
}

function answerEvents(
  body: string,
  block: { type: string; [name: string]: unknown },
  delta: unknown,
): string[] {
  const { model } = JSON.parse(body);
  const message = { id: "msg_1", type: "message", role: "assistant", model, content: [] };
  const usage = { input_tokens: 3, output_tokens: 1 };
  const stop_reason = block.type === "tool_use" ? "tool_use" : "end_turn";
  const events = [
    { type: "message_start", message: { ...message, stop_reason: null, stop_sequence: null, usage } },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 4 } },
    { type: "message_stop" },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

function bodyOf({ client }: Pair): string {
  return new TextDecoder().decode(client.request.body);
}

row("the body arrives byte for byte", async () => {
  for (const seen of await bothWays()) {
    assertStringIncludes(seen.said.out, SENTENCE, seen.said.all);
    // A pair has the same bytes on both sides.
    const [pair, ...others] = messagesOf(seen);
    assert(pair !== undefined);
    assertEquals(others, []);
    const { system, messages, tools } = JSON.parse(bodyOf(pair));
    assert(Array.isArray(system) && tools.length > 5 && messages.length > 0);
    assertMatch(system[0].text, /^x-anthropic-billing-header: cc_version=/);
    assertStringIncludes(bodyOf(pair), '"cache_control":{"type":"ephemeral"');
  }
});

row("count_tokens, and the query of the path", async () => {
  for (const { said, pairs } of await bothWays({ line: 'claude -p "/context"' })) {
    assertStringIncludes(said.out, "Context Usage", said.all);
    const counted = pairs.filter(({ client }) => client.target.endsWith("/count_tokens?beta=true"));
    assert(counted.length > 5);
    for (const { client } of counted) assertEquals(text(client.response.body), '{"input_tokens":3}');
  }
});

row("anthropic-beta and anthropic-version arrive verbatim", async () => {
  for (const seen of await bothWays()) {
    const [pair] = messagesOf(seen);
    assert(pair !== undefined);
    const [sent, got] = [pair.client, pair.upstream].map(({ request }) =>
      request.lines.filter((line) => /^anthropic-/i.test(line))
    );
    assertEquals(got, sent);
    assertMatch(sent?.join("\n") ?? "", /^anthropic-beta: claude-code-20250219,[\w,-]+$/m);
    assertStringIncludes(sent?.join("\n") ?? "", "\nanthropic-version: 2023-06-01");
  }
});

row("headers of the session and unknown headers arrive", async () => {
  const block = { type: "tool_use", id: "toolu_1", name: "Agent", input: {} };
  const input = { description: "greet", prompt: "SUBTASK: say hi.", subagent_type: "general-purpose" };
  let isFirst = true;
  // The first answer starts another agent. Its requests and those behind it get the sentence.
  const reply: Reply = async (exchange, body) => {
    if (!isFirst) return await says(exchange, body);
    isFirst = false;
    const delta = { type: "input_json_delta", partial_json: JSON.stringify(input) };
    await exchange.write(STREAM_HEAD + chunk(answerEvents(body, block, delta).join("")) + END);
  };
  const settings = (exports: string) => `${exports}\nexport ANTHROPIC_CUSTOM_HEADERS="X-Of-Team: red, blue"`;
  const seen = await run({ reply, settings });
  const pairs = messagesOf(seen);
  assert(pairs.length >= 3, seen.said.all);
  for (const pair of pairs) {
    const changed = changesOf(pair.client.request, pair.upstream.request).map((line) =>
      line.toLowerCase().replace(/^(. [^:]+):.*/, "$1")
    );
    assertEquals(changed.sort(), [
      "+ host",
      "+ x-api-key",
      "- authorization",
      "- connection",
      "- host",
    ]);
    assertMatch(headerOf(pair.upstream.request.headers, "x-claude-code-session-id") ?? "", /^[0-9a-f-]{36}$/);
    assertEquals(headerOf(pair.upstream.request.headers, "x-of-team"), "red, blue");
  }
  const agents = pairs.map(({ upstream }) => headerOf(upstream.request.headers, "x-claude-code-agent-id"));
  assertEquals(agents.filter((id) => id !== undefined).length, 1);
});

row("the token is exchanged in both headers", async () => {
  const token = SECRETS.proxyToken;
  const both = `export ANTHROPIC_AUTH_TOKEN=${token} ANTHROPIC_API_KEY=${token}`;
  for (
    const [variables, fields] of [
      [`export ANTHROPIC_AUTH_TOKEN=${token}`, ["authorization"]],
      [`unset ANTHROPIC_AUTH_TOKEN\nexport ANTHROPIC_API_KEY=${token}`, ["x-api-key"]],
      [both, ["authorization", "x-api-key"]],
    ] as const
  ) {
    const seen = await run({ settings: (exports) => `${exports}\n${variables}` });
    const [pair] = messagesOf(seen);
    assert(pair !== undefined, seen.said.all);
    const credentials = ({ request }: Pair["client"]) =>
      request.headers.filter(([name]) => /^(?:authorization|x-api-key)$/i.test(name));
    assertEquals(credentials(pair.client).map(([name]) => name.toLowerCase()).sort(), [...fields]);
    assertEquals(credentials(pair.upstream), [["x-api-key", SECRETS.anthropicKey]]);
  }
});

row("the login at claude.ai passes", async () => {
  const headers = `export ANTHROPIC_CUSTOM_HEADERS="x-llm-proxy-token: ${SECRETS.proxyToken}"`;
  const withoutKey = (exports: string) =>
    [...exports.split("\n").filter((line) => !/ANTHROPIC_(?:API_KEY|AUTH_TOKEN|CUSTOM)/.test(line)), headers]
      .join("\n");
  const ways: Run["settings"][] = [
    async (exports, { home }) => {
      // The file that `claude /login` writes.
      const claudeAiOauth = {
        accessToken: LOGIN,
        refreshToken: "sk-ant-ort01-own-login",
        expiresAt: Date.now() + 86_400_000,
        scopes: ["user:inference", "user:profile"],
        subscriptionType: "max",
      };
      await Deno.mkdir(`${home}/.claude`, { recursive: true });
      await Deno.writeTextFile(`${home}/.claude/.credentials.json`, JSON.stringify({ claudeAiOauth }));
      return withoutKey(exports);
    },
    (exports) => `${withoutKey(exports)}\nexport CLAUDE_CODE_OAUTH_TOKEN=${LOGIN}`,
  ];
  for (const settings of ways) {
    const seen = await run({ endpoint: "own-anthropic", ...(settings !== undefined && { settings }) });
    assertStringIncludes(seen.said.out, SENTENCE, seen.said.all);
    const [pair] = messagesOf(seen);
    assert(pair !== undefined);
    assertEquals(changesOf(pair.client.request, pair.upstream.request).map(nameOf), [
      "- x-llm-proxy-token",
      "- connection",
      "- host",
      "+ host",
    ]);
    const { headers } = pair.upstream.request;
    assertEquals(headerOf(headers, "authorization"), `Bearer ${LOGIN}`);
    assertMatch(headerOf(headers, "anthropic-beta") ?? "", /(?:^|,)oauth-2025-04-20(?:,|$)/);
  }
});

row("errors of the provider pass unchanged", async () => {
  const error =
    '{ "type":"error",\n "error":{"message":"The upstream says no \\u2026","type":"of_tomorrow"} }\n';
  const headers = "Content-Type: application/json\r\nrequest-id: req_1\r\n";
  // A retry follows after a second, and an error that another request would not mend is shown.
  const again = `${headers}Retry-After: 1\r\nx-should-retry: true\r\n`;
  const replies = [
    plainAnswer(error, { status: "529 Overloaded", headers: again }),
    plainAnswer(error, { status: "403 Forbidden", headers: `${headers}x-should-retry: false\r\n` }),
  ];
  for (const oneAddress of [false, true]) {
    const left = [...replies];
    const reply: Reply = (exchange) => exchange.write(left.shift() ?? replies[1] ?? "");
    const seen = await run({ reply, oneAddress });
    assertStringIncludes(seen.said.all, "The upstream says no …");
    const pairs = messagesOf(seen);
    assertEquals(pairs.length, 2, seen.said.all);
    for (const { client, upstream } of pairs) {
      assertEquals(text(client.response.body), error);
      assertEquals(client.response.startLine, upstream.response.startLine);
      assertEquals(changesOf(upstream.response, client.response).map(nameOf), ["+ x-request-id"]);
    }
  }
});

row("rate limits of the provider on every response", async () => {
  const lines = [
    "anthropic-ratelimit-unified-status: allowed_warning",
    "anthropic-ratelimit-unified-5h-utilization: 0.91",
    "anthropic-ratelimit-unified-reset: 1900000000",
  ];
  const head = STREAM_HEAD.replace("\r\n\r\n", `\r\n${lines.join("\r\n")}\r\n\r\n`);
  const reply: Reply = (exchange, body) => exchange.write(head + chunk(textEvents(body).join("")) + END);
  for (const seen of await bothWays({ reply })) {
    assertStringIncludes(seen.said.out, SENTENCE, seen.said.all);
    const [pair] = messagesOf(seen);
    assertEquals(pair?.client.response.lines.filter((line) => line.startsWith("anthropic-")), lines);
  }
});

row("a stream passes event by event, with pings and comments", async () => {
  let sent = "";
  const reply: Reply = async (exchange, body) => {
    const [start = "", ...events] = textEvents(body);
    sent = [": comment\n\n", start, PING, ...events].join("");
    await exchange.write(STREAM_HEAD);
    for (const event of [": comment\n\n", start, PING, ...events]) await exchange.write(chunk(event));
    await exchange.write(END);
  };
  for (const seen of await bothWays({ reply })) {
    assertStringIncludes(seen.said.out, SENTENCE, seen.said.all);
    assertEquals(text(messagesOf(seen)[0]?.client.response.body ?? new Uint8Array()), sent);
  }
});

row("comments in a silent stream", async () => {
  const more = (upstream: string) =>
    `\n[endpoints.quiet-anthropic]\nprovider = "anthropic"\nbase_url = "${upstream}/anthropic"\n` +
    `api_key = "${SECRETS.anthropicKey}"\nkeepalive_comments = "100ms"\n`;
  const reply: Reply = async (exchange, body) => {
    const [start = "", ...events] = textEvents(body);
    await exchange.write(STREAM_HEAD + chunk(start));
    await passing(1_000, { why: "the proxy sends comments in this silence" });
    await exchange.write(chunk(events.join("")) + END);
  };
  const seen = await run({ endpoint: "quiet-anthropic", reply, more });
  assertStringIncludes(seen.said.out, SENTENCE, seen.said.all);
  const got = text(messagesOf(seen)[0]?.client.response.body ?? new Uint8Array());
  assertStringIncludes(got, "\n\n: keepalive\n\n");
});

row("the list of models, without a redirect", async () => {
  const [named, one] = await bothWays();
  assert(named?.pairs.some(({ client }) => client.target === "/anthropic/v1/models?limit=1000"));
  assert(one?.alone.includes("GET /v1/models?limit=1000 200"));
});

row("the checks at the start", async () => {
  const [named, one] = await bothWays();
  assertEquals(named?.alone, ["HEAD /anthropic/api/hello 200"]);
  assertEquals(one?.alone, ["GET /v1/models?limit=1000 200", "HEAD /api/hello 200"]);
});

row("errors of the proxy have Anthropic's form, and retry-after in seconds", async () => {
  const seen = await run({ token: "a-wrong-token" });
  assertStringIncludes(seen.said.all, "is not valid for this proxy");
  assertEquals(seen.pairs, []);
});

Deno.test("claude itself: the table in docs/clients.md says which rows it shows, and its version", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/clients.md", import.meta.url));
  const [, section = ""] = page.split("\n## Claude Code through this gateway\n");
  const shown = section.split("\n## ")[0]?.split("\n").filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").slice(-3).map((cell) => cell.trim()));
  const version = CLIENT_PACKAGES["claude-code"]?.[0]?.split("@").at(-1);
  assertEquals(shown?.filter(([seen]) => seen === version).map(([, test]) => test), rows);
  assertEquals(shown?.map(([seen]) => seen).filter((seen) => seen !== version && seen !== "no"), []);
});

function nameOf(change: string): string {
  return change.toLowerCase().replace(/^(. [^:]+):.*/, "$1");
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
