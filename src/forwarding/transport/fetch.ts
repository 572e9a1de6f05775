import {
  RequestBodyBroken,
  type Transport,
  TransportError,
  type UpstreamRequest,
  type UpstreamResponse,
} from "./transport.ts";

/** The content codings that the runtime's `fetch` decodes by itself; others it leaves as they are. */
const DECODED_BY_FETCH: ReadonlySet<string> = new Set(["gzip", "br"]);

/** What an error's text means. The text itself is never shown: it holds the whole URL. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/dns error/, "its name could not be resolved"],
  [/connection refused/i, "it refused the connection"],
  [/certificate|UnknownIssuer|InvalidContentType|tls|handshake/i, "TLS could not be set up with it"],
  [/reset by peer|broken pipe/i, "it reset the connection"],
  [
    /closed before message completed|unexpected end of file|eof/i,
    "it closed the connection without an answer",
  ],
  [/invalid|parse/i, "it sent a malformed answer"],
];

/** Forwards by the runtime's `fetch`. */
export function createFetchTransport(): { transport: Transport; close: () => void } {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 64 });
  return { transport: (request) => send(client, request), close: () => client.close() };
}

async function send(client: Deno.HttpClient, request: UpstreamRequest): Promise<UpstreamResponse> {
  let response: Response;
  try {
    response = await fetch(request.origin + request.target, {
      client,
      method: request.method,
      headers: request.headers.map(([name, value]): [string, string] => [name, value]),
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
  } catch (error) {
    request.signal.throwIfAborted();
    const text = textOf(error);
    if (/user's Body|underlying resource unavailable/i.test(text)) {
      throw new RequestBodyBroken("the upload broke off");
    }
    throw new TransportError(meaningOf(text), { cause: error });
  }
  const coding = response.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  const decoded = DECODED_BY_FETCH.has(coding);
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) =>
      !decoded || (name !== "content-encoding" && name !== "content-length")
    ),
    body: response.body,
  };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.cause instanceof Error ? `${error.message} ${error.cause.message}` : error.message;
}

function meaningOf(text: string): string {
  return MEANINGS.find(([pattern]) => pattern.test(text))?.[1] ?? "the request to it failed";
}
