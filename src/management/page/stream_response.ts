/**
 * Sends one streamed prompt in the dialect of the endpoint, as its SDKs do, and reads the text of the
 * response.
 */

import { REQUEST_FIELDS, type RequestFields, requestFields } from "../../apis/request_fields.ts";
import { EventStreamScanner } from "../../payload/event_stream_scanner.ts";
import { ApiError, fetchOrThrow } from "./http.ts";

/** A prompt, with the endpoint, the model and the client's token to send it with. */
export interface PromptRequest {
  readonly endpoint: string;
  readonly provider: string;
  readonly model: string;
  readonly token: string;
  readonly prompt: string;
}

interface Dialect {
  readonly path: string;
  readonly fields: RequestFields;
  readonly body: unknown;
  /** Reads the text of one event; anything but a text is no part of the response. */
  readonly text: (event: StreamEvent) => unknown;
}

/**
 * The members of events and errors that are read, in all dialects. Providers may leave out each, or send
 * null.
 */
interface StreamEvent {
  readonly delta?: { readonly text?: unknown } | null;
  readonly candidates?:
    | readonly ({ readonly content?: { readonly parts?: readonly { readonly text?: unknown }[] } } | null)[]
    | null;
  readonly choices?: readonly ({ readonly delta?: { readonly content?: unknown } | null } | null)[] | null;
  readonly error?: { readonly message?: unknown } | null;
  readonly detail?: unknown;
}

const MAX_TOKENS = 64;
/** The path under which the admin server forwards requests to endpoints. */
const TRY = "/admin/try";

function dialectOf({ provider, model, prompt }: PromptRequest): Dialect {
  const messages = [{ role: "user", content: prompt }];
  switch (provider) {
    case "anthropic":
      return {
        path: "/v1/messages",
        fields: REQUEST_FIELDS.anthropic,
        body: { model, messages, max_tokens: MAX_TOKENS, stream: true },
        text: (event) => event.delta?.text,
      };
    case "gemini":
      return {
        path: `/v1beta/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`,
        fields: REQUEST_FIELDS.gemini,
        body: { contents: [{ role: "user", parts: [{ text: prompt }] }] },
        text: (event) => event.candidates?.[0]?.content?.parts?.[0]?.text,
      };
    default:
      return {
        path: "/v1/chat/completions",
        fields: REQUEST_FIELDS.openai,
        body: { model, messages, stream: true },
        text: (event) => event.choices?.[0]?.delta?.content,
      };
  }
}

/**
 * Yields the text of the response in pieces, as it streams. Throws an `ApiError` with the error of the
 * provider or the proxy, or `Unreachable`.
 */
export async function* streamResponse(request: PromptRequest, signal: AbortSignal): AsyncGenerator<string> {
  const { path, fields, body, text } = dialectOf(request);
  // Endpoints may be at another port, which the page's policy closes. The admin server strips the session
  // cookie.
  const response = await fetchOrThrow(`${TRY}/${request.endpoint}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...requestFields(request.token, fields) },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || response.body === null) {
    throw new ApiError(response.status, await errorTextOf(response));
  }
  const data = new EventData();
  const scanner = new EventStreamScanner(data);
  const reader = response.body.getReader();
  for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) {
    scanner.write(value);
    for (const json of data.take()) {
      const event: unknown = JSON.parse(json);
      if (!isEvent(event)) continue;
      // In every dialect, a response that has begun with status 200 can still fail by such an event.
      if (event.error) throw new ApiError(response.status, String(event.error.message ?? event.error));
      const piece = text(event);
      if (typeof piece === "string") yield piece;
    }
  }
}

/** Collects the data of events that are JSON objects. `[DONE]` of OpenAI's streams is not one. */
class EventData {
  readonly #complete: string[] = [];
  #decoder = new TextDecoder();
  #text = "";

  write(bytes: Uint8Array, from?: number, to?: number): void {
    this.#text += this.#decoder.decode(bytes.subarray(from, to), { stream: true });
  }

  reset(): void {
    const text = this.#text.trim();
    if (text.startsWith("{")) this.#complete.push(text);
    this.#decoder = new TextDecoder();
    this.#text = "";
  }

  /** Removes and returns the complete events. */
  take(): string[] {
    return this.#complete.splice(0);
  }
}

async function errorTextOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (isEvent(body) && body.error?.message) return `${response.status}: ${body.error.message}`;
    // The proxy answers with problem details when the session of the page has ended.
    if (isEvent(body) && body.detail) return String(body.detail);
  } catch {
    // A reverse proxy in front of the provider may answer with HTML.
  }
  return `${response.status}: ${text.slice(0, 200)}`;
}

/** Any object can be read as an event: the members that it lacks are undefined. */
function isEvent(value: unknown): value is StreamEvent {
  return value instanceof Object;
}
