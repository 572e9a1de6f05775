/** The part of Anthropic's API that the demo upstream implements. */

import * as v from "valibot";
import { eventStream } from "./event_stream.ts";
import { type DemoRequest, readJson } from "./request.ts";
import { answerPieces, countTokens, DEMO_EPOCH_SECONDS, requestId, stableId, textOf } from "./text.ts";

const MODELS = ["demo-claude"];

const Message = v.looseObject({ role: v.picklist(["user", "assistant"]), content: v.unknown() });
const Tool = v.looseObject({ name: v.string() });
const CountBody = v.looseObject({
  model: v.string(),
  messages: v.pipe(v.array(Message), v.minLength(1)),
  system: v.optional(v.unknown()),
});
const MessagesBody = v.looseObject({
  ...CountBody.entries,
  max_tokens: v.pipe(v.number(), v.integer(), v.minValue(1)),
  stream: v.optional(v.boolean()),
  tools: v.optional(v.array(Tool)),
});

/** Makes the response to a request with a valid key. Throws a `InvalidDemoRequest` for an invalid body. */
export async function anthropicResponse(demo: DemoRequest): Promise<Response> {
  const { request, path } = demo;
  if (!request.headers.has("anthropic-version")) {
    return anthropicError(400, "anthropic-version: header is required");
  }
  const route = `${request.method} ${path}`;
  switch (route) {
    case "POST /messages":
      return messages(demo, await readJson(request, MessagesBody));
    case "POST /messages/count_tokens":
      return json({ input_tokens: inputTokens(await readJson(request, CountBody)) });
    case "GET /models":
      return json({ data: MODELS.map(model), has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) });
    default: {
      const id = /^GET \/models\/(.+)$/.exec(route)?.[1];
      if (id !== undefined && MODELS.includes(id)) return json(model(id));
      return anthropicError(404, `Not found: ${route}`, "not_found_error");
    }
  }
}

/** An error in the format of Anthropic. */
export function anthropicError(status: number, message: string, type = "invalid_request_error"): Response {
  return json({ type: "error", error: { type, message } }, status);
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { "request-id": stableId("req_", JSON.stringify(value)) } });
}

function model(id: string): unknown {
  const created_at = new Date(DEMO_EPOCH_SECONDS * 1000).toISOString();
  return { type: "model", id, display_name: "Demo", created_at };
}

function inputTokens(body: v.InferOutput<typeof CountBody>): number {
  return body.messages.reduce(
    (sum, message) => sum + countTokens(textOf(message.content)),
    countTokens(textOf(body.system)),
  );
}

function messages(demo: DemoRequest, body: v.InferOutput<typeof MessagesBody>): Response {
  const id = requestId("msg_", body);
  const last = body.messages.at(-1);
  const prompt = textOf(last?.content);
  const isToolResult = Array.isArray(last?.content) && JSON.stringify(last.content).includes('"tool_result"');
  const tool = isToolResult ? undefined : body.tools?.[0];
  const toolInput = { input: prompt };
  const all = tool === undefined ? answerPieces(prompt) : JSON.stringify(toolInput).match(/.{1,8}/gs) ?? [];
  const pieces = tool === undefined ? all.slice(0, body.max_tokens) : all;
  const isCut = pieces.length < all.length;
  const stop_reason = tool !== undefined ? "tool_use" : isCut ? "max_tokens" : "end_turn";
  const toolBlock = tool && { type: "tool_use", id: stableId("toolu_", id), name: tool.name };
  const base = { id, type: "message", role: "assistant", model: body.model };
  const usage = {
    input_tokens: inputTokens(body),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: pieces.length,
  };
  if (body.stream !== true) {
    const block = toolBlock === undefined
      ? { type: "text", text: pieces.join("") }
      : { ...toolBlock, input: toolInput };
    return json({ ...base, content: [block], stop_reason, stop_sequence: null, usage });
  }
  const opening = { ...base, content: [], stop_reason: null, stop_sequence: null };
  const delta = (piece: string) =>
    toolBlock === undefined
      ? { type: "text_delta", text: piece }
      : { type: "input_json_delta", partial_json: piece };
  const events = [
    { type: "message_start", message: { ...opening, usage: { ...usage, output_tokens: 1 } } },
    {
      type: "content_block_start",
      index: 0,
      content_block: toolBlock === undefined ? { type: "text", text: "" } : { ...toolBlock, input: {} },
    },
    { type: "ping" },
    ...pieces.map((piece) => ({ type: "content_block_delta", index: 0, delta: delta(piece) })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: pieces.length },
    },
    { type: "message_stop" },
  ].map((event) => ({ event: event.type, data: event }));
  return eventStream(events, { paceMs: demo.paceMs, headers: { "request-id": stableId("req_", id) } });
}
