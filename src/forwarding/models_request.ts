/** Requests the list of models of a backend, with its outbound proxy, certificates and key. */

import { type Dialect, DIALECTS } from "../apis/dialects.ts";
import { Cancellation } from "../cancellation.ts";
import type { Backend } from "../config/config.ts";
import { durationText } from "../config/values/durations.ts";
import { type Field, field } from "../http/fields.ts";
import { joinPath } from "../http/join_url.ts";
import { type ByteSource, nextPiece } from "../streams/byte_source.ts";
import { upstreamFields } from "./request_headers.ts";
import { type Transport, TransportError, type UpstreamRequest } from "./transport/transport.ts";

/** The longest wait for the list. Shorter timeouts of the backend apply instead. */
const TIMEOUT_MS = 15_000;

/** What a backend responded to a request for its list of models. */
export interface ModelsResponse {
  readonly status: number;
  readonly fields: readonly Field[];
  /** The body of a 200. Empty for other statuses. */
  readonly text: string;
  /** Milliseconds until the head of the response, including the time to connect. */
  readonly latencyMs: number;
}

/**
 * Requests the list of models. Throws a {@link TransportError} or the reason of the cancellation. A body that
 * is longer than `maxBytes` is cut.
 */
export async function requestModels(
  backend: Backend,
  {
    dialect,
    modelsPath = DIALECTS[dialect].modelsPath,
    anthropicVersion,
    transport,
    maxBytes,
    query = "",
    cancellation = new Cancellation(),
  }: {
    dialect: Dialect;
    /** The path of the list. `undefined` for that of the dialect. */
    modelsPath?: string;
    /** The configured version of Anthropic's API. `undefined` for that of the dialect. */
    anthropicVersion: string | undefined;
    transport: Pick<Transport, "send">;
    maxBytes: number;
    /** The query, such as the size of a page. */
    query?: string;
    cancellation?: Cancellation;
  },
): Promise<ModelsResponse> {
  const { connectMs = TIMEOUT_MS, firstByteMs = TIMEOUT_MS } = backend.timeouts;
  const timeoutMs = Math.min(TIMEOUT_MS, connectMs + firstByteMs);
  const tooLate = new TransportError(`nothing came within ${durationText(timeoutMs)}`, {
    phase: "first byte",
    sent: false,
    received: false,
    reused: false,
    elapsedMs: timeoutMs,
  });
  const timer = setTimeout(() => cancellation.cancel(tooLate), timeoutMs);
  const beganAt = performance.now();
  try {
    const path = modelsPath + (query === "" ? "" : `?${query}`);
    const { status, fields, body } = await transport.send(
      probeRequest(backend, { dialect, anthropicVersion, path, cancellation }),
    );
    const latencyMs = performance.now() - beganAt;
    const text = status === 200 ? await bodyText(body, maxBytes) : "";
    if (status !== 200) body?.cancel();
    return { status, fields, text, latencyMs };
  } finally {
    clearTimeout(timer);
  }
}

/** A request of the proxy itself to a backend, with its key. */
export function probeRequest(
  backend: Backend,
  { dialect, anthropicVersion, path, cancellation }: {
    dialect: Dialect;
    anthropicVersion: string | undefined;
    /** The path at the API, with a query. */
    path: string;
    cancellation: Cancellation;
  },
): UpstreamRequest {
  const { version } = DIALECTS[dialect];
  return {
    method: "GET",
    origin: backend.baseUrl.origin,
    connection: backend.connection,
    target: joinPath(backend.baseUrl, path),
    fields: upstreamFields([field("accept", "application/json"), field("user-agent", "llm-proxy")], {
      credentialsToStrip: new Set(),
      backend,
      anthropicVersion: version && (anthropicVersion ?? version.value),
    }),
    body: null,
    again: undefined,
    cancellation,
    onPhase() {},
  };
}

async function bodyText(body: ByteSource | null, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  if (body === null) return "";
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    text += decoder.decode(piece, { stream: true });
    if (text.length <= maxBytes) continue;
    body.cancel();
    break;
  }
  return text;
}
