/** Two months of made-up usage, which the admin page of the demo shows. */

import type { Project, Token } from "../storage/access_store.ts";
import type { ExchangeRow } from "../storage/store.ts";

const HOUR_MS = 3_600_000;
/** The length of the history. */
const DAYS = 61;

/** The rows of the database of the demo. */
export interface DemoHistory {
  readonly projects: readonly Project[];
  readonly tokens: readonly Token[];
  readonly exchanges: readonly ExchangeRow[];
}

/** The models of the history. Prices are in micro-dollars per token. */
const MODELS = {
  "gpt-5.1": { endpoint: "openai", input: 1.25, output: 10, firstByteMs: 900, tokensPerSecond: 90 },
  "gpt-4o-mini": { endpoint: "openai", input: 0.15, output: 0.6, firstByteMs: 450, tokensPerSecond: 120 },
  "claude-sonnet-5": {
    endpoint: "anthropic",
    input: 2,
    output: 10,
    firstByteMs: 1_100,
    tokensPerSecond: 75,
  },
  "claude-haiku-4-5": { endpoint: "anthropic", input: 1, output: 5, firstByteMs: 600, tokensPerSecond: 140 },
} as const;
type Model = keyof typeof MODELS;

/** The clients of the history: they send about `perHour` requests in each of the `hours` of a day. */
const CLIENTS: readonly {
  readonly name: string;
  readonly project: "home" | "lab";
  readonly client: string;
  readonly models: readonly Model[];
  readonly hours: readonly [from: number, to: number];
  readonly perHour: number;
  readonly tokens: readonly [input: number, output: number];
}[] = [
  {
    name: "anna, laptop",
    project: "home",
    client: "claude-code",
    models: ["claude-sonnet-5", "claude-sonnet-5", "claude-haiku-4-5"],
    hours: [8, 18],
    perHour: 5,
    tokens: [9_000, 700],
  },
  {
    name: "ben, phone",
    project: "home",
    client: "open-webui",
    models: ["gpt-4o-mini", "gpt-5.1"],
    hours: [16, 23],
    perHour: 2,
    tokens: [600, 350],
  },
  {
    name: "night batch",
    project: "lab",
    client: "openai-sdk",
    models: ["gpt-4o-mini"],
    hours: [1, 4],
    perHour: 25,
    tokens: [1_800, 220],
  },
  {
    name: "robot arm",
    project: "lab",
    client: "openai-sdk",
    models: ["gpt-5.1", "claude-haiku-4-5"],
    hours: [9, 17],
    perHour: 3,
    tokens: [2_400, 160],
  },
];

/**
 * Makes a history up to `now`, in milliseconds since 1970. `hash` is the hash function for values of tokens.
 */
export function demoHistory(now: number, hash: (text: string) => Uint8Array): DemoHistory {
  const random = randomNumbers(7);
  const createdAt = now - DAYS * 24 * HOUR_MS;
  const rows = { createdAt, updatedAt: createdAt, version: 1, active: true };
  const projects: Project[] = [
    { id: "prj_demo_home", name: "home", rules: { monthBudgetMicros: 60_000_000 }, keys: [], ...rows },
    { id: "prj_demo_lab", name: "lab", rules: { monthBudgetMicros: 25_000_000 }, keys: [], ...rows },
  ];
  const tokens: Token[] = CLIENTS.map(({ name, project }, index) => ({
    id: `tok_demo_${index}`,
    projectId: `prj_demo_${project}`,
    ownerId: undefined,
    name,
    hash: hash(`demo history ${index}`),
    suffix: ["k3Qd", "Zt8w", "p0Lm", "aV5e"][index] ?? "demo",
    previous: undefined,
    revokedAt: undefined,
    expiresAt: index === 3 ? now + 9 * 24 * HOUR_MS : undefined,
    rules: index === 1 ? { requestsPerMinute: 20, dayBudgetMicros: 1_000_000 } : {},
    requestCount: 0,
    lastUsedAt: undefined,
    ...rows,
  }));
  const exchanges: ExchangeRow[] = [];
  for (let hour = createdAt - createdAt % HOUR_MS; hour < now; hour += HOUR_MS) {
    for (const [index, person] of CLIENTS.entries()) {
      const time = new Date(hour);
      const isFree = time.getDay() % 6 === 0 && person.project === "lab";
      const isAwake = time.getHours() >= person.hours[0] && time.getHours() < person.hours[1];
      if (isFree || !isAwake) continue;
      // Usage grows from week to week.
      const growth = 0.6 + 0.6 * (hour - createdAt) / (now - createdAt);
      const times = Math.round(person.perHour * growth * (0.4 + 1.2 * random()));
      for (let one = 0; one < times; one++) {
        const startedAt = hour + Math.floor(random() * HOUR_MS);
        if (startedAt >= now) continue;
        exchanges.push(exchangeOf(index, { startedAt, random, number: exchanges.length }));
      }
    }
  }
  return { projects, tokens, exchanges };
}

function exchangeOf(
  index: number,
  { startedAt, random, number }: { startedAt: number; random: () => number; number: number },
): ExchangeRow {
  const { client, models, name, project, tokens: [input, output] } = CLIENTS[index] ?? fail();
  const model = models[Math.floor(random() * models.length)] ?? fail();
  const { endpoint, firstByteMs, tokensPerSecond, ...price } = MODELS[model];
  const isAnthropic = endpoint === "anthropic";
  const failed = random() < 0.015;
  const inputTokens = Math.round(input * (0.3 + 1.4 * random()));
  const outputTokens = Math.round(output * (0.3 + 1.4 * random()));
  const waited = Math.round(firstByteMs * (0.6 + random() ** 3 * 3));
  const known = failed ? undefined : true;
  return {
    requestId: `req_demo_${number}`,
    providerRequestId: undefined,
    startedAt,
    durationMs: failed ? waited : waited + Math.round(outputTokens / tokensPerSecond * 1000),
    firstByteMs: waited,
    method: "POST",
    path: isAnthropic ? "/anthropic/v1/messages" : "/openai/v1/chat/completions",
    endpoint,
    provider: endpoint,
    backend: isAnthropic ? "api.anthropic.com" : "api.openai.com",
    attempts: 1,
    attemptLog: undefined,
    status: failed ? 529 : 200,
    ending: "complete",
    principal: name,
    tokenId: `tok_demo_${index}`,
    projectId: `prj_demo_${project}`,
    admitted: true,
    client,
    stream: client !== "openai-sdk",
    modelAsked: model,
    requestBytes: undefined,
    modelSent: undefined,
    modelAnswered: known && model,
    stopReason: known && (isAnthropic ? "end_turn" : "stop"),
    inputTokens: known && inputTokens,
    outputTokens: known && outputTokens,
    cachedTokens: known && (isAnthropic ? Math.round(inputTokens * 0.8) : 0),
    cacheWriteTokens: undefined,
    reasoningTokens: undefined,
    audioTokens: undefined,
    imageTokens: undefined,
    partial: false,
    costMicros: known && Math.round(inputTokens * price.input + outputTokens * price.output),
    metered: true,
    costIsPartial: false,
    usageSource: known && "provider",
    priceVersion: known && "demo",
    settlement: undefined,
    bytes: failed ? 120 : outputTokens * (client === "openai-sdk" ? 5 : 220),
  };
}

/** Random numbers by Mulberry32, which are the same for the same seed on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let value = Math.imul(state ^ state >>> 15, 1 | state);
    value = value + Math.imul(value ^ value >>> 7, 61 | value) ^ value;
    return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
  };
}

function fail(): never {
  throw new TypeError("The tables of the demo do not match");
}
