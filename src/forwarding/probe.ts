/**
 * Probes backends: requests their lists of models, with the same outbound proxy, certificates and keys as
 * clients.
 */

import { durationText } from "../config/values/durations.ts";
import { Cancellation } from "../cancellation.ts";
import { type Dialect, DIALECTS } from "../apis/dialects.ts";
import type { Backend, Config } from "../config/config.ts";
import { upstreamFields } from "./request_headers.ts";
import { createHttp1Transport } from "./transport/http1.ts";
import { type Transport, TransportError, type UpstreamRequest } from "./transport/transport.ts";
import { type ByteSource, nextPiece } from "../streams/byte_source.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import { joinPath } from "../http/join_url.ts";
import { messageOf } from "../text/error_text.ts";

/** The result of a probe of one backend. */
export interface ProbeResult {
  readonly endpoint: string;
  readonly backend: string;
  readonly ok: boolean;
  readonly reachable: boolean;
  readonly key: "accepted" | "refused" | "none" | "the client's" | "not told";
  /** The number of models. Undefined: the backend sent no list. */
  readonly models: number | undefined;
  /** The names of the models, as many as are kept. */
  readonly modelNames: readonly string[];
  /** Milliseconds until the head of the response, including the time to connect. */
  readonly latencyMs: number | undefined;
  /** Milliseconds by which this machine's clock is ahead of the backend's `date`. Undefined: it sent none. */
  readonly aheadMs: number | undefined;
  /** Why the probe failed, or a warning. Empty: the probe found no problem. */
  readonly detail: string;
}

/** The longest wait for one backend. Shorter timeouts of the backend apply instead. */
const TIMEOUT_MS = 15_000;
/** How much of a list of models is read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** How many names of models are kept. */
const MOST_NAMES = 1_000;

/** Probes all backends at the same time. Never throws. */
export async function probeBackends({ endpoints }: Pick<Config, "endpoints">): Promise<ProbeResult[]> {
  const transport = createHttp1Transport();
  try {
    return await Promise.all(
      endpoints.flatMap(({ name, dialect, backends, anthropicVersion }) =>
        backends.map(async (backend) => ({
          endpoint: name,
          backend: backend.name,
          ...await probe(backend, { dialect, anthropicVersion, transport }),
        }))
      ),
    );
  } finally {
    transport.close();
  }
}

async function probe(
  backend: Backend,
  { dialect, anthropicVersion, transport }: {
    dialect: Dialect;
    anthropicVersion: string | undefined;
    transport: Transport;
  },
): Promise<Omit<ProbeResult, "endpoint" | "backend">> {
  const cancellation = new Cancellation();
  const { modelsPath } = DIALECTS[dialect];
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
    const { status, fields, body } = await transport.send(
      probeRequest(backend, { dialect, anthropicVersion, path: modelsPath, cancellation }),
    );
    const latencyMs = performance.now() - beganAt;
    const aheadMs = clockAhead(fields, latencyMs);
    const list = status === 200 ? listOfModels(await bodyText(body)) : undefined;
    if (status !== 200) body?.cancel();
    return {
      reachable: true,
      latencyMs,
      aheadMs,
      models: list?.length,
      modelNames: namesOf(list ?? []),
      ...verdictOf(status, backend),
    };
  } catch (error) {
    const detail = messageOf(error);
    return {
      ok: false,
      reachable: false,
      key: "not told",
      models: undefined,
      modelNames: [],
      latencyMs: undefined,
      aheadMs: undefined,
      detail,
    };
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

/** Assumes that the backend read its clock in the middle of the request. Its `date` has whole seconds. */
function clockAhead(fields: readonly Field[], latencyMs: number): number | undefined {
  const theirs = Date.parse(fieldValue(fields, "date") ?? "");
  return Number.isNaN(theirs) ? undefined : Date.now() - latencyMs / 2 - theirs;
}

function verdictOf(status: number, { key }: Backend): Pick<ProbeResult, "ok" | "key" | "detail"> {
  const detail = status === 200 ? "" : `it answered ${status}`;
  const isRefused = status === 401 || status === 403;
  if (key.mode === "passthrough") {
    return { ok: status < 500, key: "the client's", detail: isRefused ? "" : detail };
  }
  if (isRefused) return { ok: false, key: key.mode === "none" ? "none" : "refused", detail };
  if (key.mode === "none") return { ok: status < 500, key: "none", detail };
  // Some upstreams have no list of models, which does not show whether they accept the key.
  return status === 200
    ? { ok: true, key: "accepted", detail }
    : { ok: status < 500, key: "not told", detail };
}

async function bodyText(body: ByteSource | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  if (body === null) return "";
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    text += decoder.decode(piece, { stream: true });
    if (text.length <= MAX_BODY_BYTES) continue;
    body.cancel();
    break;
  }
  return text;
}

/** The list of models. OpenAI and Anthropic call it `data`, Gemini calls it `models`. */
function listOfModels(text: string): unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    if (typeof list !== "object" || list === null) return undefined;
    const models = "data" in list ? list.data : "models" in list ? list.models : undefined;
    return Array.isArray(models) ? models : undefined;
  } catch {
    return undefined;
  }
}

/** The names of models. OpenAI and Anthropic call them `id`; Gemini's `name` begins with `models/`. */
function namesOf(models: readonly unknown[]): string[] {
  return models.slice(0, MOST_NAMES).flatMap((model) => {
    if (typeof model !== "object" || model === null) return [];
    if ("id" in model && typeof model.id === "string") return [model.id];
    return "name" in model && typeof model.name === "string" ? [model.name.replace(/^models\//, "")] : [];
  });
}
