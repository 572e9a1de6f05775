/** One exchange of the soak, as its client asks for it and as it sees it end. */

import { type Kind, pathOf } from "./kinds.ts";
import type { Credential } from "./credentials.ts";

/** What a client asks. */
export interface Asked {
  readonly serial: number;
  readonly kind: Kind;
  readonly over: "http/1.1" | "http/1.1 and tls" | "h2";
  readonly credential: Credential;
  /** By `performance.now()`. */
  readonly begunAt: number;
  /** The configuration that was in use at the least. */
  readonly generation: number;
  /** How long a client that leaves stays, in milliseconds or in pieces of the answer. */
  readonly patience: number;
}

/** What it saw. */
export interface Outcome {
  /** Undefined: no head came. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly ended: "whole" | "cut" | "left" | "nothing" | "reset";
  readonly text: string;
  /** Answers that told their usage, on a WebSocket. */
  readonly answers?: number;
}

/** No head came. */
export function withoutHead(ended: "left" | "nothing"): Outcome {
  return { status: undefined, requestId: undefined, ended, text: "" };
}

/** The headers of a request, lower case, without what is HTTP's own. */
export function headersOf({ credential }: Asked): Record<string, string> {
  return {
    "authorization": `Bearer ${credential.value}`,
    // Who presents wrong tokens has to wait, by address: each has its own.
    "x-forwarded-for": credential.address,
    "content-type": "application/json",
    "user-agent": "OpenAI/JS 7.55.0",
  };
}

/** Its path and its body. */
export function requestOf({ kind, serial }: Asked): { path: string; body: string } {
  const isStream = kind.play === "stream" || kind.play === "slow";
  const body = JSON.stringify({
    model: "gpt-4o-mini",
    ...(isStream && { stream: true }),
    ...(kind.asksUsage === true && { stream_options: { include_usage: true } }),
    messages: [{ role: "user", content: "x".repeat(kind.bodyBytes ?? 100) }],
  });
  return { path: pathOf(kind, serial), body };
}
