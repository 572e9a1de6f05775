/**
 * Libraries as programs use them: installed from npm, with exactly the settings that `llm-proxy connect`
 * prints.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ClientBench } from "../support/clients/connected_client.ts";
import { unless, without } from "../support/runner/left_out.ts";
import { SENTENCE } from "../support/upstreams/model_upstream.ts";
import { libraryFolder, withoutClient } from "../support/clients/real_clients.ts";
import { SECRETS } from "../support/data/secrets.ts";

interface Library {
  readonly client: string;
  /** The package that has to be there. */
  readonly library: string;
  /** By endpoint, the program that asks; it stands behind what `connect` prints for the program. */
  readonly asks: Readonly<Record<string, string>>;
  readonly own?: string;
}

const MESSAGES = `messages: [{ role: "user", content: "Say hello." }]`;
const ASK_OPENAI = `import OpenAI from "openai";
const answer = await new OpenAI().chat.completions.create({ model: "m", ${MESSAGES} });
console.log(answer.choices[0].message.content);`;
const ASK_ANTHROPIC = `import Anthropic from "@anthropic-ai/sdk";
const answer = await new Anthropic().messages.create({ model: "m", max_tokens: 9, ${MESSAGES} });
console.log(answer.content[0].text);`;
const ASK_GEMINI = `import { GoogleGenAI } from "@google/genai";
const answer = await new GoogleGenAI({}).models.generateContent({ model: "m", contents: "Say hello." });
console.log(answer.text);`;
const ASK_GROQ = ASK_OPENAI.replace(/openai/, "groq-sdk").replaceAll("OpenAI", "Groq");
const ASK_OLLAMA = `console.log((await ollama.chat({ model: "m", ${MESSAGES} })).message.content);`;
const ASK_AI_SDK = `import { generateText } from "ai";
console.log((await generateText({ model, prompt: "Say hello." })).text);`;
const ASK_LANGCHAIN = `console.log((await model.invoke("Say hello.")).content);`;
const ASK_LLAMAINDEX = `console.log((await model.chat({ ${MESSAGES} })).message.content);`;

const LIBRARIES: readonly Library[] = [
  { client: "openai-sdk", library: "openai", asks: { mistral: ASK_OPENAI, "own-openai": ASK_OPENAI } },
  {
    client: "anthropic-sdk",
    library: "@anthropic-ai/sdk",
    asks: { anthropic: ASK_ANTHROPIC, "own-anthropic": ASK_ANTHROPIC },
  },
  { client: "genai-sdk", library: "@google/genai", asks: { gemini: ASK_GEMINI } },
  { client: "groq-sdk", library: "groq-sdk", asks: { groq: ASK_GROQ, "own-groq": ASK_GROQ } },
  { client: "ollama-sdk", library: "ollama", asks: { ollama: ASK_OLLAMA, "own-ollama": ASK_OLLAMA } },
  {
    client: "vercel-ai-sdk",
    library: "ai",
    asks: { openai: ASK_AI_SDK, mistral: ASK_AI_SDK, anthropic: ASK_AI_SDK, "own-openai": ASK_AI_SDK },
  },
  {
    client: "langchain",
    library: "@langchain/openai",
    asks: { mistral: ASK_LANGCHAIN, anthropic: ASK_LANGCHAIN, "own-openai": ASK_LANGCHAIN },
  },
  {
    client: "llamaindex",
    library: "@llamaindex/openai",
    asks: { mistral: ASK_LLAMAINDEX, "own-openai": ASK_LLAMAINDEX },
  },
];

for (const { client, library, asks } of LIBRARIES) {
  const folder = libraryFolder(library);
  for (const https of [false, true]) {
    Deno.test({
      ...unless(
        withoutClient(client, folder),
        `${client}: ${Object.keys(asks).join(", ")} by ${https ? "HTTPS" : "HTTP"}`,
      ),
      async fn() {
        await using bench = await ClientBench.start({ https });
        await Deno.symlink(`${folder}/node_modules`, `${bench.home}/work/node_modules`);
        for (const [endpoint, asking] of Object.entries(asks)) {
          const passthrough = endpoint.startsWith("own-");
          const { exports, program } = await bench.connect({ client, endpoint, passthrough });
          await Deno.writeTextFile(`${bench.home}/work/ask.mjs`, `${program}\n${asking}\n`);
          const { out, all } = await bench.run("node ask.mjs", { exports });
          assertStringIncludes(out, SENTENCE, `${endpoint}: ${all}`);
          assertEquals(bench.saw(SECRETS.clientKey), passthrough, endpoint);
        }
        assertEquals(bench.saw(SECRETS.proxyToken), false);
      },
    });
  }
}

for (const https of [false, true]) {
  Deno.test({
    ...unless(without("curl"), `curl: every dialect by ${https ? "HTTPS" : "HTTP"}`),
    async fn() {
      await using bench = await ClientBench.start({ https });
      for (const endpoint of ["openai", "anthropic", "gemini", "own-openai"]) {
        const passthrough = endpoint.startsWith("own-");
        const { commands: [command = ""] } = await bench.connect({ client: "curl", endpoint, passthrough });
        const { out, all } = await bench.run(command);
        assertStringIncludes(out, "demo-small", `${endpoint}: ${all}`);
      }
      assertEquals(bench.saw(SECRETS.proxyToken), false);
    },
  });
}
