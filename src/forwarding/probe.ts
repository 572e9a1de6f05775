/** Asks backends for their models, by the way that requests take: proxy, certificates, key and all. */

import { durationText } from "../config/values/durations.ts";
import { Cancellation } from "../cancellation.ts";
import type { Backend, Config, Provider } from "../config/config.ts";
import { upstreamFields } from "./request_headers.ts";
import { createHttp1Transport } from "./transport/http1.ts";
import { type Transport, TransportError } from "./transport/transport.ts";
import type { ByteSource } from "../streams/byte_source.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import { joinPath } from "../http/join_url.ts";
import { messageOf } from "../text/error_text.ts";

/** What asking a backend brought. */
export interface ProbeResult {
  readonly endpoint: string;
  readonly backend: string;
  readonly ok: boolean;
  readonly reachable: boolean;
  readonly key: "accepted" | "refused" | "none" | "the client's" | "not told";
  /** How many it offers; undefined where it does not say. */
  readonly models: number | undefined;
  /** What they are called. */
  readonly modelNames: readonly string[];
  /** Until its answer's head; connecting is part of it. */
  readonly latencyMs: number | undefined;
  /** How far this machine's clock is ahead of the backend's, by its `date`; undefined: it told none. */
  readonly aheadMs: number | undefined;
  /** Why it failed, or what is odd; empty where nothing is. */
  readonly detail: string;
}

/** At most; a backend with shorter timeouts has those. */
const TIMEOUT_MS = 15_000;
/** Lists of models are long; a backend that sends more is not asked for all of it. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Of how many models the names are kept. */
const MOST_NAMES = 1_000;
const MODELS_PATHS: Record<Provider, string> = {
  openai: "/v1/models",
  anthropic: "/v1/models",
  gemini: "/v1beta/models",
  generic: "/v1/models",
};
/** The version that Anthropic's documentation names for this request. */
const ANTHROPIC_VERSION = "2023-06-01";

/** Asks all backends at the same time. Never throws. */
export async function probeBackends({ endpoints }: Pick<Config, "endpoints">): Promise<ProbeResult[]> {
  const transport = createHttp1Transport();
  try {
    return await Promise.all(
      endpoints.flatMap(({ name, provider, backends, anthropicVersion }) =>
        backends.map(async (backend) => ({
          endpoint: name,
          backend: backend.name,
          ...await probe(backend, { provider, anthropicVersion, transport }),
        }))
      ),
    );
  } finally {
    transport.close();
  }
}

async function probe(
  backend: Backend,
  { provider, anthropicVersion, transport }: {
    provider: Provider;
    anthropicVersion: string | undefined;
    transport: Transport;
  },
): Promise<Omit<ProbeResult, "endpoint" | "backend">> {
  const cancellation = new Cancellation();
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
    const { status, fields, body } = await transport.send({
      method: "GET",
      origin: backend.baseUrl.origin,
      connection: backend.connection,
      target: joinPath(backend.baseUrl, MODELS_PATHS[provider]),
      fields: upstreamFields([field("accept", "application/json"), field("user-agent", "llm-proxy")], {
        credentialsToStrip: new Set(),
        keySubprotocolPrefix: "",
        backend,
        anthropicVersion: provider === "anthropic" ? anthropicVersion ?? ANTHROPIC_VERSION : undefined,
      }),
      body: null,
      again: undefined,
      cancellation,
      onPhase() {},
    });
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

/** The other clock is taken to have been read half way; it shows whole seconds. */
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
  // Some upstreams have no list of models: that says nothing of the key.
  return status === 200
    ? { ok: true, key: "accepted", detail }
    : { ok: status < 500, key: "not told", detail };
}

async function bodyText(body: ByteSource | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await body?.read(); piece; piece = await body?.read()) {
    text += decoder.decode(piece, { stream: true });
    if (text.length <= MAX_BODY_BYTES) continue;
    body?.cancel();
    break;
  }
  return text;
}

/** `data` is OpenAI's and Anthropic's name of the list, `models` Gemini's. */
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

/** `id` is OpenAI's and Anthropic's name of it; Gemini's `name` begins with the kind of the thing. */
function namesOf(models: readonly unknown[]): string[] {
  return models.slice(0, MOST_NAMES).flatMap((model) => {
    if (typeof model !== "object" || model === null) return [];
    if ("id" in model && typeof model.id === "string") return [model.id];
    return "name" in model && typeof model.name === "string" ? [model.name.replace(/^models\//, "")] : [];
  });
}
