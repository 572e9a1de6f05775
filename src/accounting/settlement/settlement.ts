/** Decides from a response whether an object is over, and which usage it has. */

import type { AwaitedObject } from "../../storage/object_store.ts";
import type { ResponseSummary } from "../taps/response_summary.ts";
import type { Charge, Reported } from "../charge.ts";
import { LOCAL_VERSION } from "../prices/place_prices.ts";
import { estimatedTokens } from "../estimates/estimate.ts";
import type { ObjectRequest } from "./object_paths.ts";
import { BATCH_TIER } from "../prices/price_factor.ts";

/** The reported usage of one model. */
export interface ReportedPart extends Reported {
  readonly tier: string | undefined;
  readonly stopReason: string | undefined;
}

/** The next step after a response about an object. */
export type SettlementAction =
  /** The object is not over, or the response does not show its state. */
  | { readonly kind: "wait" }
  /** The object is over, and its usage is in a file of results. */
  | { readonly kind: "name"; readonly resultsId: string }
  /** The object is over, and the response reports its usage. */
  | { readonly kind: "count"; readonly parts: readonly ReportedPart[] }
  /** The object is over, and its usage will not be reported. */
  | { readonly kind: "estimate" }
  /** The object is over and used nothing. */
  | { readonly kind: "release" };

/** The charge of an object, or of one model in a batch. */
export interface Settlement {
  readonly charge: Charge;
  /** The tokens that count towards limits. */
  readonly tokens: number;
  readonly model: string | undefined;
  readonly stopReason: string | undefined;
}

const WAIT: SettlementAction = { kind: "wait" };

/**
 * Decides what to do after a response about an object. `isWhole` means that the response was successful and
 * complete.
 */
export function settlementAction(
  { kind, action }: ObjectRequest,
  { summary, isWhole }: { summary: ResponseSummary; isWhole: boolean },
): SettlementAction {
  const { object, usage, steps, model, stopReason, tier } = summary;
  if (action === "delete") return isWhole ? { kind: "estimate" } : WAIT;
  if (object === undefined || action === "list") return WAIT;
  if (kind === "batch") {
    // The client will fetch the results again if they broke off.
    if (object.parts.length > 0) {
      return isWhole ? { kind: "count", parts: object.parts.map((part) => batchPart(part)) } : WAIT;
    }
    if (
      action === "results" || action === "file" || !isWhole || object.state === "pending" ||
      object.state === undefined
    ) return WAIT;
    const isReported = (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0) > 0;
    if (isReported) return { kind: "count", parts: [batchPart({ model, usage })] };
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
  // The response reports the usage after the state, so a broken response may lack it.
  if (!isWhole) return WAIT;
  return { kind: object.state === "done" ? "estimate" : "release" };
}

function batchPart(part: { model: string | undefined; usage: ResponseSummary["usage"] }): ReportedPart {
  const { model, usage } = part;
  return { usage, tier: BATCH_TIER, stopReason: undefined, ...(model !== undefined && { model }) };
}

/** Returns the charge of an object whose usage is not reported: its whole reservation. */
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

/**
 * Returns the charge of an object with reported usage. If the usage has no price, the cost is that of the
 * reservation. The same holds for a server that costs nothing by now, and did not when the object was made.
 */
export function chargeOfObject(object: AwaitedObject, reported: Charge | undefined): Charge {
  const reserved = reservedCharge(object).charge;
  if (reported === undefined) return reserved;
  const isPriced = reported.cost !== undefined && reported.cost.version !== LOCAL_VERSION;
  if (isPriced || reserved.cost === undefined) return reported;
  return { ...reported, cost: reserved.cost, source: reserved.source };
}

/**
 * Returns the usage of a cancelled object that reported none. It is an estimate by the text that clients
 * received.
 */
export function receivedPart(textBytes: number): ReportedPart {
  const outputTokens = estimatedTokens({ kind: "json", length: textBytes });
  return { usage: { outputTokens }, tier: undefined, stopReason: undefined };
}

/** Returns the same settlement, marked as an estimate. */
export function estimatedSettlement(settled: Settlement): Settlement {
  return { ...settled, charge: { ...settled.charge, source: "estimated" } };
}
