/** How many bytes a proxy allocates for one request: measured in a process of its own, over many requests. */

import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { fromSource, pipedCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const PROBE = new URL("allocation_probe.ts", import.meta.url).pathname;
const ROOT = new URL("../../../", import.meta.url);
/**
 * The compiler of V8 needs rounds until the path is fast, and code that is not compiled allocates more. On a
 * busy machine it needs more of them. So rounds follow until none of the last ones was the least.
 */
const LAST_ROUNDS = 6;
const MOST_ROUNDS = 40;
const REQUESTS = 400;

const QUESTION = JSON.stringify({
  model: "gpt-4o-mini",
  max_tokens: 100,
  messages: [{ role: "user", content: "Say hello to everyone who reads this." }],
});
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-4o-mini",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 17, completion_tokens: 3, total_tokens: 20 },
});

/** A program that forwards requests. */
export interface Measured {
  /** The module to run, from the root of the project. */
  readonly module: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: string;
  /** Gives the token for the requests; the URL is that of the program. */
  readonly token?: (url: string) => Promise<string>;
}

/** An upstream that answers each request with the same chat completion. */
export function chatUpstream(): FakeUpstream {
  const headers = "Content-Type: application/json\r\n";
  return new FakeUpstream({
    script: async ({ body, write }) => {
      await gather(body());
      await write(plainAnswer(ANSWER, { headers }));
    },
  });
}

/**
 * The bytes that the program allocates on V8's heap for one request with an answer: those of the least round.
 * Whatever the program does by time, and not by requests, adds to a round on a busy machine.
 */
export async function allocatedPerRequest(
  { module, args = [], env = {}, path = "/v1/chat/completions", token }: Measured,
): Promise<number> {
  const run = fromSource(new URL(module, ROOT).pathname, [`--preload=${PROBE}`]);
  await using proxy = await ProxyProcess.startCommand(pipedCommand([...run, ...args], { ...env }));
  const key = await token?.(proxy.url) ?? SECRETS.proxyToken;
  using client = await RawClient.connect(proxy.url);
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: proxy.test",
    `Authorization: Bearer ${key}`,
    "User-Agent: OpenAI/JS 6.0.0",
    "Accept: application/json",
    "Content-Type: application/json",
    `Content-Length: ${QUESTION.length}`,
  ];
  const message = `${head.join("\r\n")}\r\n\r\n${QUESTION}`;
  const ask = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) {
      await client.send(message);
      const { status, text } = await client.answer("POST");
      if (status !== 200 || text !== ANSWER) throw new Error(`${status}: ${text}`);
    }
  };
  let least = { bytes: Infinity, round: 0 };
  let before = await allocated(proxy);
  for (let round = 1; round <= MOST_ROUNDS && round - least.round <= LAST_ROUNDS; round++) {
    await ask(REQUESTS);
    const now = await allocated(proxy, before);
    const bytes = (now - before) / REQUESTS;
    if (bytes < least.bytes) least = { bytes, round };
    before = now;
  }
  return least.bytes;
}

/** The bytes allocated since the start, which are more than at an earlier time. */
async function allocated(proxy: ProxyProcess, before = 0): Promise<number> {
  proxy.kill("SIGUSR2");
  const line = await proxy.logged(({ event, bytes }) => event === "allocated" && Number(bytes) > before);
  return Number(line["bytes"]);
}
