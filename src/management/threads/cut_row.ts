import type { ExchangeRow } from "../../storage/store.ts";
import type { CutExchange } from "./thread_limits.ts";

/**
 * The row of an exchange whose thread ended at `endedAt`, in milliseconds since 1970. Its real usage is
 * unknown.
 */
export function cutRow({ exchange, reserved, booking }: CutExchange, endedAt: number): ExchangeRow {
  const hasCost = reserved.micros > 0;
  return {
    requestId: exchange.requestId,
    providerRequestId: undefined,
    startedAt: exchange.startedAt,
    durationMs: Math.max(0, endedAt - exchange.startedAt),
    firstByteMs: undefined,
    method: exchange.method,
    path: exchange.path,
    endpoint: exchange.endpoint,
    provider: exchange.provider,
    backend: exchange.backend,
    attempts: 1,
    attemptLog: undefined,
    status: 500,
    ending: "internal",
    principal: exchange.principal,
    tokenId: exchange.tokenId,
    projectId: exchange.projectId,
    metered: exchange.metered,
    admitted: true,
    client: exchange.client,
    stream: exchange.stream,
    modelAsked: exchange.modelAsked,
    requestBytes: undefined,
    modelSent: undefined,
    modelAnswered: undefined,
    stopReason: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    cachedTokens: undefined,
    cacheWriteTokens: undefined,
    reasoningTokens: undefined,
    audioTokens: undefined,
    imageTokens: undefined,
    partial: true,
    costMicros: hasCost ? reserved.micros : undefined,
    costIsPartial: false,
    usageSource: hasCost ? "estimated" : undefined,
    priceVersion: undefined,
    bytes: 0,
    booking,
    settlement: undefined,
  };
}
