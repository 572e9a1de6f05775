/** Asks for all exchanges, of all kinds, with clients that stay and clients that leave. */

import { random } from "../../support/data/random.ts";
import { ask, type Leaving, type Outcome } from "./client.ts";
import { DIALECTS } from "./dialects.ts";
import { type Kind, KINDS, placeOf } from "./kinds.ts";
import { askSession, REALTIME_PATH } from "./realtime.ts";
import type { BillingProvider } from "./provider.ts";
import type { Plan } from "./work.ts";

/** An exchange as its client knows it. */
export interface Asked {
  readonly serial: number;
  readonly kind: Kind;
  readonly hasBudget: boolean;
  readonly leaving: Leaving | undefined;
  readonly outcome: Outcome;
  /** Of a background response: it was fetched after its end. */
  readonly isFetched: boolean;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What is asked with. */
export interface LoadParts {
  readonly provider: BillingProvider;
  readonly url: () => Promise<string>;
  readonly tokens: { readonly plain: string; readonly budget: string };
  /** Kills the proxy once all that has ended is written, and starts it again. */
  readonly restart: () => Promise<void>;
}

const STOPS = [
  '"finish_reason":"stop"',
  '"finishReason":"STOP"',
  '"content_block_stop"',
  "response.completed",
];
/** Of a hundred clients so many leave. */
const LEAVING = 35;
const STATED_TOKENS = 2_000;
const POLL_MS = 300;
const MOST_POLLS = 200;
/** One of so many background responses is looked at only when the proxy has been killed. */
const LATE = 3;

/**
 * Asks until `count` exchanges are done; tells of each. Then the proxy is killed, and background responses
 * that nobody has looked at are looked at.
 */
export async function runLoad(
  { count, clients, onAsked }: { count: number; clients: number; onAsked: (asked: Asked) => void },
  parts: LoadParts,
): Promise<void> {
  const { below } = random(7);
  const lots = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  let next = 1;
  const late: Asked[] = [];
  const work = async (): Promise<void> => {
    while (next <= count) {
      const serial = next++;
      // The first ones are one of each.
      const kind = KINDS[serial - 1] ?? lots[below(lots.length)];
      if (kind === undefined) throw new RangeError("no kind");
      const plan = parts.provider.plan(kind, serial);
      const leaving = below(100) < LEAVING ? leavingOf(kind, plan, below) : undefined;
      const asked = await askOnce({ serial, kind, plan, leaving }, parts);
      if (kind.isBackground !== true) onAsked(asked);
      else if (serial % LATE === 0) late.push(asked);
      else onAsked(await fetched(asked, parts));
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  await parts.restart();
  await Promise.all(late.map(async (asked) => onAsked(await fetched(asked, parts))));
}

/** Looks at a background response until it is over, and once more; with either token, whoever made it. */
async function fetched(asked: Asked, { url, tokens }: LoadParts): Promise<Asked> {
  const { serial, kind, outcome } = asked;
  if (outcome.ended !== "whole" || outcome.status !== 200) return asked;
  const path = `${placeOf(kind, serial)}/v1/responses/resp_${serial}`;
  const look = async (token: string): Promise<boolean> => {
    const { text } = await ask(await url(), { method: "GET", path, token, body: "", leaving: undefined });
    return text.includes('"status":"completed"');
  };
  let isFetched = false;
  for (let poll = 0; poll < MOST_POLLS && !isFetched; poll++) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    isFetched = await look((serial + poll) % 4 < 2 ? tokens.budget : tokens.plain);
  }
  for (const token of [tokens.plain, tokens.budget]) await look(token);
  return { ...asked, isFetched, endedAt: Date.now() };
}

function leavingOf(kind: Kind, plan: Plan, below: (limit: number) => number): Leaving {
  const lot = below(20);
  if (lot === 0 && kind.isSession === undefined) return { at: "upload" };
  const stop = STOPS[below(STOPS.length)];
  if (kind.isStream === true && lot < 4 && stop !== undefined) return { at: "text", text: stop };
  const expectedMs = (plan.reasoning + plan.pieces.length) / plan.tokensPerMs;
  return { at: "time", ms: 3 + below(Math.ceil(expectedMs) + 20) };
}

async function askOnce(
  { serial, kind, plan, leaving }: { serial: number; kind: Kind; plan: Plan; leaving: Leaving | undefined },
  { url, tokens }: LoadParts,
): Promise<Asked> {
  const dialect = DIALECTS[kind.dialect];
  const hasBudget = serial % 2 === 0;
  const token = hasBudget ? tokens.budget : tokens.plain;
  if (kind.isSession === true) {
    const startedAt = Date.now();
    const path = placeOf(kind, serial) + REALTIME_PATH;
    const outcome = await askSession(await url(), { path, token, plan, leaving });
    return { serial, kind, hasBudget, leaving, outcome, isFetched: false, startedAt, endedAt: Date.now() };
  }
  const body = JSON.stringify(dialect.request({
    text: plan.question,
    isStream: kind.isStream === true,
    asksUsage: kind.isTold && kind.isStream === true,
    isBackground: kind.isBackground === true,
    maxTokens: plan.below(2) === 0 ? STATED_TOKENS : undefined,
  }));
  const place = placeOf(kind, serial);
  const path = place + dialect.path(kind.isStream === true);
  const startedAt = Date.now();
  const outcome = await ask(await url(), { method: "POST", path, token, body, leaving });
  return { serial, kind, hasBudget, leaving, outcome, isFetched: false, startedAt, endedAt: Date.now() };
}
