/** One streamed question in each dialect, as its SDKs ask it. */

import { ApiError, fetchOrThrow } from "./http.ts";

/** Where to, as whom, and what. */
export interface Question {
  readonly endpoint: string;
  readonly provider: string;
  readonly model: string;
  readonly token: string;
  readonly prompt: string;
}

interface Dialect {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The text in one event. */
  readonly text: (event: StreamedEvent) => unknown;
}

/** What is read of events, and of errors, in all dialects. A provider may leave out any of it, or send it as null. */
interface StreamedEvent {
  readonly delta?: { readonly text?: unknown } | null;
  readonly candidates?:
    | readonly ({ readonly content?: { readonly parts?: readonly { readonly text?: unknown }[] } } | null)[]
    | null;
  readonly choices?: readonly ({ readonly delta?: { readonly content?: unknown } | null } | null)[] | null;
  readonly error?: { readonly message?: unknown } | null;
  readonly detail?: unknown;
}

const MAX_TOKENS = 64;
/** What follows it is a client's path. */
const TRY = "/admin/try";

function dialectOf({ provider, model, token, prompt }: Question): Dialect {
  const messages = [{ role: "user", content: prompt }];
  switch (provider) {
    case "anthropic":
      return {
        path: "/v1/messages",
        headers: { "x-api-key": token, "anthropic-version": "2023-06-01" },
        body: { model, messages, max_tokens: MAX_TOKENS, stream: true },
        text: (event) => event.delta?.text,
      };
    case "gemini":
      return {
        path: `/v1beta/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`,
        headers: { "x-goog-api-key": token },
        body: { contents: [{ role: "user", parts: [{ text: prompt }] }] },
        text: (event) => event.candidates?.[0]?.content?.parts?.[0]?.text,
      };
    default:
      return {
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${token}` },
        body: { model, messages, stream: true },
        text: (event) => event.choices?.[0]?.delta?.content,
      };
  }
}

/** The pieces of the answer's text as they come. Throws what the provider, or the proxy, says against it. */
export async function* streamAnswer(question: Question, signal: AbortSignal): AsyncGenerator<string> {
  const { path, headers, body, text } = dialectOf(question);
  // By the page's own origin, which may have a port where no endpoint is; the proxy takes the session's cookie out.
  const response = await fetchOrThrow(`${TRY}/${question.endpoint}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || response.body === null) throw new ApiError(response.status, await reasonOf(response));
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) {
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const event: unknown = JSON.parse(line.slice(6));
      if (!isEvent(event)) continue;
      // An answer that has begun well can still fail, in every dialect by an event of this kind.
      if (event.error) throw new ApiError(response.status, String(event.error.message ?? event.error));
      const piece = text(event);
      if (typeof piece === "string") yield piece;
    }
  }
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const said: unknown = JSON.parse(text);
    if (isEvent(said) && said.error?.message) return `${response.status}: ${said.error.message}`;
    // The proxy's word to the page: that its session has ended.
    if (isEvent(said) && said.detail) return String(said.detail);
  } catch {
    // Not everything in front of a provider speaks JSON.
  }
  return `${response.status}: ${text.slice(0, 200)}`;
}

/** Any object can be read as one: a member that it lacks is undefined. */
function isEvent(value: unknown): value is StreamedEvent {
  return value instanceof Object;
}
