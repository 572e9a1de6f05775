/**
 * Gateways for LLM APIs that npm installs and that start without a network. Their options are the least that
 * works.
 */

import { answers } from "../process.ts";
import { type Candidate, CHAT_PATH, PEERS, TOKEN, UPSTREAM_KEY } from "./candidate.ts";
import { withInstalled } from "./needs.ts";

const MESSAGES_PATH = "/v1/messages";

/** All gateways. Installs them, each in a folder. */
export async function gatewayCandidates(folder: string): Promise<Candidate[]> {
  const list = [
    { packages: ["@portkey-ai/gateway@1.15.2"], candidate: portkey },
    { packages: ["@llmops/gateway@0.6.10", "@hono/node-server@1.19.6"], candidate: llmops },
    { packages: ["@musistudio/claude-code-router@2.0.0"], candidate: claudeCodeRouter },
    { packages: ["better-ccflare@3.5.4"], candidate: betterCcflare },
  ];
  const found: Candidate[] = [];
  for (const [index, { packages, candidate }] of list.entries()) {
    const own = `${folder}/gateway-${index}`;
    await Deno.mkdir(own);
    found.push({ ...candidate(own), ...await withInstalled(own, packages) });
  }
  return found;
}

/** Portkey's gateway as its README starts it. */
function portkey(folder: string): Candidate {
  const program = `${folder}/node_modules/@portkey-ai/gateway/build/start-server.js`;
  return {
    name: "Portkey gateway",
    kind: "gateway",
    command: ({ listen }) =>
      Promise.resolve({ args: ["node", program, "--headless", `--port=${listen.split(":")[1]}`] }),
    headers: (upstream) => ({
      "authorization": `Bearer ${UPSTREAM_KEY}`,
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `${upstream}/v1`,
    }),
  };
}

/** LLMOps' gateway on Node's server. */
function llmops(folder: string): Candidate {
  return {
    name: "LLMOps gateway",
    kind: "gateway",
    async command({ listen }) {
      await Deno.copyFile(`${PEERS}/llmops_gateway.mjs`, `${folder}/start.mjs`);
      return { args: ["node", `${folder}/start.mjs`, listen] };
    },
    headers: (upstream) => ({
      "authorization": `Bearer ${UPSTREAM_KEY}`,
      "x-llmops-provider": "openai",
      "x-llmops-custom-host": `${upstream}/v1`,
    }),
  };
}

/** claude-code-router. It translates between Anthropic's API and OpenAI's. */
function claudeCodeRouter(folder: string): Candidate {
  return {
    name: "claude-code-router",
    kind: "gateway",
    path: MESSAGES_PATH,
    async command({ listen, upstream }) {
      const [host = "", port = ""] = listen.split(":");
      const home = `${folder}/home-${port}`;
      await Deno.mkdir(`${home}/.claude-code-router`, { recursive: true });
      const model = "gpt-4o-mini";
      const provider = {
        name: "openai",
        api_base_url: `${upstream}${CHAT_PATH}`,
        api_key: UPSTREAM_KEY,
        models: [model],
      };
      await Deno.writeTextFile(
        `${home}/.claude-code-router/config.json`,
        JSON.stringify({
          LOG: false,
          NON_INTERACTIVE_MODE: true,
          APIKEY: TOKEN,
          HOST: host,
          PORT: Number(port),
          Providers: [provider],
          Router: { default: `openai,${model}` },
        }),
      );
      const program = `${folder}/node_modules/@musistudio/claude-code-router/dist/cli.js`;
      return { args: ["node", program, "start"], env: { HOME: home } };
    },
  };
}

/** better-ccflare, with usage in its database. It forwards Anthropic's API. */
function betterCcflare(folder: string): Candidate {
  return {
    name: "better-ccflare",
    kind: "gateway",
    path: MESSAGES_PATH,
    async command({ listen }) {
      const [, port = ""] = listen.split(":");
      const home = `${folder}/home-${port}`;
      await Deno.mkdir(home);
      return {
        args: [`${folder}/node_modules/better-ccflare/dist/better-ccflare`, "--serve", "--port", port],
        env: { HOME: home, BETTER_CCFLARE_DB_PATH: `${home}/x.db` },
      };
    },
    async prepare(origin, upstream) {
      await answers(`${origin}/api/accounts`);
      const response = await fetch(`${origin}/api/accounts/anthropic-compatible`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "bench", apiKey: UPSTREAM_KEY, priority: 0, customEndpoint: upstream }),
      });
      if (!response.ok) throw new Error(`the account was rejected: ${await response.text()}`);
      await response.body?.cancel();
    },
  };
}
