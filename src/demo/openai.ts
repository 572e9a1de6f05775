/** The part of OpenAI's API that the demo upstream implements. */

import * as v from "valibot";
import { eventStream, type ServerSentEvent } from "./event_stream.ts";
import { type DemoRequest, InvalidDemoRequest, readJson } from "./request.ts";
import { answerPieces, countTokens, DEMO_EPOCH_SECONDS, requestId, stableId, textOf } from "./text.ts";

const created = DEMO_EPOCH_SECONDS;
const MODELS = ["demo-small", "demo-org/demo-large"];

const Message = v.looseObject({ role: v.string(), content: v.optional(v.unknown()) });
const Tool = v.looseObject({ type: v.literal("function"), function: v.looseObject({ name: v.string() }) });
const ChatBody = v.looseObject({
  model: v.string(),
  messages: v.pipe(v.array(Message), v.minLength(1)),
  stream: v.optional(v.nullable(v.boolean())),
  stream_options: v.optional(v.nullable(v.looseObject({ include_usage: v.optional(v.boolean()) }))),
  tools: v.optional(v.array(Tool)),
});
const ResponsesBody = v.looseObject({
  model: v.string(),
  input: v.union([v.string(), v.array(Message)]),
  stream: v.optional(v.nullable(v.boolean())),
});
const EmbeddingsBody = v.looseObject({
  model: v.string(),
  input: v.union([v.string(), v.array(v.string())]),
  encoding_format: v.optional(v.picklist(["float", "base64"])),
});
const SpeechBody = v.looseObject({ model: v.string(), input: v.string(), voice: v.unknown() });

/**
 * Makes the response to a request with a valid key. Throws a {@link InvalidDemoRequest} for an invalid body.
 */
export async function openaiResponse(demo: DemoRequest): Promise<Response> {
  const { request, path } = demo;
  const route = `${request.method} ${path}`;
  switch (route) {
    case "POST /chat/completions":
      return chat(demo, await readJson(request, ChatBody));
    case "POST /responses":
      return responses(demo, await readJson(request, ResponsesBody));
    case "POST /embeddings":
      return embeddings(await readJson(request, EmbeddingsBody));
    case "POST /audio/speech":
      return speech(await readJson(request, SpeechBody));
    case "POST /files":
      return await upload(request);
    case "GET /models":
      return json({ object: "list", data: MODELS.map(model) });
    default: {
      const id = /^GET \/models\/(.+)$/.exec(route)?.[1];
      const name = id === undefined ? undefined : decodeURIComponent(id);
      if (name !== undefined && MODELS.includes(name)) return json(model(name));
      return openaiError(404, name === undefined ? `Unknown request URL: ${route}` : `No model ${name}`);
    }
  }
}

/** An error in the format of OpenAI. */
export function openaiError(status: number, message: string, code: string | null = null): Response {
  return json({ error: { message, type: "invalid_request_error", param: null, code } }, status);
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { "x-request-id": stableId("req_", JSON.stringify(value)) },
  });
}

function model(id: string): unknown {
  return { id, object: "model", created, owned_by: "llm-proxy-demo" };
}

function chat(demo: DemoRequest, body: v.InferOutput<typeof ChatBody>): Response {
  const id = requestId("chatcmpl-", body);
  const prompt = textOf(body.messages.at(-1)?.content);
  const base = { id, created, model: body.model, system_fingerprint: "fp_demo" };
  const tool = body.messages.at(-1)?.role === "tool" ? undefined : body.tools?.[0];
  const toolArguments = JSON.stringify({ input: prompt });
  const pieces = tool === undefined ? answerPieces(prompt) : toolArguments.match(/.{1,8}/gs) ?? [];
  const promptTokens = body.messages.reduce((sum, message) => sum + countTokens(textOf(message.content)), 0);
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: pieces.length,
    total_tokens: promptTokens + pieces.length,
  };
  const finish_reason = tool === undefined ? "stop" : "tool_calls";
  const call = tool &&
    { id: stableId("call_", id), type: "function", function: { name: tool.function.name } };
  if (body.stream !== true) {
    const message = call === undefined ? { role: "assistant", content: pieces.join(""), refusal: null } : {
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: [{ ...call, function: { ...call.function, arguments: toolArguments } }],
    };
    const choices = [{ index: 0, message, logprobs: null, finish_reason }];
    return json({ ...base, object: "chat.completion", choices, usage });
  }
  const withUsage = body.stream_options?.include_usage === true;
  const chunk = (delta: unknown, reason: string | null = null): ServerSentEvent => ({
    data: {
      ...base,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
      ...(withUsage && { usage: null }),
    },
  });
  const delta = (piece: string) =>
    call === undefined ? { content: piece } : { tool_calls: [{ index: 0, function: { arguments: piece } }] };
  const opening = call === undefined ? { role: "assistant", content: "", refusal: null } : {
    role: "assistant",
    content: null,
    tool_calls: [{ index: 0, ...call, function: { ...call.function, arguments: "" } }],
  };
  const events = [
    chunk(opening),
    ...pieces.map((piece) => chunk(delta(piece))),
    chunk({}, finish_reason),
    ...(withUsage ? [{ data: { ...base, object: "chat.completion.chunk", choices: [], usage } }] : []),
    { data: "[DONE]" },
  ];
  return eventStream(events, { paceMs: demo.paceMs, headers: { "x-request-id": stableId("req_", id) } });
}

function responses(demo: DemoRequest, body: v.InferOutput<typeof ResponsesBody>): Response {
  const id = requestId("resp_", body);
  const prompt = typeof body.input === "string" ? body.input : textOf(body.input.at(-1)?.content);
  const pieces = answerPieces(prompt);
  const text = pieces.join("");
  const itemId = stableId("msg_", id);
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  const item = { id: itemId, type: "message", status: "completed", role: "assistant", content: [part] };
  const base = { id, object: "response", created_at: created, model: body.model, error: null, tools: [] };
  const usage = {
    input_tokens: countTokens(prompt),
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: pieces.length,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: countTokens(prompt) + pieces.length,
  };
  const completed = { ...base, status: "completed", output: [item], usage };
  if (body.stream !== true) return json(completed);
  const started = { ...base, status: "in_progress", output: [], usage: null };
  const at = { item_id: itemId, output_index: 0, content_index: 0 };
  const events = [
    { type: "response.created", response: started },
    { type: "response.in_progress", response: started },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
    ...pieces.map((delta) => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.content_part.done", ...at, part },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: completed },
  ].map((event, sequence_number) => ({ event: event.type, data: { ...event, sequence_number } }));
  return eventStream(events, { paceMs: demo.paceMs, headers: { "x-request-id": stableId("req_", id) } });
}

function embeddings(body: v.InferOutput<typeof EmbeddingsBody>): Response {
  const inputs = typeof body.input === "string" ? [body.input] : body.input;
  const tokens = inputs.reduce((sum, input) => sum + countTokens(input), 0);
  const data = inputs.map((input, index) => {
    const digits = stableId("", input);
    const vector = Float32Array.from(
      { length: 8 },
      (_, at) => parseInt(digits.slice(at * 2, at * 2 + 2), 16) / 256,
    );
    const embedding = body.encoding_format === "base64"
      ? new Uint8Array(vector.buffer).toBase64()
      : [...vector];
    return { object: "embedding", index, embedding };
  });
  return json({
    object: "list",
    data,
    model: body.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

/** A tenth of a second of silence per word, as WAV: 8 kHz, 8 bits, one channel. */
function speech(body: v.InferOutput<typeof SpeechBody>): Response {
  const samples = 800 * countTokens(body.input);
  const bytes = new Uint8Array(44 + samples).fill(0x80, 44);
  const view = new DataView(bytes.buffer);
  const ascii = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  ascii(0, "RIFF");
  view.setUint32(4, 36 + samples, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  ascii(36, "data");
  view.setUint32(40, samples, true);
  return new Response(bytes, { headers: { "content-type": "audio/wav" } });
}

async function upload(request: Request): Promise<Response> {
  const form = await request.formData().catch(() => {
    throw new InvalidDemoRequest("The body is not a form");
  });
  const file = form.get("file");
  if (!(file instanceof File)) throw new InvalidDemoRequest("file: a file is expected");
  return json({
    id: stableId("file-", file.name),
    object: "file",
    bytes: file.size,
    created_at: created,
    filename: file.name,
    purpose: form.get("purpose"),
    status: "processed",
  });
}
