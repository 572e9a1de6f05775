/**
 * Agents as people start them with `llm-proxy run`: installed from npm, in a home without settings of the
 * proxy.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ClientBench, type Said } from "../support/clients/connected_client.ts";
import { SENTENCE } from "../support/upstreams/model_upstream.ts";
import { unless } from "../support/runner/left_out.ts";
import { clientProgram, withoutClient } from "../support/clients/real_clients.ts";
import { SECRETS } from "../support/data/secrets.ts";

interface Agent {
  /** The folder in which it is installed. */
  readonly client: string;
  readonly program: string;
  /** The arguments that ask for a sentence. */
  readonly args: readonly string[];
  /** Endpoints that inject a key, one for each way in which the settings differ. */
  readonly endpoints: readonly string[];
  /** An endpoint that forwards the client's key, and the variable of this key. */
  readonly own?: readonly [endpoint: string, variable: string];
  /** A file in the home with settings for another server, which must not win. */
  readonly rival?: readonly [path: string, text: string];
}

const OTHER_SERVER = "http://127.0.0.1:9";

const AGENTS: readonly Agent[] = [
  {
    client: "claude-code",
    program: "claude",
    args: ["-p", "Say hello."],
    endpoints: ["anthropic"],
    own: ["own-anthropic", "ANTHROPIC_API_KEY"],
    rival: [
      ".claude/settings.json",
      JSON.stringify({ env: { ANTHROPIC_BASE_URL: OTHER_SERVER, ANTHROPIC_AUTH_TOKEN: SECRETS.clientKey } }),
    ],
  },
  {
    client: "codex",
    program: "codex",
    args: ["exec", "--skip-git-repo-check", "Say hello."],
    endpoints: ["openai"],
    own: ["own-openai", "OPENAI_API_KEY"],
    rival: [
      ".codex/config.toml",
      `model_provider = "other"\n[model_providers.other]\nname = "other"\nbase_url = "${OTHER_SERVER}"\n`,
    ],
  },
  {
    client: "gemini-cli",
    program: "gemini",
    args: ["--skip-trust", "-m", "gemini-3.8-flash", "-p", "Say hello."],
    endpoints: ["gemini"],
    own: ["own-gemini", "GEMINI_API_KEY"],
    rival: [
      ".gemini/settings.json",
      JSON.stringify({ security: { auth: { selectedType: "oauth-personal" } } }),
    ],
  },
  {
    client: "opencode",
    program: "opencode",
    args: ["run", "Say hello."],
    endpoints: ["openai", "mistral", "anthropic"],
    own: ["own-openai", "OPENAI_API_KEY"],
    rival: [
      ".config/opencode/opencode.json",
      JSON.stringify({ model: "openai/other", provider: { openai: { options: { baseURL: OTHER_SERVER } } } }),
    ],
  },
  {
    client: "qwen-code",
    program: "qwen",
    args: ["-p", "Say hello."],
    endpoints: ["mistral"],
    own: ["own-openai", "OPENAI_API_KEY"],
    rival: [".qwen/settings.json", JSON.stringify({ security: { auth: { selectedType: "qwen-oauth" } } })],
  },
  {
    client: "continue",
    program: "cn",
    args: ["-p", "Say hello."],
    endpoints: ["mistral", "anthropic"],
  },
];

for (const agent of AGENTS) {
  for (const https of [false, true]) {
    for (const endpoint of agent.endpoints) {
      agentTest(agent, `${endpoint} by ${https ? "HTTPS" : "HTTP"}`, async (folders) => {
        await using bench = await ClientBench.start({ https });
        const { program, args } = agent;
        const said = await bench.start([program, "--endpoint", endpoint, "--", ...args], { folders });
        assertSentence(bench, said);
        assertEquals(bench.saw(SECRETS.proxyToken), false);
        await assertNothingLeft(bench);
      });
    }
  }
  const { own, rival } = agent;
  if (own !== undefined) {
    agentTest(agent, `${own[0]} with --passthrough`, async (folders) => {
      await using bench = await ClientBench.start();
      const words = [agent.program, "--passthrough", "--endpoint", own[0], "--model", "gpt-5.4-mini"];
      const env = { [own[1]]: SECRETS.clientKey };
      const said = await bench.start([...words, "--", ...agent.args], { folders, env });
      assertSentence(bench, said);
      assertEquals(bench.saw(SECRETS.proxyToken), false);
      assert(bench.saw(SECRETS.clientKey));
    });
  }
  if (rival !== undefined) {
    agentTest(agent, "settings of the user for another server stay, and do not win", async (folders) => {
      await using bench = await ClientBench.start();
      const [path, text] = rival;
      await Deno.mkdir(`${bench.home}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${bench.home}/${path}`, text);
      const said = await bench.start([agent.program, "--", ...agent.args], { folders });
      assertSentence(bench, said);
      assertEquals(bench.saw(SECRETS.clientKey), false);
      // Some clients rewrite their own settings in their own way; the settings of the user stay.
      assertStringIncludes(
        await Deno.readTextFile(`${bench.home}/${path}`),
        /[\w.:/-]{12,}/.exec(text)?.[0] ?? text,
      );
    });
  }
}

function assertSentence(bench: ClientBench, said: Said): void {
  assertStringIncludes(said.out, SENTENCE, said.all);
  assertEquals(said.code, 0, said.all);
  assert(bench.requests.length > 0);
}

/** No file of a client keeps the token or the address, and the private folder is gone. */
async function assertNothingLeft(bench: ClientBench): Promise<void> {
  const files = await bench.files();
  assertEquals(files.filter((file) => file.includes("llm-proxy-run-")), []);
  for (const file of files.filter((file) => file.startsWith(bench.home))) {
    const text = await Deno.readTextFile(file).catch(() => "");
    assertEquals(text.includes(SECRETS.proxyToken), false, file);
  }
}

function agentTest(agent: Agent, what: string, test: (folders: readonly string[]) => Promise<void>): void {
  const program = clientProgram(agent.client, agent.program);
  Deno.test({
    ...unless(withoutClient(agent.client, program), `run ${agent.program}: ${what}`),
    fn: () => test([program?.replace(/\/[^/]*$/, "") ?? ""]),
  });
}
