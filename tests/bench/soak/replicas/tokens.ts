/** The tokens of the soak: one for each kind of limit, and some that are only counted. */

import { Management } from "../management.ts";

/** A kind of token: how it is limited, and how it is used. */
export interface TokenKind {
  readonly name: string;
  /** The body of its creation, without name and project. */
  readonly rules: Readonly<Record<string, unknown>>;
  /** How many clients use it, as a part of all. */
  readonly part: number;
  /** The fewest clients that reach its limit. */
  readonly least: number;
  /** How long each of its clients waits between two requests. In milliseconds. */
  readonly thinkMs: number;
}

/** A token that was created. */
export interface SoakToken extends TokenKind {
  readonly id: string;
  readonly value: string;
}

/** Requests of the token `rate` within a minute. */
export const RATE = 200;
/** Requests of the token `slots` at the same time. */
export const SLOTS = 4;
/** Requests of the token `requests` in total. */
export const MOST_REQUESTS = 150;
/** Budgets in micro-dollars, by the names of their tokens. The limits of the last one never end its requests. */
export const BUDGETS: Readonly<Record<string, number>> = {
  "budget in total": 60_000,
  "budget of a day": 150_000,
  "large budget": 1_000_000_000,
};

const KINDS: readonly TokenKind[] = [
  { name: "free", rules: {}, part: 0.25, least: 1, thinkMs: 0 },
  {
    name: "large rate",
    rules: { limits: { requests_per_minute: 1_000_000 } },
    part: 0.25,
    least: 1,
    thinkMs: 0,
  },
  { name: "large budget", rules: { budget: { total_usd: 1_000 } }, part: 0.2, least: 1, thinkMs: 0 },
  { name: "rate", rules: { limits: { requests_per_minute: RATE } }, part: 0.1, least: 10, thinkMs: 500 },
  {
    name: "slots",
    rules: { limits: { concurrent_requests: SLOTS } },
    part: 0.05,
    least: 2 * SLOTS,
    thinkMs: 100,
  },
  { name: "requests", rules: { max_requests: MOST_REQUESTS }, part: 0.05, least: 4, thinkMs: 500 },
  { name: "budget in total", rules: { budget: { total_usd: 0.06 } }, part: 0.05, least: 4, thinkMs: 500 },
  { name: "budget of a day", rules: { budget: { day_usd: 0.15 } }, part: 0.05, least: 4, thinkMs: 500 },
];

/** Creates a project with all kinds of tokens. */
export async function createTokens(url: string): Promise<{ project: string; tokens: SoakToken[] }> {
  const management = new Management(url);
  const { id } = await management.ask("POST", "/projects", { name: "soak" });
  const tokens: SoakToken[] = [];
  for (const kind of KINDS) {
    const made = await management.ask("POST", "/tokens", { name: kind.name, project_id: id, ...kind.rules });
    tokens.push({ ...kind, id: String(made["id"]), value: String(made["token"]) });
  }
  return { project: String(id), tokens };
}
