/** The request that the bench sends and the answer of its upstreams: a chat completion of a usual size. */

/** The text of the answer. */
export const ANSWER_TEXT: string = "An answer of a usual small size. ".repeat(8).trimEnd();

/** The body of the answer. */
export const ANSWER: string = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini",
  choices: [{ index: 0, message: { role: "assistant", content: ANSWER_TEXT }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
});

/** The body of a request. */
export const QUESTION: string = JSON.stringify({
  model: "gpt-4o-mini",
  max_tokens: 1_000,
  messages: [{ role: "user", content: "x".repeat(500) }],
});

/** The body of a request for an event stream. */
export const STREAM_QUESTION: string = JSON.stringify({ ...JSON.parse(QUESTION), stream: true });

/** Headers of a request, as the SDK of OpenAI sends them. */
export const HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "accept": "application/json",
  "user-agent": "OpenAI/JS 7.55.0",
  "x-stainless-lang": "js",
  "x-stainless-os": "Linux",
  "x-stainless-arch": "x64",
  "x-stainless-runtime": "node",
};
