/**
 * Agents as people run them: installed from npm, with exactly the settings that `llm-proxy connect` prints.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ClientBench } from "../support/clients/connected_client.ts";
import { SENTENCE } from "../support/upstreams/model_upstream.ts";
import { unless } from "../support/runner/left_out.ts";
import { clientProgram, withoutClient } from "../support/clients/real_clients.ts";
import { SECRETS } from "../support/data/secrets.ts";

interface Agent {
  readonly name: string;
  readonly program: string;
  /** The line that asks for a sentence. */
  readonly line: string;
  /** What ends a program that it leaves in the background. */
  readonly after?: string;
  /** Endpoints that inject a key, one for each way in which the settings differ. */
  readonly endpoints: readonly string[];
  /** The endpoint that passes the client's key on; undefined: the client cannot use one. */
  readonly own?: string;
}

const AGENTS: readonly Agent[] = [
  {
    name: "claude-code",
    program: "claude",
    line: 'claude -p "Say hello."',
    endpoints: ["anthropic"],
    own: "own-anthropic",
  },
  {
    name: "codex",
    program: "codex",
    line: 'codex exec --skip-git-repo-check "Say hello."',
    endpoints: ["openai"],
    own: "own-openai",
  },
  {
    name: "gemini-cli",
    program: "gemini",
    // Without a model it asks another one first which model to ask, and wants JSON of it.
    line: 'gemini --skip-trust -m gemini-3.8-flash -p "Say hello."',
    endpoints: ["gemini"],
    own: "own-gemini",
  },
  {
    name: "opencode",
    program: "opencode",
    line: 'opencode run "Say hello."',
    endpoints: ["openai", "mistral", "anthropic"],
    own: "own-openai",
  },
  {
    name: "qwen-code",
    program: "qwen",
    line: 'qwen -p "Say hello."',
    endpoints: ["mistral"],
    own: "own-openai",
  },
  {
    name: "cline",
    program: "cline",
    line: 'cline "Say hello to me."',
    after: "cline hub stop",
    endpoints: ["mistral"],
  },
  {
    name: "continue",
    program: "cn",
    line: 'cn -p "Say hello."',
    endpoints: ["mistral", "anthropic"],
    own: "own-openai",
  },
];

for (const agent of AGENTS) {
  for (const https of [false, true]) {
    for (const endpoint of agent.endpoints) {
      agentTest(agent, `${endpoint} by ${https ? "HTTPS" : "HTTP"}`, async (folder) => {
        await using bench = await ClientBench.start({ https });
        const said = await ask(bench, agent, { folder, endpoint });
        assertStringIncludes(said.out, SENTENCE, said.all);
        assert(bench.requests.length > 0);
        assertEquals(bench.saw(SECRETS.proxyToken), false);
      });
    }
  }
  const { own } = agent;
  if (own === undefined) continue;
  agentTest(agent, `${own}, which passes the client's key on`, async (folder) => {
    await using bench = await ClientBench.start();
    const said = await ask(bench, agent, { folder, endpoint: own, passthrough: true });
    assertStringIncludes(said.out, SENTENCE, said.all);
    assertEquals(bench.saw(SECRETS.proxyToken), false);
    assert(bench.saw(SECRETS.clientKey));
  });
}

const claude = AGENTS[0] ?? { name: "", program: "", line: "", endpoints: [] };

agentTest(claude, "with a wrong token, says so at once", async (folder) => {
  await using bench = await ClientBench.start();
  const began = performance.now();
  const said = await ask(bench, claude, { folder, endpoint: "anthropic", token: "a-wrong-token" });
  assertStringIncludes(said.all, "is not valid for this proxy");
  // Its own retries of a 401 last for minutes.
  assert(performance.now() - began < 30_000);
  assertEquals(bench.requests.length, 0);
});

agentTest(claude, "asks for the models of the endpoint", async (folder) => {
  await using bench = await ClientBench.start();
  await ask(bench, claude, { folder, endpoint: "anthropic" });
  assert(bench.requests.some(({ target }) => target.startsWith("/anthropic/v1/models")));
});

function agentTest(agent: Agent, what: string, test: (folder: string) => Promise<void>): void {
  const program = clientProgram(agent.name, agent.program);
  Deno.test({
    ...unless(withoutClient(agent.name, program), `${agent.name}: ${what}`),
    fn: () => test(program?.replace(/\/[^/]*$/, "") ?? ""),
  });
}

async function ask(
  bench: ClientBench,
  { name, line, after }: Agent,
  { folder, ...connection }: { folder: string; endpoint: string; token?: string; passthrough?: boolean },
) {
  const { exports, commands } = await bench.connect({ client: name, ...connection });
  for (const command of commands) {
    const { code, all } = await bench.run(command, { folders: [folder] });
    assertEquals(code, 0, all);
  }
  const said = await bench.run(line, { exports, folders: [folder] });
  if (after !== undefined) await bench.run(after, { folders: [folder] });
  return said;
}
