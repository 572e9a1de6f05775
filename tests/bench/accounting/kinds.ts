/** The kinds of exchanges that are reconciled, and how each is asked for. */

import type { DialectName } from "./dialects.ts";

/** A kind of exchange. */
export interface Kind {
  readonly name: string;
  /** How often it is asked for, in relation to the others. */
  readonly weight: number;
  readonly endpoint: "openai" | "claude" | "gemini" | "pair";
  readonly dialect: DialectName;
  readonly isStream?: true;
  /** The provider states the usage; of streams of chats only where they ask. */
  readonly isTold: boolean;
  readonly coding?: "gzip" | "br";
  /** Input that is read from a cache or written to one. */
  readonly caches?: true;
  /** It reasons where nobody sees it. */
  readonly reasons?: true;
  /** Letters beyond ASCII as `\u` escapes, as some servers write them. */
  readonly escapes?: true;
  readonly isBackground?: true;
  /** A session of several answers, over a WebSocket. */
  readonly isSession?: true;
  /** What the provider does instead of its work. */
  readonly fails?: "error" | "cut" | "overloaded" | "reset" | "slow";
}

const openai = { endpoint: "openai", dialect: "chat" } as const;
const asked = { ...openai, isStream: true, isTold: true } as const;
const unasked = { ...openai, isStream: true, isTold: false } as const;
const pair = { endpoint: "pair", dialect: "chat", isTold: true } as const;

export const KINDS: readonly Kind[] = [
  { ...openai, name: "chat", weight: 10, isTold: true },
  { ...openai, name: "chat, cached input", weight: 4, isTold: true, caches: true },
  { ...openai, name: "chat, reasoning", weight: 4, isTold: true, reasons: true },
  { ...openai, name: "chat, gzip", weight: 4, isTold: true, coding: "gzip" },
  { ...openai, name: "chat, br", weight: 4, isTold: true, coding: "br" },
  { ...asked, name: "chat stream, include_usage", weight: 10 },
  { ...asked, name: "chat stream, include_usage, reasoning", weight: 4, reasons: true },
  { ...unasked, name: "chat stream", weight: 10 },
  { ...unasked, name: "chat stream, \\u escapes", weight: 3, escapes: true },
  { ...unasked, name: "chat stream, reasoning", weight: 3, reasons: true },
  { ...asked, name: "chat stream, cut by the provider", weight: 2, fails: "cut" },
  { ...openai, dialect: "completions", name: "completions", weight: 4, isTold: true },
  { ...unasked, dialect: "completions", name: "completions stream", weight: 4 },
  { ...openai, dialect: "responses", name: "responses", weight: 5, isTold: true, caches: true },
  { ...asked, dialect: "responses", name: "responses stream", weight: 5 },
  {
    ...openai,
    dialect: "responses",
    name: "responses, background",
    weight: 4,
    isTold: true,
    isBackground: true,
  },
  { endpoint: "claude", dialect: "messages", name: "messages", weight: 5, isTold: true, caches: true },
  {
    endpoint: "claude",
    dialect: "messages",
    name: "messages stream",
    weight: 8,
    isStream: true,
    isTold: true,
    caches: true,
  },
  { endpoint: "gemini", dialect: "gemini", name: "gemini", weight: 4, isTold: true, reasons: true },
  {
    endpoint: "gemini",
    dialect: "gemini",
    name: "gemini stream",
    weight: 5,
    isStream: true,
    isTold: true,
    caches: true,
  },
  { ...openai, dialect: "embeddings", name: "embeddings", weight: 4, isTold: true },
  { ...openai, name: "errors", weight: 3, isTold: true, fails: "error" },
  { ...pair, name: "failover after 503", weight: 3, fails: "overloaded" },
  { ...pair, name: "failover after a reset", weight: 3, fails: "reset" },
  { ...pair, name: "failover after a timeout", weight: 1, fails: "slow" },
  { ...openai, dialect: "responses", name: "realtime session", weight: 5, isTold: true, isSession: true },
];

/** The kind and the number of an exchange by its path. */
export function partsOf(path: string): { kind: Kind; serial: number } | undefined {
  const [, index, serial] = /\/k(\d+)-(\d+)\//.exec(path) ?? [];
  const kind = KINDS[Number(index)];
  return kind && { kind, serial: Number(serial) };
}

/** Where an exchange is asked for, at the proxy. */
export function placeOf(kind: Kind, serial: number): string {
  return `/${kind.endpoint}/k${KINDS.indexOf(kind)}-${serial}`;
}
