/** The text that `llm-proxy demo` prints at its start. */

import { DEMO_MANAGEMENT_TOKEN, DEMO_TOKEN } from "./demo_config.ts";

/** Returns the text: the addresses, the tokens, and requests to paste into a shell. */
export function demoText(url: string, adminUrl: string, folder: string): string {
  const openai = `curl -sN ${url}/openai/v1/chat/completions -H 'Authorization: Bearer ${DEMO_TOKEN}'`;
  const anthropic =
    `curl -sN ${url}/anthropic/v1/messages -H 'x-api-key: ${DEMO_TOKEN}' -H 'anthropic-version: 2023-06-01'`;
  const key = `-H 'Authorization: Bearer ${DEMO_TOKEN}'`;
  const chat = (model: string, rest: string) =>
    ` -H 'Content-Type: application/json' -d '{"model":"${model}",${rest}"messages":[{"role":"user","content":"Hello"}]}'`;
  return `llm-proxy demo: the proxy listens on ${url}, its token is ${DEMO_TOKEN}

Admin page, with two months of made-up usage: ${adminUrl}
  its token is ${DEMO_MANAGEMENT_TOKEN}

OpenAI, plain and streamed:
  ${openai}${chat("demo-small", "")}
  ${openai}${chat("demo-small", '"stream":true,')}

Anthropic, plain and streamed:
  ${anthropic}${chat("demo-claude", '"max_tokens":100,')}
  ${anthropic}${chat("demo-claude", '"max_tokens":100,"stream":true,')}

One address for every model: the models of both providers, and requests that the model sends to one of them:
  curl -s ${url}/v1/models ${key}
  curl -sN ${url}/v1/chat/completions ${key}${chat("fast", "")}
  curl -sN ${url}/v1/messages ${key} -H 'anthropic-version: 2023-06-01'${
    chat("demo-claude", '"max_tokens":100,')
  }

The log below shows each request. Ctrl-C ends the demo and removes ${folder}.
What stays: ${Deno.build.standalone ? "nothing." : "the packages of the program, in Deno's cache."}

`;
}
