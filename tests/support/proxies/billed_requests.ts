/** Requests whose cost is known, to proxies with several threads. */

import { rawRequest } from "../clients/raw_client.ts";
import type { ProxyProcess } from "../processes/proxy_process.ts";
import { FakeUpstream, plainAnswer } from "../upstreams/fake_upstream.ts";
import type { MadeToken } from "./object_proxy.ts";

/** So many connections reach both threads of a process, except once in a million times. */
export const MANY = 20;
/** What one request costs, in micro-dollars: 1,000 tokens of input and 200 of output. */
export const COST: number = 1_000 * 2 + 200 * 10;
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "bill-1",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi" } }],
  usage: { prompt_tokens: 1_000, completion_tokens: 200, total_tokens: 1_200 },
});
/** The body of a request. */
export const QUESTION: string = JSON.stringify({
  model: "bill-1",
  max_tokens: 200,
  messages: [{ role: "user", content: "x".repeat(3_000) }],
});

/** An upstream that answers each request with the same usage, as soon as `released` resolves. */
export function billedUpstream(released: () => Promise<void> = () => Promise.resolve()): FakeUpstream {
  return new FakeUpstream({
    async script(exchange) {
      for await (const _piece of exchange.body()) { /* The body is read whole. */ }
      await released();
      await exchange.write(plainAnswer(ANSWER, { headers: "Content-Type: application/json\r\n" }));
    },
  });
}

/** Sends a request on a separate connection. Returns the status of its response. */
export async function status(proxy: ProxyProcess, { value }: Pick<MadeToken, "value">): Promise<number> {
  const answer = await rawRequest(proxy.url, [
    "POST /openai/v1/chat/completions HTTP/1.1",
    `Authorization: Bearer ${value}`,
    "Content-Type: application/json",
    `Content-Length: ${QUESTION.length}`,
  ], QUESTION);
  return answer.status;
}

/** Sends requests to each proxy at the same time, and returns how many responses have each status. */
export async function counts(
  proxies: readonly ProxyProcess[],
  token: Pick<MadeToken, "value">,
  each: number = MANY,
): Promise<Record<number, number>> {
  const all = await Promise.all(
    proxies.flatMap((proxy) => Array.from({ length: each }, () => status(proxy, token))),
  );
  const counts: Record<number, number> = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}
