import { assertEquals } from "@std/assert";
import { requestedPauseMs } from "../../src/forwarding/rate_limit_fields.ts";
import { isCreation, judgeResponse, mayBeDone, type ResponseVerdict } from "../../src/forwarding/retry.ts";
import { operationOf } from "../../src/apis/operation_of.ts";
import { TimeoutExpired } from "../../src/forwarding/timeouts.ts";
import { TransportError } from "../../src/forwarding/transport/transport.ts";
import { fieldsOf } from "../support/data/fields.ts";

/** The clock of the proxy. */
const NOW = Date.UTC(2026, 3, 29);
const DAY_MS = 24 * 3_600_000;

/** What a response says of its backend. */
const VERDICTS: readonly (readonly [status: number, lines: readonly string[], verdict: ResponseVerdict])[] = [
  [200, ["retry-after: 2"], "good"],
  [400, [], "good"],
  [429, [], "failure"],
  [429, ["retry-after: 2"], { limitedMs: 2_000 }],
  [429, ["retry-after: 0"], { limitedMs: 0 }],
  [529, ["retry-after: 2"], { limitedMs: 2_000 }],
  [503, [], "failure"],
  [503, ["retry-after: 2"], { limitedMs: 2_000 }],
  [503, ["retry-after-ms: 200"], { limitedMs: 200 }],
  [503, ["retry-after: Wed, 29 Apr 2026 00:01:00 GMT"], { limitedMs: 60_000 }],
  // No pause at all would send each request there first.
  [503, ["retry-after: 0"], "failure"],
  [503, ["retry-after: Mon, 27 Apr 2026 00:00:00 GMT"], "failure"],
  // The reset of a rate limit is not when a server is back.
  [503, ["x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 6m0s"], "failure"],
  [500, ["retry-after: 2"], "failure"],
  [502, ["retry-after: 2"], "failure"],
];

for (const [status, lines, verdict] of VERDICTS) {
  Deno.test(`judgeAnswer: ${status} with ${lines.join(" and ") || "no header"}`, () => {
    const statuses = new Set([429, 503]);
    assertEquals(judgeResponse({ status, fields: fieldsOf(...lines) }, { statuses, epochMs: NOW }), verdict);
  });
}

/** Lines of an answer, and how long it wants to be left alone. */
const WAITS: readonly (readonly [lines: readonly string[], waitMs: number | undefined])[] = [
  [[], undefined],
  [["retry-after: 7"], 7_000],
  [["retry-after-ms: 70", "retry-after: 7"], 70],
  [["retry-after: 999999999999"], DAY_MS],
  [["retry-after-ms: 999999999999"], DAY_MS],
  [["date: Mon, 01 Jan 2024 00:00:00 GMT", "retry-after: Tue, 01 Jan 2030 00:00:00 GMT"], DAY_MS],
  [["date: Mon, 01 Jan 2024 00:00:09 GMT", "retry-after: Mon, 01 Jan 2024 00:00:00 GMT"], 0],
  [["retry-after: -1"], undefined],
  [["retry-after: Infinity"], undefined],
  [["retry-after: Wed, 29 Apr 2026 00:01:00 GMT"], 60_000],
  // OpenAI's limits, of which the tokens are used up.
  [[
    "x-ratelimit-remaining-requests: 59",
    "x-ratelimit-reset-requests: 1s",
    "x-ratelimit-remaining-tokens: 0",
    "x-ratelimit-reset-tokens: 6m0s",
  ], 360_000],
  [["x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 20ms"], 20],
  [["x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 7.66s"], 7_660],
  [["x-ratelimit-remaining-tokens: 12", "x-ratelimit-reset-tokens: 6m0s"], undefined],
  [["x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: soon"], undefined],
  [["x-ratelimit-remaining: 0", `x-ratelimit-reset: ${NOW + 5_000}`], 5_000],
  [["x-ratelimit-remaining: 0", `x-ratelimit-reset: ${NOW / 1000 + 5}`], 5_000],
  // Anthropic's.
  [[
    "anthropic-ratelimit-input-tokens-remaining: 0",
    "anthropic-ratelimit-input-tokens-reset: 2026-04-29T00:00:30Z",
    "anthropic-ratelimit-requests-remaining: 3",
    "anthropic-ratelimit-requests-reset: 2026-04-29T01:00:00Z",
  ], 30_000],
  [["retry-after: 2", "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 6m0s"], 2_000],
];
for (const [lines, waitMs] of WAITS) {
  Deno.test(`requestedPauseMs: ${lines.join(", ") || "nothing"}`, () => {
    assertEquals(requestedPauseMs(fieldsOf(...lines), NOW), waitMs);
  });
}

Deno.test("isCreation: requests that make an object or an image, and not those that read or chat", () => {
  const creations = [
    "images/generations",
    "images/edits",
    "videos",
    "files",
    "batches",
    "uploads",
    "fine_tuning/jobs",
  ];
  const others = [
    "chat/completions",
    "responses",
    "messages",
    "embeddings",
    "audio/speech",
    "files/f1/other",
  ];
  const isMade = (path: string, method = "POST") => isCreation(method, operationOf(method, `/v1/${path}`));
  assertEquals(creations.filter((path) => !isMade(path)), []);
  assertEquals(others.filter((path) => isMade(path)), []);
  assertEquals(creations.filter((path) => isMade(path, "GET") || isMade(path, "DELETE")), []);
});

Deno.test("mayBeDone: only what surely did not arrive, or was rejected, was not done", () => {
  const facts = { phase: "connect", sent: false, received: false, reused: false, elapsedMs: 0 } as const;
  const errors = [
    new TransportError("refused", facts),
    new TransportError("reset", { ...facts, phase: "first byte", sent: true }),
    new TimeoutExpired("connect", 1),
    new TimeoutExpired("first byte", 1),
  ];
  assertEquals(errors.map((error) => mayBeDone({ error })), [false, true, false, true]);
  const statuses = [429, 529, 500, 502, 503, 504, 521, 524];
  assertEquals(
    statuses.filter((status) => !mayBeDone({ response: { status } })),
    [429, 529, 521],
  );
});
