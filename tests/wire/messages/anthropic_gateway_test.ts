/**
 * What Anthropic requires of a gateway for Claude Code: one test for each row of the table in
 * docs/clients.md, section "Claude Code through this gateway".
 */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { Endpoint, RoutingConfig } from "../../../src/config/config.ts";
import { DEFAULT_BACKEND_SETTINGS } from "../../../src/config/values/defaults.ts";
import { gather, headerOf } from "../../support/clients/http_reader.ts";
import { type RawAnswer, RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { engineToTest } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { unless } from "../../support/runner/left_out.ts";
import { within } from "../../support/time/deadline.ts";
import {
  chunk,
  FakeUpstream,
  plainAnswer,
  type Script,
  type UpstreamRequest,
} from "../../support/upstreams/fake_upstream.ts";

/** A base URL of Claude Code, and the model that it is configured with. */
interface Way {
  readonly base: "/anthropic" | "";
  readonly aliases: ReadonlyMap<string, string>;
  readonly model: string;
}

const MODEL = "claude-sonnet-5";
const ALIAS = "claude-team";
const ALIASES: ReadonlyMap<string, string> = new Map([[ALIAS, `anthropic/${MODEL}`]]);

/**
 * The address of the endpoint, and the one address: without aliases, with an unused one, and with a used one.
 */
const WAYS: readonly Way[] = [
  { base: "/anthropic", aliases: new Map(), model: MODEL },
  { base: "", aliases: new Map(), model: MODEL },
  { base: "", aliases: ALIASES, model: MODEL },
  { base: "", aliases: ALIASES, model: ALIAS },
];

/** What arrived upstream, and what the client got. */
interface Passed {
  readonly request: UpstreamRequest;
  readonly body: Uint8Array;
  readonly answer: RawAnswer;
}

interface Sent {
  readonly path?: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  /** The bytes of the upstream's response. */
  readonly reply?: string;
}

const INJECTED = { mode: "inject", value: SECRETS.anthropicKey } as const;
const WITH_TOKEN = [`Authorization: Bearer ${SECRETS.proxyToken}`];

/** The names of the tests, for the comparison with the table. */
const names: string[] = [];

/**
 * Registers the test of one row. `headers`: it sees the lines of a request, as only the own engine keeps
 * them.
 */
function row(name: string, fn: () => Promise<void>, { headers = false } = {}): void {
  names.push(name);
  const title = `Claude Code: ${name}`;
  if (!headers || engineToTest() === "own") Deno.test(title, fn);
  else Deno.test({ ...unless('not with engine = "deno": Request headers', title), fn });
}

/** With an interval, the proxy itself requests the lists of models. */
function routingWith(aliases: Way["aliases"], refreshMs?: number): RoutingConfig {
  return { byModel: true, routes: [], aliases, refreshMs, localRefreshMs: refreshMs };
}

function openProxy(
  upstream: FakeUpstream,
  { aliases }: Pick<Way, "aliases">,
  { others = [], keepaliveMs }: { others?: readonly Endpoint[]; keepaliveMs?: number } = {},
): LocalProxy {
  return new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("openai", [testBackend(upstream.origin, { path: "/openai/v1", key: INJECTED })]),
      testEndpoint("anthropic", [testBackend(upstream.origin, { key: INJECTED, keyField: "x-api-key" })], {
        dialect: "anthropic",
        ...(keepaliveMs !== undefined && { keepaliveMs }),
      }),
      ...others,
    ],
    routing: routingWith(aliases, others.length > 0 ? 3_600_000 : undefined),
  });
}

/** Sends one request of Claude Code on one way. */
async function pass(way: Way, sent: Sent = {}): Promise<Passed> {
  const { path = "/v1/messages?beta=true", fields = WITH_TOKEN, reply = plainAnswer("{}") } = sent;
  const body = new TextEncoder().encode(sent.body ?? bodyFor(way.model));
  const arrived: Pick<Passed, "request" | "body">[] = [];
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      arrived.push({ request: exchange.request, body: await gather(exchange.body()) });
      await exchange.write(reply);
    },
  });
  await using proxy = openProxy(upstream, way);
  const lines = [`POST ${way.base}${path} HTTP/1.1`, ...fields, "Content-Type: application/json"];
  const answer = await within(
    rawRequest(proxy.url, [...lines, `Content-Length: ${body.length}`], body),
    "the response",
  );
  const [first, ...others] = arrived;
  if (first === undefined) throw new Error(`nothing arrived upstream: ${answer.raw}${answer.text}`);
  assertEquals(others, [], "the upstream gets one request");
  return { ...first, answer };
}

/** A body with what Claude Code sends, and with spellings that a JSON library would change. */
function bodyFor(model: string): string {
  return `{ "system" : [
  {"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.280.4f1; cc_entrypoint=cli;"},
  {"text":"You are \\u0043laude \\/ \u00e4\\ud83d\\ude00","type":"text","cache_control":{"type":"ephemeral","ttl":"1h"}} ],
 "model" :  "${model}" ,"max_tokens":32000.0,"temperature":1.0e0,
 "thinking":{"type":"adaptive"},"context_management":{"edits":[ ]},"output_config":{"effort":"high"},
 "tools":[{"name":"model","defer_loading":true,"strict":true,"input_schema":{"model":"${model}"}}],
 "messages":[{"role":"user","content":[{"type":"text","text":"\\"model\\":\\"${model}\\""}]},
  {"role":"system","content":[{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]}],
 "metadata":{"user_id":"u","model":"${model}"},"field_of_tomorrow":[1E400,-0,{"":null}],"stream":true}\r\n`;
}

/** The body as it must arrive: an alias changes the one name of the model. */
function arriving(body: string): string {
  return body.replace(`"model" :  "${ALIAS}" `, `"model" :  "${MODEL}" `);
}

/** The lines of a head, without those of the connection and those that the proxy adds. */
function linesOf(head: string): string[] {
  return head.trimEnd().split("\r\n").slice(1)
    .filter((line) => !/^(host|connection|content-length|content-type|x-api-key|x-request-id):/i.test(line));
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

row("the body arrives byte for byte", async () => {
  for (const way of WAYS) {
    const body = bodyFor(way.model);
    assertEquals(text((await pass(way, { body })).body), arriving(body));
  }
});

row("count_tokens, and the query of the path", async () => {
  for (const way of WAYS) {
    const messages = await pass(way);
    assertEquals(messages.request.target, "/v1/messages?beta=true");
    const path = "/v1/messages/count_tokens?beta=true";
    const body = bodyFor(way.model);
    const counted = await pass(way, { path, body, reply: plainAnswer('{"input_tokens": 3}') });
    assertEquals([counted.request.target, text(counted.body), counted.answer.text], [
      path,
      arriving(body),
      '{"input_tokens": 3}',
    ]);
  }
});

row("anthropic-beta and anthropic-version arrive verbatim", async () => {
  const fields = [
    "anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14 ,  context-1m-2025-08-07",
    "anthropic-version: 2023-06-01",
    "Anthropic-Beta: extended-cache-ttl-2025-04-11",
    "anthropic-beta: of-tomorrow-2031-01-01,of-tomorrow-2031-01-01",
  ];
  for (const way of WAYS) {
    const { request } = await pass(way, { fields: [...WITH_TOKEN, ...fields] });
    assertEquals(linesOf(request.raw), fields);
  }
}, { headers: true });

row("headers of the session and unknown headers arrive", async () => {
  const fields = [
    "x-claude-code-session-id: 0b6f3a52-8a51-4a2f-9c44-2f6a6f3c7a10",
    "x-claude-code-agent-id: agent-1",
    "X-Claude-Code-Parent-Agent-Id: agent-0",
    "x-claude-code-request-class: subagent",
    "x-claude-code-prev-tool-durations: Bash=742;Read=9;mcp__a%2Cb=1",
    "anthropic-workspace-id: wrkspc_1",
    "anthropic-of-tomorrow: 1",
    "x-claude-code-of-tomorrow: 1",
    "X-Custom: of ANTHROPIC_CUSTOM_HEADERS",
    "user-agent: claude-cli/2.1.280 (external, cli)",
    "x-stainless-retry-count: 0",
    "accept-encoding: gzip, deflate, br, zstd",
  ];
  for (const way of WAYS) {
    const { request } = await pass(way, { fields: [...WITH_TOKEN, ...fields] });
    assertEquals(linesOf(request.raw), fields);
  }
}, { headers: true });

row("the token is exchanged in both headers", async () => {
  const token = SECRETS.proxyToken;
  for (const way of WAYS) {
    for (const fields of [[`x-api-key: ${token}`], [...WITH_TOKEN, `x-api-key: ${token}`]]) {
      const { request } = await pass(way, { fields });
      const keys = request.headers.filter(([name]) => /^(authorization|x-api-key)$/i.test(name));
      assertEquals(keys, [["x-api-key", SECRETS.anthropicKey]]);
    }
  }
});

row("the login at claude.ai passes", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer("{}"));
    },
  });
  await using proxy = new LocalProxy(upstream);
  const own = ["Authorization: Bearer sk-ant-oat01-own", "anthropic-beta: oauth-2025-04-20,other"];
  const lines = ["POST /anthropic/v1/messages HTTP/1.1", `x-llm-proxy-token: ${SECRETS.proxyToken}`, ...own];
  assertEquals((await rawRequest(proxy.url, [...lines, "Content-Length: 2"], "{}")).status, 200);
  assertEquals(upstream.requests.map(({ raw }) => linesOf(raw)), [own]);
}, { headers: true });

row("errors of the provider pass unchanged", async () => {
  const fields = [
    "Content-Type: application/json",
    "request-id: req_011CTv",
    "Retry-After: 7",
    "x-should-retry: true",
    "anthropic-ratelimit-unified-status: rejected",
    "anthropic-ratelimit-unified-reset: 1790000000",
    "anthropic-ratelimit-requests-remaining: 0",
    "anthropic-ratelimit-tokens-reset: 2026-09-21T13:33:20Z",
    "anthropic-organization-id: org-1",
  ];
  const error =
    '{ "type":"error",\n "error":{"message":"Input tag \'advisor_20260301\' \\u2026","type":"t"} }\n';
  for (const way of WAYS) {
    for (const status of ["400 Bad Request", "422 Of Tomorrow", "429 Too Many Requests", "529 Overloaded"]) {
      const reply = plainAnswer(error, { status, headers: fields.map((line) => `${line}\r\n`).join("") });
      const { answer } = await pass(way, { reply });
      assertEquals([answer.status, answer.text], [Number(status.slice(0, 3)), error]);
      assertEquals(linesOf(answer.raw), fields.slice(1));
      assertEquals(answer.header("content-type"), "application/json");
    }
  }
}, { headers: true });

row("rate limits of the provider on every response", async () => {
  const fields = [
    "anthropic-ratelimit-unified-status: allowed_warning",
    "anthropic-ratelimit-unified-5h-utilization: 0.81",
    "request-id: req_011CTv",
  ];
  const headers = ["Content-Type: application/json", ...fields].map((line) => `${line}\r\n`).join("");
  for (const way of WAYS) {
    const { answer } = await pass(way, { reply: plainAnswer("{}", { headers }) });
    assertEquals(linesOf(answer.raw), fields);
  }
}, { headers: true });

const EVENTS = [
  ": comment\n\n",
  'event: message_start\ndata: {"type":"message_start" , "message":{"id":"msg_1","usage":{}}}\n\n',
  'event: ping\ndata: {"type": "ping"}\n\n',
  'event: content_block_delta\r\ndata: {"type":"content_block_delta","delta":{"text":"\\u00e4"}}\r\n\r\n',
  'event: of_tomorrow\ndata: {"type":"of_tomorrow"}\n\n',
  'event: ping\ndata: {"type": "ping"}\n\n',
  'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
];

/**
 * Sends a request with a streamed response on one way, and calls back with all that has arrived, piece by
 * piece.
 */
async function stream(
  { script, way, keepaliveMs }: { script: Script; way: Way; keepaliveMs?: number },
  onPiece: (got: string) => void,
): Promise<string> {
  await using upstream = new FakeUpstream({ script });
  await using proxy = openProxy(upstream, way, keepaliveMs === undefined ? {} : { keepaliveMs });
  using client = await RawClient.connect(proxy.url);
  const body = new TextEncoder().encode(bodyFor(way.model));
  const lines = [`POST ${way.base}/v1/messages?beta=true HTTP/1.1`, "Host: proxy.local", ...WITH_TOKEN];
  lines.push("Content-Type: application/json", `Content-Length: ${body.length}`, "", "");
  await client.send(lines.join("\r\n"));
  await client.send(body);
  const { status, headers } = await client.head();
  assertEquals([status, headerOf(headers, "content-type")], [200, "text/event-stream; charset=utf-8"]);
  let got = "";
  for await (const piece of client.reader.body(headers, { untilClose: false })) onPiece(got += text(piece));
  return got;
}

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

row("a stream passes event by event, with pings and comments", async () => {
  for (const way of WAYS) {
    // The upstream sends an event only once the client has the one before.
    const seen = EVENTS.map(() => Promise.withResolvers<void>());
    const script: Script = async (exchange) => {
      await gather(exchange.body());
      await exchange.write(STREAM_HEAD);
      for (const [index, { promise }] of seen.entries()) {
        await exchange.write(chunk(EVENTS[index] ?? ""));
        await within(promise, `event ${index} at the client`);
      }
      await exchange.write("0\r\n\r\n");
    };
    const got = await stream({ script, way }, (so) => {
      seen[EVENTS.findIndex((_, index) => so === EVENTS.slice(0, index + 1).join(""))]?.resolve();
    });
    assertEquals(got, EVENTS.join(""));
  }
});

row("comments in a silent stream", async () => {
  for (const way of WAYS) {
    // The upstream is silent until the client has a comment.
    const commented = Promise.withResolvers<void>();
    const script: Script = async (exchange) => {
      await gather(exchange.body());
      await exchange.write(STREAM_HEAD + chunk(EVENTS[1] ?? ""));
      await within(commented.promise, "a comment at the client");
      await exchange.write(`${chunk(EVENTS[2] ?? "")}0\r\n\r\n`);
    };
    const got = await stream({ script, way, keepaliveMs: 20 }, (so) => {
      if (so.endsWith("\n\n: keepalive\n\n")) commented.resolve();
    });
    assertEquals(got.replaceAll(": keepalive\n\n", ""), EVENTS.slice(1, 3).join(""));
  }
});

row("the proxy waits longer than 300 seconds", () => {
  const { firstByteMs, idleMs, totalMs } = DEFAULT_BACKEND_SETTINGS.timeouts;
  assertGreater(firstByteMs, 300_000);
  assertGreater(idleMs, 300_000);
  assertEquals(totalMs, undefined);
  return Promise.resolve();
});

row("the list of models, without a redirect", async () => {
  const list = '{"data":[{"type":"model","id":"claude-sonnet-5","display_name":"Sonnet"}],"has_more":false}';
  await using upstream = new FakeUpstream({
    script: async ({ request, write }) => {
      await write(plainAnswer(request.target.startsWith("/v1/") ? list : '{"data":[{"id":"qwen3:4b"}]}'));
    },
  });
  const ask = async (proxy: LocalProxy, base: string) => {
    const lines = [`GET ${base}/v1/models?limit=1000 HTTP/1.1`, "anthropic-version: 2023-06-01"];
    const fields = [...WITH_TOKEN, `x-api-key: ${SECRETS.proxyToken}`];
    const answer = await rawRequest(proxy.url, [...lines, ...fields]);
    assertEquals([answer.status, answer.header("location")], [200, undefined]);
    return answer.text;
  };
  {
    await using proxy = openProxy(upstream, { aliases: ALIASES });
    assertEquals([await ask(proxy, "/anthropic"), await ask(proxy, "")], [list, list]);
    assertEquals(upstream.requests.at(-1)?.target, "/v1/models?limit=1000");
  }
  const ollama = testEndpoint("ollama", [testBackend(upstream.origin, { path: "/ollama", key: INJECTED })], {
    preset: "ollama",
  });
  await using proxy = openProxy(upstream, { aliases: ALIASES }, { others: [ollama] });
  const { data } = JSON.parse(await ask(proxy, ""));
  assertEquals(
    data.map((model: Record<string, unknown>) => [model["id"], model["display_name"]]),
    [[MODEL, "Sonnet"], ["qwen3:4b", "qwen3:4b"], [ALIAS, "Sonnet"]],
  );
});

row("the checks at the start", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = openProxy(upstream, { aliases: ALIASES });
  for (const path of ["/", "/api/hello", "/anthropic/api/hello"]) {
    assertEquals((await rawRequest(proxy.url, [`HEAD ${path} HTTP/1.1`])).status, 200, path);
  }
  assertEquals(upstream.requests, []);
});

row("errors of the proxy have Anthropic's form, and retry-after in seconds", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer("{}"));
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { routing: routingWith(ALIASES) });
  const { value } = await proxy.token({ limits: { requests_per_minute: 1 } });
  const send = ({ base, model }: Pick<Way, "base" | "model">) => {
    const body = new TextEncoder().encode(bodyFor(model));
    const lines = [`POST ${base}/v1/messages?beta=true HTTP/1.1`, `Authorization: Bearer ${value}`];
    lines.push("Content-Type: application/json", `Content-Length: ${body.length}`);
    return rawRequest(proxy.url, lines, body);
  };
  assertEquals((await send({ base: "/anthropic", model: MODEL })).status, 200);
  for (const way of WAYS) {
    const limited = await send(way);
    assertEquals([limited.status, limited.header("x-llm-proxy-error")], [429, "rate_limited"]);
    assertMatch(limited.header("retry-after") ?? "", /^[1-9]\d*$/);
    const { type, error } = JSON.parse(limited.text);
    assertEquals([type, error.type, typeof error.message], ["error", "rate_limit_error", "string"]);
  }
});

Deno.test("Claude Code: the table in docs/clients.md names these tests", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/clients.md", import.meta.url));
  const [, section = ""] = page.split("\n## Claude Code through this gateway\n");
  const [table = ""] = section.split("\n## ");
  const inTable = table.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").at(-2)?.trim()).slice(2);
  assertEquals(inTable, names);
});
