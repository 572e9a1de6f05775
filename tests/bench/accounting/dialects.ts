/** The dialects of providers: their requests, and their answers as a whole and as events. */

import type { Tokens } from "./bill.ts";

export type DialectName = "chat" | "completions" | "responses" | "messages" | "gemini" | "embeddings";
type Members = Readonly<Record<string, unknown>>;

/** What is asked for. */
export interface Question {
  readonly text: string;
  readonly isStream: boolean;
  readonly asksUsage: boolean;
  readonly isBackground: boolean;
  readonly maxTokens: number | undefined;
}

/** What is billed of an answer, as far as it has come. */
export interface Used extends Tokens {
  readonly reasoning: number;
}

export interface Dialect {
  readonly path: (isStream: boolean) => string;
  readonly request: (question: Question) => Members;
  readonly plain: (text: string, used: Used) => Members;
  /** Before the text; what is used then is the input. */
  readonly first: (used: Used) => readonly Members[];
  readonly piece: (text: string, used: Used) => Members;
  /** What says that it stopped. */
  readonly stop: (used: Used) => readonly Members[];
  /** What comes behind that: usage, where it is to be told. */
  readonly last: (used: Used, tells: boolean) => readonly Members[];
}

const model = "bill-1";
const maxOf = (name: string, { maxTokens }: Question): Members =>
  maxTokens === undefined ? {} : { [name]: maxTokens };

function chatUsage({ input, output, cached, reasoning }: Used): Members {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

const chat: Dialect = {
  path: () => "/v1/chat/completions",
  request: (question) => ({
    model,
    messages: [{ role: "user", content: question.text }],
    ...maxOf("max_tokens", question),
    ...(question.isStream && { stream: true }),
    ...(question.asksUsage && { stream_options: { include_usage: true } }),
  }),
  plain: (content, used) => ({
    id: "chatcmpl-1",
    model,
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: chatUsage(used),
  }),
  first: () => [{ model, choices: [{ index: 0, delta: { role: "assistant", content: "" } }] }],
  piece: (content) => ({ model, choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
  stop: () => [{ model, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }],
  last: (used, tells) => tells ? [{ model, choices: [], usage: chatUsage(used) }] : [],
};

const completions: Dialect = {
  ...chat,
  path: () => "/v1/completions",
  request: (question) => ({
    model,
    prompt: question.text,
    ...maxOf("max_tokens", question),
    ...(question.isStream && { stream: true }),
  }),
  plain: (text, used) => ({
    model,
    choices: [{ index: 0, text, finish_reason: "stop" }],
    usage: chatUsage(used),
  }),
  first: () => [],
  piece: (text) => ({ model, choices: [{ index: 0, text, finish_reason: null }] }),
  stop: () => [{ model, choices: [{ index: 0, text: "", finish_reason: "stop" }] }],
};

function responsesUsage({ input, output, cached, reasoning }: Used): Members {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

/** A response as it stands, with or without its text. */
export function responseOf(id: string, text: string, used: Used | undefined): Members {
  const content = [{ type: "output_text", text }];
  return {
    id,
    model,
    status: used === undefined ? "in_progress" : "completed",
    output: used === undefined ? [] : [{ type: "message", role: "assistant", content }],
    usage: used === undefined ? null : responsesUsage(used),
  };
}

const responses: Dialect = {
  path: () => "/v1/responses",
  request: (question) => ({
    model,
    input: question.text,
    ...maxOf("max_output_tokens", question),
    ...(question.isStream && { stream: true }),
    ...(question.isBackground && { background: true }),
  }),
  plain: (text, used) => responseOf("resp_1", text, used),
  first: () => [{ type: "response.created", response: responseOf("resp_1", "", undefined) }],
  piece: (delta) => ({ type: "response.output_text.delta", delta }),
  stop: () => [],
  last: (used) => [{ type: "response.completed", response: responseOf("resp_1", "the text again", used) }],
};

function messagesUsage({ input, output, cached, written }: Used): Members {
  return {
    input_tokens: input - cached - written,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: written,
    output_tokens: output,
  };
}

const messages: Dialect = {
  path: () => "/v1/messages",
  request: (question) => ({
    model,
    messages: [{ role: "user", content: question.text }],
    max_tokens: question.maxTokens ?? 4_096,
    ...(question.isStream && { stream: true }),
  }),
  plain: (text, used) => ({
    id: "msg_1",
    model,
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    usage: messagesUsage(used),
  }),
  first: (used) => [{
    type: "message_start",
    message: { id: "msg_1", model, content: [], usage: messagesUsage({ ...used, output: 1 }) },
  }],
  piece: (text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  stop: ({ output }) => [
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: output } },
  ],
  last: () => [{ type: "message_stop" }],
};

function geminiUsage({ input, output, cached, reasoning }: Used): Members {
  return {
    promptTokenCount: input,
    cachedContentTokenCount: cached,
    candidatesTokenCount: output - reasoning,
    ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
    totalTokenCount: input + output,
  };
}

function candidates(text: string, finishReason?: string): Members {
  return {
    candidates: [{ content: { parts: [{ text }], role: "model" }, ...(finishReason && { finishReason }) }],
    modelVersion: model,
  };
}

const gemini: Dialect = {
  path: (isStream) =>
    `/v1beta/models/${model}:${isStream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
  request: (question) => ({
    contents: [{ role: "user", parts: [{ text: question.text }] }],
    ...(question.maxTokens !== undefined && { generationConfig: { maxOutputTokens: question.maxTokens } }),
  }),
  plain: (text, used) => ({ ...candidates(text, "STOP"), usageMetadata: geminiUsage(used) }),
  first: () => [],
  piece: (text, used) => ({ ...candidates(text), usageMetadata: geminiUsage(used) }),
  stop: (used) => [{ ...candidates("", "STOP"), usageMetadata: geminiUsage(used) }],
  last: () => [],
};

const embeddings: Dialect = {
  ...chat,
  path: () => "/v1/embeddings",
  request: ({ text }) => ({ model, input: text }),
  plain: (_text, { input }) => ({
    model,
    data: [{ index: 0, embedding: Array.from({ length: 200 }, (_, index) => index / 997) }],
    usage: { prompt_tokens: input, total_tokens: input },
  }),
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  chat,
  completions,
  responses,
  messages,
  gemini,
  embeddings,
};
