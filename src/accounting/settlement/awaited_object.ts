/** Makes the record of an object that an exchange created. The object is settled later. */

import type { Held } from "../../limits/admission.ts";
import { OBJECT_LIFETIME_MS } from "../../storage/booking.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { AwaitedObject } from "../../storage/object_store.ts";
import type { ObjectKind } from "../../apis/operations.ts";
import { storedText } from "../stored_text.ts";
import type { Tap } from "../taps/tap.ts";

/** The client that created an object, and the place and the time of its creation. */
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

/** Makes an object with the id that the provider gave it. */
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
 * Returns the id of an object that continues after its response, by the part of the response that has
 * arrived. `undefined` for other responses. Every stream of a response reports at first that it is in
 * progress, and most responses end with their request.
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
