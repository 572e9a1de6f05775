/** What an answer about an object means for its account: whether it is over, and what it used. */

import type { AwaitedObject } from "../storage/store.ts";
import type { ResponseSummary } from "./response_tap.ts";
import type { Charge, Reported } from "./charge.ts";
import { estimatedTokens } from "./estimate.ts";
import type { ObjectRequest } from "./object_paths.ts";

/** The usage of one model, as the provider stated it. */
export interface ReportedPart extends Reported {
  readonly tier: string | undefined;
  readonly stopReason: string | undefined;
}

/** What follows from an answer. */
export type SettlementAction =
  /** It goes on, or the answer does not say. */
  | { readonly kind: "wait" }
  /** It is over, and its results are in a file that tells what was used. */
  | { readonly kind: "name"; readonly resultsId: string }
  | { readonly kind: "count"; readonly parts: readonly ReportedPart[] }
  /** It is over, and nobody will say what it used. */
  | { readonly kind: "estimate" }
  /** It is over and used nothing. */
  | { readonly kind: "release" };

/** How an object that is charged was paid for. */
export interface Settlement {
  readonly charge: Charge;
  /** What counts towards limits. */
  readonly tokens: number;
  readonly model: string | undefined;
  readonly stopReason: string | undefined;
}

const WAIT: SettlementAction = { kind: "wait" };

/** `isWhole`: the answer was good and came to its end. */
export function settlementAction(
  { kind, action }: ObjectRequest,
  { summary, isWhole }: { summary: ResponseSummary; isWhole: boolean },
): SettlementAction {
  const { object, usage, steps, model, stopReason, tier } = summary;
  if (action === "delete") return isWhole ? { kind: "estimate" } : WAIT;
  if (object === undefined || action === "list") return WAIT;
  if (kind === "batch") {
    // Lines that broke off are fetched again.
    if (object.parts.length > 0) {
      return isWhole ? { kind: "count", parts: object.parts.map((part) => batchPart(part)) } : WAIT;
    }
    if (
      action === "results" || action === "file" || !isWhole || object.state === "pending" ||
      object.state === undefined
    ) return WAIT;
    const isTold = (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0) > 0;
    if (isTold) return { kind: "count", parts: [batchPart({ model, usage })] };
    if (object.resultsId !== undefined) return { kind: "name", resultsId: object.resultsId };
    return object.state === "failed" ? { kind: "release" } : WAIT;
  }
  if (object.state === undefined || object.state === "pending") return WAIT;
  if (usage.inputTokens !== undefined || usage.outputTokens !== undefined) {
    const part: ReportedPart = {
      usage,
      stopReason,
      tier,
      ...(model !== undefined && { model }),
      ...(steps !== undefined && { steps }),
    };
    return { kind: "count", parts: [part] };
  }
  // The usage stands behind the state.
  if (!isWhole) return WAIT;
  return { kind: object.state === "done" ? "estimate" : "release" };
}

function batchPart(part: { model: string | undefined; usage: ResponseSummary["usage"] }): ReportedPart {
  const { model, usage } = part;
  return { usage, tier: "batch", stopReason: undefined, ...(model !== undefined && { model }) };
}

/** The charge of an object whose usage nobody states: all that was reserved. */
export function reservedCharge({ reservedMicros }: AwaitedObject): Settlement {
  const isReserved = reservedMicros > 0;
  return {
    charge: {
      usage: {},
      tokens: undefined,
      cost: isReserved ? { micros: reservedMicros, version: "reservation" } : undefined,
      source: isReserved ? "estimated" : undefined,
    },
    tokens: 0,
    model: undefined,
    stopReason: undefined,
  };
}

/** The stated usage of an object; what was reserved if the usage has no price. */
export function chargeOfObject(object: AwaitedObject, reported: Charge | undefined): Charge {
  const reserved = reservedCharge(object).charge;
  if (reported === undefined) return reserved;
  if (reported.cost !== undefined || reserved.cost === undefined) return reported;
  return { ...reported, cost: reserved.cost, source: reserved.source };
}

/** The text that clients received of an object that was stopped and stated no usage, as usage. */
export function receivedPart(textBytes: number): ReportedPart {
  const outputTokens = estimatedTokens({ kind: "json", length: textBytes });
  return { usage: { outputTokens }, tier: undefined, stopReason: undefined };
}

/** Marks it as an estimate. */
export function estimatedSettlement(settled: Settlement): Settlement {
  return { ...settled, charge: { ...settled.charge, source: "estimated" } };
}
