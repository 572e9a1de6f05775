/**
 * Programs and libraries of other people that speak to the proxy, installed by `tests/clients/install.ts`.
 */

import type { Reason } from "../runner/left_out.ts";

const ROOT = `${import.meta.dirname}/../../..`;

/** Where they are installed, each in a folder. */
export const CLIENTS_FOLDER: string = Deno.env.get("LLM_PROXY_CLIENTS") ?? `${ROOT}/dist/clients`;

/** What is installed into which folder. The first is a Node that is new enough for all of them. */
export const CLIENT_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  node: ["node@24.21.0"],
  bun: ["bun@1.4.5"],
  "claude-code": ["@anthropic-ai/claude-code@2.1.332"],
  codex: ["@openai/codex@0.171.0"],
  "gemini-cli": ["@google/gemini-cli@0.61.0"],
  opencode: ["opencode-ai@1.18.33"],
  "qwen-code": ["@qwen-code/qwen-code@0.24.4"],
  cline: ["cline@3.0.65"],
  continue: ["@continuedev/cli@1.5.47"],
  // The release in Gemini CLI, which does not know comments in event streams.
  "genai-1": ["@google/genai@1.30.0"],
  libraries: [
    "openai@7.55.0",
    "@anthropic-ai/sdk@1.14.0",
    "@google/genai@3.3.0",
    "groq-sdk@1.6.0",
    "ollama@0.6.4",
    "ai@7.0.173",
    "@ai-sdk/openai@4.0.118",
    "@ai-sdk/anthropic@4.0.105",
    "@ai-sdk/google@4.0.121",
    "@langchain/core@1.4.0",
    "@langchain/openai@1.6.0",
    "@langchain/anthropic@1.5.11",
    "llamaindex@0.12.1",
    "@llamaindex/openai@0.4.23",
  ],
};

/** The path of a client's program; undefined where it is not installed. */
export function clientProgram(client: string, program: string): string | undefined {
  return existing(`${CLIENTS_FOLDER}/${client}/node_modules/.bin/${program}`);
}

/** The folder of a client in which a library is installed; undefined where it is not. */
export function libraryFolder(library: string, client = "libraries"): string | undefined {
  const folder = `${CLIENTS_FOLDER}/${client}`;
  return existing(`${folder}/node_modules/${library}`) && folder;
}

/** Why a test with a client cannot run. */
export function withoutClient(client: string, program: string | undefined): Reason {
  return program === undefined ? `${client} is not installed; deno task test:clients does it` : undefined;
}

/** A `PATH` with the Node that clients ask for before the machine's own. */
export function clientPath(): string {
  const own = `${CLIENTS_FOLDER}/node/node_modules/node/bin`;
  return [own, Deno.env.get("PATH") ?? "/usr/bin:/bin"].join(":");
}

function existing(path: string): string | undefined {
  try {
    Deno.statSync(path);
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
