/** Builds the rows of the database for exchanges and for objects that were settled later. */

import type { ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import type { Booking } from "../storage/booking.ts";
import type { AwaitedObject } from "../storage/object_store.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { attemptLogOf } from "./attempt_log.ts";
import type { Charge } from "./charge.ts";
import type { Settlement } from "./settlement/settlement.ts";
import { storedText } from "./stored_text.ts";

type ChargeColumns = Pick<
  ExchangeRow,
  | "inputTokens"
  | "outputTokens"
  | "cachedTokens"
  | "cacheWriteTokens"
  | "reasoningTokens"
  | "audioTokens"
  | "imageTokens"
  | "costMicros"
  | "costIsPartial"
  | "usageSource"
  | "priceVersion"
>;

/** The members of the usage of an exchange that do not come from its charge. */
export type OtherUsage = Omit<ExchangeUsage, keyof ChargeColumns>;

/** Returns the usage of an exchange that has ended, for its record. */
export function exchangeUsage({ usage, cost, source }: Charge, other: OtherUsage): ExchangeUsage {
  // Write each member by itself. With spreads, this function and `exchangeRow` take 0.4 µs instead of 0.06 µs
  // for each request (measured 2026-11-29). The compiler finds a member that is missing.
  return {
    providerRequestId: other.providerRequestId,
    startedAt: other.startedAt,
    provider: other.provider,
    principal: other.principal,
    tokenId: other.tokenId,
    projectId: other.projectId,
    metered: other.metered,
    admitted: other.admitted,
    client: other.client,
    stream: other.stream,
    modelAsked: other.modelAsked,
    requestBytes: other.requestBytes,
    modelSent: other.modelSent,
    modelAnswered: other.modelAnswered,
    stopReason: other.stopReason,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cachedTokens: usage.cachedTokens,
    cacheWriteTokens: usage.cacheWriteTokens,
    reasoningTokens: usage.reasoningTokens,
    audioTokens: sum(usage.inputAudioTokens, usage.outputAudioTokens),
    imageTokens: sum(usage.inputImageTokens, usage.outputImageTokens),
    partial: other.partial,
    costMicros: cost?.micros,
    costIsPartial: cost?.isPartial === true,
    usageSource: source,
    settlement: other.settlement,
    priceVersion: cost?.version,
    booking: other.booking,
  };
}

/** Returns the row of an exchange that has ended, from its complete record. */
export function exchangeRow(record: ExchangeRecord, usage: ExchangeUsage): ExchangeRow {
  return {
    requestId: record.id,
    providerRequestId: usage.providerRequestId,
    startedAt: usage.startedAt,
    durationMs: record.durationMs,
    firstByteMs: record.firstByteMs,
    method: record.method,
    path: record.path,
    endpoint: record.endpoint,
    provider: usage.provider,
    backend: record.backend,
    attempts: record.attempts.length,
    attemptLog: attemptLogOf(record),
    status: record.status,
    ending: record.ending,
    principal: usage.principal,
    tokenId: usage.tokenId,
    projectId: usage.projectId,
    metered: usage.metered,
    admitted: usage.admitted,
    client: usage.client,
    stream: usage.stream,
    modelAsked: usage.modelAsked,
    requestBytes: usage.requestBytes,
    modelSent: usage.modelSent,
    modelAnswered: usage.modelAnswered,
    stopReason: usage.stopReason,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cachedTokens: usage.cachedTokens,
    cacheWriteTokens: usage.cacheWriteTokens,
    reasoningTokens: usage.reasoningTokens,
    audioTokens: usage.audioTokens,
    imageTokens: usage.imageTokens,
    partial: usage.partial,
    costMicros: usage.costMicros,
    costIsPartial: usage.costIsPartial,
    usageSource: usage.usageSource,
    settlement: usage.settlement,
    priceVersion: usage.priceVersion,
    bytes: record.bytes,
    booking: usage.booking,
  };
}

/**
 * Returns the row of a settled object. Its request id is the id of the request that created the object. The
 * row belongs to no request, so its method, status, ending and bytes have fixed values.
 */
export function settledRow(
  object: AwaitedObject,
  { charge, model, stopReason }: Settlement,
  { at, booking }: { at: number; booking: Booking },
): ExchangeRow {
  return {
    requestId: object.requestId,
    providerRequestId: storedText(object.id),
    startedAt: at,
    durationMs: 0,
    firstByteMs: undefined,
    method: "POST",
    path: object.path,
    endpoint: object.endpoint,
    provider: object.provider,
    backend: object.backend,
    attempts: 0,
    attemptLog: undefined,
    status: 200,
    ending: "complete",
    principal: object.principal,
    tokenId: object.tokenId,
    projectId: object.projectId,
    metered: true,
    admitted: false,
    client: object.client,
    stream: undefined,
    modelAsked: object.model,
    requestBytes: undefined,
    modelSent: undefined,
    modelAnswered: storedText(model),
    stopReason: storedText(stopReason),
    partial: false,
    bytes: 0,
    booking,
    settlement: "settled",
    ...chargeColumns(charge),
  };
}

function chargeColumns({ usage, cost, source }: Charge): ChargeColumns {
  return {
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cachedTokens: usage.cachedTokens,
    cacheWriteTokens: usage.cacheWriteTokens,
    reasoningTokens: usage.reasoningTokens,
    audioTokens: sum(usage.inputAudioTokens, usage.outputAudioTokens),
    imageTokens: sum(usage.inputImageTokens, usage.outputImageTokens),
    costMicros: cost?.micros,
    costIsPartial: cost?.isPartial === true,
    usageSource: source,
    priceVersion: cost?.version,
  };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}
