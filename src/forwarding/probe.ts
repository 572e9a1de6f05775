/**
 * Probes backends: requests their lists of models, with the same outbound proxy, certificates and keys as
 * clients.
 */

import type { Dialect } from "../apis/dialects.ts";
import type { Backend, Config } from "../config/config.ts";
import { requestModels } from "./models_request.ts";
import { createHttp1Transport } from "./transport/http1.ts";
import { SystemRoots } from "./transport/system_roots.ts";
import type { Transport } from "./transport/transport.ts";
import { type Field, fieldValue } from "../http/fields.ts";
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

/** How much of a list of models is read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** How many names of models are kept. */
const MOST_NAMES = 1_000;

/** Probes all backends at the same time. Never throws. */
export async function probeBackends(
  { endpoints, authorities }: Pick<Config, "endpoints" | "authorities">,
): Promise<ProbeResult[]> {
  const transport = createHttp1Transport(new SystemRoots(authorities));
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
  try {
    const { status, fields, text, latencyMs } = await requestModels(backend, {
      dialect,
      anthropicVersion,
      transport,
      maxBytes: MAX_BODY_BYTES,
    });
    const aheadMs = clockAhead(fields, latencyMs);
    const list = status === 200 ? listOfModels(text) : undefined;
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
  }
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
