/**
 * Providers as agents see them: whatever is asked, in the dialect of the path, the model says the same
 * sentence.
 */

import type { Script } from "./fake_upstream.ts";
import { gather } from "../clients/http_reader.ts";

/** What every model says. */
export const SENTENCE = "Greetings from the upstream.";

const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

/** What a {@link modelScript} does beside the answers. */
export interface ModelScriptOptions {
  /** More lines of each head. */
  readonly headers?: readonly string[];
  /** More models in the list under `/mistral`. */
  readonly mistral?: readonly string[];
}

/**
 * Answers OpenAI's, Anthropic's, Gemini's and Ollama's requests; under `/mistral` there is no `/responses`.
 */
export function modelScript({ headers = [], mistral = [] }: ModelScriptOptions = {}): Script {
  return async (exchange) => {
    const { method, target } = exchange.request;
    const body = new TextDecoder().decode(await gather(exchange.body()));
    const asked = readJson(body);
    const { pathname } = new URL(target, "http://upstream");
    const reply = answer(`${method} ${pathname}`, { asked, target, mistral });
    const bytes = new TextEncoder().encode(reply.text);
    const head = [
      `HTTP/1.1 ${reply.status}`,
      `Content-Type: ${reply.type}`,
      `Content-Length: ${bytes.length}`,
      ...headers,
      "",
      "",
    ];
    await exchange.write(head.join("\r\n"));
    if (method !== "HEAD") await exchange.write(bytes);
  };
}

interface Reply {
  readonly status: string;
  readonly type: string;
  readonly text: string;
}

interface Asked {
  readonly model: string;
  readonly stream: boolean;
}

function readJson(text: string): Asked {
  try {
    const { model = "", stream = false } = JSON.parse(text);
    return { model: String(model), stream: stream === true };
  } catch {
    return { model: "", stream: false };
  }
}

function answer(
  route: string,
  { asked, target, mistral }: { asked: Asked; target: string; mistral: readonly string[] },
): Reply {
  const { model, stream } = asked;
  if (/^POST .*\/chat\/completions$/.test(route)) {
    return stream ? events(chatEvents(model)) : json(chat(model));
  }
  if (/^POST (?!\/mistral\/).*\/responses$/.test(route)) {
    return stream ? events(responseEvents(model)) : json(response(model));
  }
  if (/^POST .*\/messages$/.test(route)) {
    return stream ? events(messageEvents(model)) : json(message(model));
  }
  if (/^POST .*\/messages\/count_tokens$/.test(route)) return json({ input_tokens: 3 });
  if (/:streamGenerateContent$/.test(route)) {
    return target.includes("alt=sse") ? events([["", gemini()]]) : json([gemini()]);
  }
  if (/:generateContent$/.test(route)) return json(gemini());
  if (/:countTokens$/.test(route)) return json({ totalTokens: 3 });
  if (/^POST .*\/api\/chat$/.test(route)) return ollama(model, stream);
  if (/^GET .*\/models$/.test(route)) return json(models(/^GET \/mistral\//.test(route) ? mistral : []));
  return json(
    { error: { message: `Not found: ${route}`, type: "not_found", code: null, param: null } },
    "404 Not Found",
  );
}

function json(value: unknown, status = "200 OK"): Reply {
  return { status, type: "application/json", text: JSON.stringify(value) };
}

function events(list: readonly (readonly [name: string, data: unknown])[]): Reply {
  const lines = list.map(([name, data]) =>
    `${name === "" ? "" : `event: ${name}\n`}data: ${
      typeof data === "string" ? data : JSON.stringify(data)
    }\n\n`
  );
  return { status: "200 OK", type: "text/event-stream", text: lines.join("") };
}

function chat(model: string) {
  const said = { role: "assistant", content: SENTENCE };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model,
    choices: [{ index: 0, message: said, finish_reason: "stop" }],
    usage: USAGE,
  };
}

function chatEvents(model: string): [string, unknown][] {
  const piece = (delta: unknown, finish_reason: string | null) => ({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason }],
  });
  return [
    ["", piece({ role: "assistant", content: SENTENCE }, null)],
    ["", piece({}, "stop")],
    ["", { ...piece({}, null), choices: [], usage: USAGE }],
    ["", "[DONE]"],
  ];
}

const OUTPUT_TEXT = { type: "output_text", text: SENTENCE, annotations: [], logprobs: [] };
const OUTPUT_ITEM = {
  id: "msg_1",
  type: "message",
  status: "completed",
  role: "assistant",
  content: [OUTPUT_TEXT],
};

function response(model: string, status = "completed") {
  return {
    id: "resp_1",
    object: "response",
    created_at: 1,
    status,
    model,
    output: status === "completed" ? [OUTPUT_ITEM] : [],
    usage: status === "completed"
      ? {
        input_tokens: 3,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 4,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 7,
      }
      : null,
    error: null,
    incomplete_details: null,
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    metadata: {},
  };
}

function responseEvents(model: string): [string, unknown][] {
  const started = response(model, "in_progress");
  const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const list: Record<string, unknown>[] = [
    { type: "response.created", response: started },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...OUTPUT_ITEM, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...place, part: { ...OUTPUT_TEXT, text: "" } },
    { type: "response.output_text.delta", ...place, delta: SENTENCE, logprobs: [] },
    { type: "response.output_text.done", ...place, text: SENTENCE, logprobs: [] },
    { type: "response.content_part.done", ...place, part: OUTPUT_TEXT },
    { type: "response.output_item.done", output_index: 0, item: OUTPUT_ITEM },
    { type: "response.completed", response: response(model) },
  ];
  return list.map((event, index) => [String(event["type"]), { ...event, sequence_number: index }]);
}

function message(model: string) {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text: SENTENCE }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 4 },
  };
}

function messageEvents(model: string): [string, unknown][] {
  const list: Record<string, unknown>[] = [
    { type: "message_start", message: { ...message(model), content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: SENTENCE } },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 4 },
    },
    { type: "message_stop" },
  ];
  return list.map((event) => [String(event["type"]), event]);
}

function gemini() {
  return {
    candidates: [{ index: 0, content: { role: "model", parts: [{ text: SENTENCE }] }, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 },
    modelVersion: "demo",
  };
}

function ollama(model: string, stream: boolean): Reply {
  const said = {
    model,
    created_at: "2026-01-01T00:00:00Z",
    message: { role: "assistant", content: SENTENCE },
  };
  const end = { done: true, done_reason: "stop", prompt_eval_count: 3, eval_count: 4 };
  if (!stream) return json({ ...said, ...end });
  const lines = [{ ...said, done: false }, { ...said, message: { role: "assistant", content: "" }, ...end }];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  return { status: "200 OK", type: "application/x-ndjson", text };
}

/** In OpenAI's and Anthropic's form at once. */
function models(more: readonly string[]) {
  const ids = ["demo-small", "claude-demo", ...more];
  const data = ids.map((id) => ({
    id,
    object: "model",
    type: "model",
    display_name: id,
    created: 1,
    created_at: "2026-01-01T00:00:00Z",
    owned_by: "demo",
  }));
  return { object: "list", data, has_more: false, first_id: ids.at(0), last_id: ids.at(-1) };
}
