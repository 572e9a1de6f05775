import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { VERSION } from "../release.ts";

/** How the management plane's storage is. While it fails, known tokens go on being served. */
export type StorageHealth = "ok" | "failing";

/** Whether the proxy takes requests, and since when. */
export interface HealthState {
  readonly draining: boolean;
  readonly uptimeMs: number;
  /** Undefined: there is none. */
  readonly storage: StorageHealth | undefined;
}

/** The routes that need no credential and cost nothing. */
const PATHS: ReadonlySet<string> = new Set(["/", "/healthz", "/readyz", "/health"]);

/** Answers a route of the proxy's health. Undefined for every other request, for which `stateOf` is not called. */
export function answerHealth(
  method: string,
  path: string,
  stateOf: () => HealthState,
): OutgoingReply | undefined {
  if (!PATHS.has(path) || method !== "GET" && method !== "HEAD") return undefined;
  const answer = healthAnswer(path, stateOf());
  if (answer === undefined) return undefined;
  const { status, type, text } = answer;
  return {
    status,
    reason: status === 200 ? "OK" : "Service Unavailable",
    fields: [field("content-type", type), field("cache-control", "no-store")],
    body: new TextEncoder().encode(text),
  };
}

function healthAnswer(
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
