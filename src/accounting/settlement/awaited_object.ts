/** Builds the object that an exchange created, for its later settlement. */

import type { Held } from "../../limits/admission.ts";
import { OBJECT_LIFETIME_MS } from "../../storage/booking.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { AwaitedObject } from "../../storage/object_store.ts";
import type { ObjectKind } from "../../apis/operations.ts";
import { storedText } from "../stored_text.ts";
import type { Tap } from "../taps/tap.ts";

/** Who created an object, where and when. */
export type ObjectOrigin =
  & Omit<
    AwaitedObject,
    | "id"
    | "resultsId"
    | "expiresAt"
    | "receivedBytes"
    | "model"
    | "tier"
    | "modelRules"
    | "reservedTokens"
    | "reservedMicros"
  >
  & { readonly facts: RequestFacts };

/** The reservation that an object takes over from its request. */
export type HandedOver = Pick<Held, "tokens" | "micros" | "modelRules">;

const NOTHING: HandedOver = { tokens: 0, micros: 0, modelRules: [] };

/** An object with an id that the provider gave. */
export function awaitedObject(
  id: string,
  { facts, ...origin }: ObjectOrigin,
  held: HandedOver = NOTHING,
): AwaitedObject {
  return {
    ...origin,
    id,
    resultsId: undefined,
    model: storedText(facts.model),
    tier: facts.tier,
    modelRules: held.modelRules,
    reservedTokens: held.tokens,
    reservedMicros: held.micros,
    receivedBytes: 0,
    expiresAt: origin.madeAt + OBJECT_LIFETIME_MS,
  };
}

/**
 * The id of an object that continues after its response, as far as the response has arrived. `undefined` for
 * other responses. Every stream of a response first reports that it is in progress, and most end with their
 * request.
 */
export function pendingObjectId(
  tap: Tap | undefined,
  { kind, isBackground }: { kind: ObjectKind; isBackground: () => boolean },
): string | undefined {
  const object = tap?.object;
  if (object?.isPending !== true) return undefined;
  const isLasting = tap?.isStream !== true || kind === "run" || kind === "batch" || object.isBackground ||
    isBackground();
  return isLasting ? object.id : undefined;
}
