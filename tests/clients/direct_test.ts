/**
 * Agents with the proxy and without it. Relays record the bytes on both sides of the proxy, and those of the
 * same program with the address of the upstream. All differences are those in docs/how-it-works.md, "What it
 * changes".
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ClientBench } from "../support/clients/connected_client.ts";
import { clientProgram, withoutClient } from "../support/clients/real_clients.ts";
import type { TappedExchange } from "../support/clients/tap.ts";
import { changesOf, comparable, isOfProxy, pairsOf } from "../support/clients/wire_diff.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { unless } from "../support/runner/left_out.ts";
import { modelScript, SENTENCE } from "../support/upstreams/model_upstream.ts";

interface Agent {
  readonly name: string;
  readonly program: string;
  readonly line: string;
  readonly after?: string;
  /** Endpoints, one for each API that it speaks. */
  readonly endpoints: readonly string[];
  /** What the proxy answers itself, as it says in docs/clients.md. */
  readonly answered?: readonly string[];
  /** The same at the one address. */
  readonly answeredAtOneAddress?: readonly string[];
}

const AGENTS: readonly Agent[] = [
  {
    name: "claude-code",
    program: "claude",
    line: 'claude -p "Say hello."',
    endpoints: ["anthropic"],
    answered: ["HEAD /anthropic/api/hello"],
    answeredAtOneAddress: ["GET /v1/models?limit=1000", "HEAD /api/hello"],
  },
  {
    name: "codex",
    program: "codex",
    line: 'codex exec --skip-git-repo-check "Say hello."',
    endpoints: ["openai"],
  },
  {
    name: "gemini-cli",
    program: "gemini",
    line: 'gemini --skip-trust -m gemini-3.8-flash -p "Say hello."',
    endpoints: ["gemini"],
  },
  {
    name: "opencode",
    program: "opencode",
    line: 'opencode run "Say hello."',
    endpoints: ["openai", "mistral", "anthropic"],
  },
  { name: "qwen-code", program: "qwen", line: 'qwen -p "Say hello."', endpoints: ["mistral"] },
  {
    name: "cline",
    program: "cline",
    line: 'cline "Say hello to me."',
    after: "cline hub stop",
    endpoints: ["mistral"],
  },
  { name: "continue", program: "cn", line: 'cn -p "Say hello."', endpoints: ["mistral", "anthropic"] },
];

/** What providers send beside the body. Those of {@link REMOVED} do not pass. */
const HEADERS = [
  "Date: Sun, 29 Nov 2026 18:00:00 GMT",
  "request-id: req_011CTv",
  "anthropic-ratelimit-unified-status: allowed",
  "anthropic-organization-id: org-1",
  "OpenAI-Processing-Ms: 12",
  "openai-version: 2020-10-01",
  "X-RateLimit-Remaining-Tokens: 149999",
  "Server: cloudflare",
  "cf-cache-status: DYNAMIC",
  "CF-RAY: 9a0-FRA",
  "X-Content-Type-Options: nosniff",
  "Vary: Origin, X-Origin, Referer",
];
const REMOVED = [
  'alt-svc: h3=":443"; ma=86400',
  "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload",
  "Set-Cookie: __cf_bm=abc; path=/; HttpOnly; Secure",
];

for (const agent of AGENTS) {
  const program = clientProgram(agent.name, agent.program);
  const folders = [program?.replace(/\/[^/]*$/, "") ?? ""];
  for (const endpoint of agent.endpoints) {
    Deno.test({
      ...unless(
        withoutClient(agent.name, program),
        `${agent.name}: the bytes with the proxy and without it, ${endpoint} and the one address`,
      ),
      fn: () => compare(agent, endpoint, folders),
    });
  }
}

async function compare(agent: Agent, endpoint: string, folders: readonly string[]): Promise<void> {
  // Without the proxy, at the endpoint, and at the one address.
  const direct = await record(agent, { endpoint, folders, way: "direct" });
  const plain = (target: string) => target;
  const secrets = [SECRETS.proxyToken, SECRETS.clientKey];
  const without = textsOf(direct.client, { targetOf: plain, secrets });
  for (const way of ["endpoint", "oneAddress"] as const) {
    const { client, upstream } = await record(agent, { endpoint, folders, way });
    const targetOf = way === "endpoint" ? plain : (target: string) => `/${endpoint}${target}`;
    const { pairs, alone } = pairsOf({ client, upstream }, targetOf);
    assertEquals(
      [...new Set(alone.map(({ method, target }) => `${method} ${target}`))].sort(),
      (way === "endpoint" ? agent.answered : agent.answeredAtOneAddress) ?? [],
    );
    for (const pair of pairs) {
      assertRequestChanges(changesOf(pair.client.request, pair.upstream.request));
      const [sent, got] = [pair.upstream.response, pair.client.response];
      assertEquals([got.startLine, got.body], [sent.startLine, sent.body]);
      const isStream = sent.lines.includes("Content-Type: text/event-stream");
      assertEquals(changesOf(sent, got).map(withoutId), [
        ...REMOVED.map((line) => `- ${line}`),
        ...(isStream ? ["+ x-accel-buffering: no"] : []),
        "+ x-request-id: req_…",
      ]);
    }
    assertEquals(textsOf(client, { targetOf, secrets }), without, `requests by ${way}`);
  }
  // Over TLS the relay before the proxy sees nothing. What arrives at the provider is the same, except for
  // HTTP/2's names in lower case.
  const { upstream } = await record(agent, { endpoint, folders, way: "https" });
  const ownAnswers = (agent.answered ?? []).map((answered) => `${answered}\n`);
  const isOwn = (text: string) => ownAnswers.some((answered) => text.startsWith(answered));
  assertEquals(
    textsOf(upstream.filter(({ request }) => !isOfProxy(request)), { targetOf: plain, secrets }).map(bare)
      .sort(),
    without.filter((text) => !isOwn(text)).map(bare).sort(),
    "requests by HTTPS",
  );
}

/**
 * A request without its connection and its credential, and with names of headers in lower case. Node itself
 * asks for another compression over TLS.
 */
function bare(text: string): string {
  const end = text.indexOf("\n\n");
  const [start, ...lines] = text.slice(0, end).split("\n");
  const names = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  const own = /^(?:host|connection|accept-encoding|authorization|x-api-key|x-goog-api-key):/;
  return [start, ...names.filter((line) => !own.test(line))].join("\n") + text.slice(end);
}

type Way = "direct" | "endpoint" | "oneAddress" | "https";

/** Runs an agent once in an empty home. */
async function record(
  { name, line, after }: Agent,
  { endpoint, folders, way }: { endpoint: string; folders: readonly string[]; way: Way },
): Promise<Record<"client" | "upstream", TappedExchange[]>> {
  const script = modelScript({ headers: [...HEADERS, ...REMOVED], mistral: ["mistral-medium-latest"] });
  await using bench = await ClientBench.start({ tapped: true, script, https: way === "https" });
  const connection = { client: name, endpoint, direct: way === "direct", oneAddress: way === "oneAddress" };
  const { exports, commands } = await bench.connect(connection);
  for (const command of commands) {
    const { code, all } = await bench.run(command, { folders });
    assertEquals(code, 0, all);
  }
  const said = await bench.run(line, { exports, folders });
  if (after !== undefined) await bench.run(after, { folders });
  assertStringIncludes(said.out, SENTENCE, said.all);
  const { direct, client, proxy } = bench.taps;
  const tap = way === "direct" ? direct : client;
  return { client: await tap.exchanges(), upstream: await proxy.exchanges() };
}

function textsOf(
  exchanges: readonly TappedExchange[],
  options: Parameters<typeof comparable>[1],
): string[] {
  return exchanges.map((exchange) => comparable(exchange, options)).sort();
}

/** The host, the credential and headers of the connection change, and nothing else. */
function assertRequestChanges(changes: readonly string[]): void {
  const names = changes.map((change) => change.toLowerCase().replace(/^(. [^:]+):.*/, "$1"));
  const credential = /^. (?:authorization|x-api-key|x-goog-api-key)$/;
  assertEquals(names.filter((name) => name.startsWith("+") && credential.test(name)).length, 1, `${changes}`);
  assertEquals(names.filter((name) => name.startsWith("-") && credential.test(name)).length, 1, `${changes}`);
  const others = names.filter((name) => !credential.test(name) && name !== "- connection");
  assertEquals(others.sort(), ["+ host", "- host"], `${changes}`);
}

function withoutId(change: string): string {
  return change.replace(/^(\+ x-request-id: req_)\w+$/, "$1…");
}
