/** The record of an exchange, and what accounting adds to it, with nothing special about them. */

import type { ExchangeAccount } from "../../../src/exchange/observers.ts";
import type { ExchangeRecord, ExchangeUsage } from "../../../src/exchange_record.ts";

/** An account that measures nothing. */
export const QUIET_ACCOUNT: ExchangeAccount = {
  onAttempt() {},
  onUnanswered: () => undefined,
  onResponse() {},
  onPiece() {},
  onClientPiece() {},
  hasSeenEnd: () => false,
  isStored: () => false,
  settle: () => undefined,
};

/** A complete exchange of the shared token, without the management plane. */
export function exchangeRecord(more: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    id: "req_1",
    method: "POST",
    path: "/openai/v1/chat/completions",
    client: "192.0.2.1",
    principal: "shared",
    tokenId: undefined,
    endpoint: "openai",
    backend: "api.test",
    attempts: [],
    status: 200,
    bytes: 10,
    firstByteMs: 1,
    durationMs: 2,
    ending: "complete",
    detail: undefined,
    usage: undefined,
    ...more,
  };
}

/** The usage of a metered exchange of a managed token. */
export function exchangeUsage(more: Partial<ExchangeUsage> = {}): ExchangeUsage {
  return {
    startedAt: 0,
    provider: "openai",
    providerRequestId: undefined,
    principal: "anna",
    tokenId: "tok_1",
    projectId: "prj_1",
    metered: true,
    admitted: true,
    client: "other",
    stream: false,
    modelAsked: "m",
    requestBytes: undefined,
    modelSent: undefined,
    modelAnswered: "m-1",
    stopReason: "stop",
    inputTokens: 7,
    outputTokens: 3,
    cachedTokens: undefined,
    cacheWriteTokens: undefined,
    reasoningTokens: undefined,
    audioTokens: undefined,
    imageTokens: undefined,
    partial: false,
    costMicros: 12,
    usageSource: "provider",
    costIsPartial: false,
    priceVersion: "1",
    settlement: undefined,
    ...more,
  };
}
