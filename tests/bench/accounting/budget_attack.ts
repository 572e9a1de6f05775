/**
 * A hundred clients with one token try to spend more than its budget; the provider's own bill says whether
 * they do.
 */

import { microsOf, PRICES } from "./bill.ts";
import { ask, type Leaving } from "./client.ts";
import { DIALECTS } from "./dialects.ts";
import { type Kind, KINDS, placeOf } from "./kinds.ts";
import { BillingProvider } from "./provider.ts";
import type { WorkOptions } from "./work.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { random } from "../../support/data/random.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const CLIENTS = 100;
export const BUDGET_MICROS = 1_000_000;
/** So dear that a dollar is spent by a hundred answers. */
const DEARER = 12;
const MAX_TOKENS = 300;
/** A client that is refused so often gives up. */
const REFUSALS = 6;
const PAUSE_MS = 40;
/** Answers are no longer than that, and so are questions. */
const LONGEST_TOKENS = 1_510;

/** One way to attack. */
export interface Variant {
  readonly statesMaximum: boolean;
  /** What an endpoint keeps for a request that states no maximum. */
  readonly reservedTokens?: number;
  /** All leave at the last moment, where all has been written and nothing been told. */
  readonly leavesLast?: true;
  readonly work: WorkOptions;
  readonly reserve?: "expected" | "maximum";
  /**
   * What may be spent beyond the budget and its last request, as a share of the budget: nothing, unless the
   * estimates of the proxy are known to be too low there.
   */
  readonly slack?: number;
}

/** What came of it, in millionths of a dollar. */
export interface Attacked {
  /** What the provider bills, whether or not anybody saw it. */
  readonly billed: number;
  /** What the proxy says that the token has spent. */
  readonly spent: number;
  /** The most that may be billed beyond the budget. */
  readonly bound: number;
  readonly answers: number;
}

const LAST_MOMENT: Leaving = { at: "text", text: '"finish_reason":"stop"' };
const PLAIN = kindOf("chat");
const STREAM = kindOf("chat stream");
const REASONING = [kindOf("chat, reasoning"), kindOf("chat stream, reasoning")] as const;

function kindOf(name: string): Kind {
  const kind = KINDS.find((one) => one.name === name);
  if (kind === undefined) throw new RangeError(name);
  return kind;
}

/** Attacks a budget of a dollar until it is spent. */
export async function attack(variant: Variant): Promise<Attacked> {
  const { statesMaximum, work, reserve = "maximum", reservedTokens = MAX_TOKENS, slack = 0 } = variant;
  await using provider = new BillingProvider(() => work);
  const matches = (name: string): boolean => name.startsWith("bill-");
  const endpoint = testEndpoint("openai", [
    testBackend(provider.origin, { key: { mode: "inject", value: SECRETS.openaiKey } }),
  ], {
    reserve,
    reserveOutputTokens: reservedTokens,
    prices: [{
      matches,
      input: PRICES.input * DEARER,
      output: PRICES.output * DEARER,
      cached: PRICES.cached * DEARER,
      cacheWrite: PRICES.cacheWrite * DEARER,
    }],
  });
  await using proxy = await ManagedProxy.start(provider, { endpoints: [endpoint] });
  const { value, id } = await proxy.token({ budget: { total_usd: BUDGET_MICROS / 1e6 } });
  const { below } = random(11);
  let serial = 0;
  const client = async (): Promise<void> => {
    for (let refusals = 0; refusals < REFUSALS;) {
      const kinds = work.hidden === undefined ? [PLAIN, STREAM] : REASONING;
      const kind = kinds[variant.leavesLast ? 1 : Math.min(1, below(4))] ?? STREAM;
      const number = ++serial;
      const plan = provider.plan(kind, number);
      const body = JSON.stringify(DIALECTS[kind.dialect].request({
        text: plan.question,
        isStream: kind.isStream === true,
        asksUsage: false,
        isBackground: false,
        maxTokens: statesMaximum ? MAX_TOKENS : undefined,
      }));
      const expectedMs = Math.ceil((plan.reasoning + plan.pieces.length) / plan.tokensPerMs);
      const outcome = await ask(proxy.url, {
        method: "POST",
        path: placeOf(kind, number) + DIALECTS[kind.dialect].path(kind.isStream === true),
        token: value,
        body,
        leaving: variant.leavesLast ? LAST_MOMENT : leavingOf(below, expectedMs),
      });
      if (outcome.status !== 429) continue;
      refusals++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS + below(PAUSE_MS)));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const { spent } = (await proxy.api("GET", `/tokens/${id}`)).body;
  const bills = [...provider.bills.values()];
  const billed = bills.reduce((sum, { tokens }) => sum + microsOf(tokens), 0) * DEARER;
  // A request is admitted as long as anything is left, as the documentation says: the last one may cost what
  // it likes.
  const last = (LONGEST_TOKENS * PRICES.input + MAX_TOKENS * PRICES.output) * DEARER;
  const bound = last + slack * BUDGET_MICROS;
  return { billed, spent: spent.total_micros, bound, answers: bills.length };
}

/** Before the head, with the first text, at any moment, before the last event, or not at all. */
function leavingOf(below: (limit: number) => number, expectedMs: number): Leaving | undefined {
  switch (below(5)) {
    case 0:
      return { at: "time", ms: 2 + below(10) };
    case 1:
      return { at: "text", text: '"content":"' };
    case 2:
      return { at: "time", ms: 2 + below(expectedMs + 1) };
    case 3:
      return LAST_MOMENT;
    default:
      return undefined;
  }
}

/** The provider itself writes no more, whatever is stated; it is as fast as most. */
const work: WorkOptions = { maxTokens: MAX_TOKENS, tokensPerMs: 0.18 };
/** The ways to attack. */
export const VARIANTS: Readonly<Record<string, Variant>> = {
  "with max_tokens": { statesMaximum: true, work },
  "without max_tokens": { statesMaximum: false, work },
  "without max_tokens, reserving what is expected": {
    statesMaximum: false,
    reserve: "expected",
    reservedTokens: 1_200,
    work,
  },
  "all leave at the last moment": { statesMaximum: true, leavesLast: true, work },
  "hidden reasoning": { statesMaximum: true, work: { ...work, hidden: 2 } },
  // Of what nobody sees the proxy assumes 200 tokens a second, and this model writes 1,000.
  "hidden reasoning, a fast model": {
    statesMaximum: true,
    work: { ...work, hidden: 2, tokensPerMs: 1 },
    slack: 1,
  },
  // The estimates of 40 lists that clients did not read to their end were together from 7 % too high to 7 %
  // too low in nine runs.
  "lists of numbers": {
    statesMaximum: true,
    work: { ...work, style: "numbers", tokensPerMs: 0.5 },
    slack: 0.1,
  },
  "lists of numbers, all leave at the last moment": {
    statesMaximum: true,
    leavesLast: true,
    work: { ...work, style: "numbers", tokensPerMs: 0.5 },
    slack: 0.1,
  },
};
