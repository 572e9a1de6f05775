import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";
import { VERSION } from "../release.ts";

/** The state of the database of the management plane. If it fails, the proxy still serves known tokens. */
export type StorageHealth = "ok" | "failing";

/** The state of the proxy for its health routes. */
export interface HealthState {
  /** Whether the proxy shuts down: it takes no new requests, or will soon take none. */
  readonly draining: boolean;
  /** Time since the start, in milliseconds. */
  readonly uptimeMs: number;
  /** The state of the database. `undefined` if the management plane is off. */
  readonly storage: StorageHealth | undefined;
}

/** The routes that need no credential. */
const PATHS: ReadonlySet<string> = new Set(["/", "/healthz", "/readyz", "/health"]);

/**
 * Returns the response to a request for a health route or for `/`. Returns `undefined` for other requests,
 * without a call of `stateOf`.
 */
export function healthReply(
  method: string,
  path: string,
  stateOf: () => HealthState,
): OutgoingReply | undefined {
  if (!PATHS.has(path) || method !== "GET" && method !== "HEAD") return undefined;
  const content = healthContent(path, stateOf());
  if (content === undefined) return undefined;
  const { status, type, text } = content;
  return {
    status,
    reason: reasonPhrase(status),
    fields: [field("content-type", type), field("cache-control", "no-store")],
    body: new TextEncoder().encode(text),
  };
}

function healthContent(
  path: string,
  state: HealthState,
): { status: number; type: string; text: string } | undefined {
  const plain = "text/plain; charset=utf-8";
  switch (path) {
    case "/":
      return { status: 200, type: plain, text: "llm-proxy\n" };
    case "/healthz":
      return { status: 200, type: plain, text: "ok" };
    case "/readyz":
      return state.draining
        ? { status: 503, type: plain, text: "draining" }
        : { status: 200, type: plain, text: "ready" };
    case "/health": {
      const health = {
        status: state.draining ? "draining" : state.storage === "failing" ? "degraded" : "ok",
        version: VERSION,
        uptime_seconds: Math.floor(state.uptimeMs / 1000),
        ...(state.storage !== undefined && { storage: state.storage }),
      };
      return { status: 200, type: "application/json", text: JSON.stringify(health) };
    }
    default:
      return undefined;
  }
}
