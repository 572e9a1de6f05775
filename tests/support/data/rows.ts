/** Projects, tokens and exchanges with nothing special about them. */

import { createTokenValue, hashOf, suffixOf } from "../../../src/auth/token_value.ts";
import type { Project, Token } from "../../../src/storage/access_store.ts";
import type { NewAuditEntry } from "../../../src/storage/audit_store.ts";
import type { AwaitedObject, MadeObject } from "../../../src/storage/object_store.ts";
import type { ExchangeRow } from "../../../src/storage/store.ts";
import type { UsageFilter, UsageGrouping } from "../../../src/storage/usage_store.ts";

export const AT: number = Date.UTC(2026, 3, 29, 10, 30);

export function projectRow(id: string, more: Partial<Project> = {}): Project {
  return {
    id,
    name: `project ${id}`,
    active: true,
    rules: {},
    keys: [],
    createdAt: AT,
    updatedAt: AT,
    version: 1,
    ...more,
  };
}

export function tokenRow(
  id: string,
  projectId: string,
  more: Partial<Token> & { value?: string } = {},
): Token {
  const { value = createTokenValue(), ...rest } = more;
  return {
    id,
    projectId,
    ownerId: undefined,
    name: `token ${id}`,
    hash: hashOf(value),
    suffix: suffixOf(value),
    previous: undefined,
    active: true,
    revokedAt: undefined,
    expiresAt: undefined,
    rules: {},
    requestCount: 0,
    lastUsedAt: undefined,
    createdAt: AT,
    updatedAt: AT,
    version: 1,
    ...rest,
  };
}

export function exchangeRow(more: Partial<ExchangeRow> = {}): ExchangeRow {
  return {
    requestId: "req_1",
    providerRequestId: "req_of_the_provider",
    startedAt: AT,
    durationMs: 12.5,
    firstByteMs: 3.25,
    method: "POST",
    path: "/openai/v1/chat/completions",
    endpoint: "openai",
    provider: "openai",
    backend: "api.openai.com",
    attempts: 1,
    attemptLog: undefined,
    status: 200,
    ending: "complete",
    principal: "anna",
    tokenId: undefined,
    projectId: undefined,
    admitted: true,
    client: "openai-sdk",
    stream: false,
    modelAsked: "gpt-4o",
    requestBytes: undefined,
    modelSent: undefined,
    modelAnswered: "gpt-4o-2024-08-06",
    stopReason: "stop",
    inputTokens: 10,
    outputTokens: 20,
    cachedTokens: 4,
    cacheWriteTokens: undefined,
    reasoningTokens: undefined,
    audioTokens: undefined,
    imageTokens: undefined,
    partial: false,
    costMicros: 225,
    metered: true,
    costIsPartial: false,
    usageSource: "provider",
    settlement: undefined,
    priceVersion: "genai-prices 0.1.8",
    bytes: 700,
    ...more,
  };
}

export function awaitedObject(more: Partial<AwaitedObject> = {}): AwaitedObject {
  return {
    endpoint: "openai",
    id: "resp_1",
    kind: "response",
    resultsId: undefined,
    requestId: "req_1",
    path: "/openai/v1/responses",
    provider: "openai",
    backend: "api.openai.com",
    principal: "anna",
    tokenId: "tok_1",
    projectId: "prj_1",
    client: "openai-sdk",
    model: "gpt-4o",
    tier: undefined,
    modelRules: [],
    reservedTokens: 0,
    reservedMicros: 1_000,
    receivedBytes: 0,
    providerAccount: undefined,
    madeAt: AT,
    expiresAt: AT + 30 * 24 * 3_600_000,
    ...more,
  };
}

export function auditRow(
  action: string,
  subjectId: string,
  more: Partial<NewAuditEntry> = {},
): NewAuditEntry {
  return { at: AT, actor: "test", source: "192.0.2.1", action, subjectId, changes: {}, ...more };
}

/** One sum. */
export const ALL_TOGETHER: UsageGrouping = { group: undefined, split: undefined, timeZone: undefined };

/** Everything counts. */
export const NO_FILTER: UsageFilter = {
  from: undefined,
  to: undefined,
  projectId: undefined,
  tokenId: undefined,
  endpoint: undefined,
  model: undefined,
  client: undefined,
};

export function madeObject(more: Partial<MadeObject> = {}): MadeObject {
  return {
    account: "account",
    id: "file-1",
    backend: "api.openai.com",
    maker: "token:tok_1",
    projectId: "prj_1",
    madeAt: AT,
    expiresAt: AT + 1_000,
    ...more,
  };
}
