import { assertEquals } from "@std/assert";
import type { Account } from "../../src/accounting/account.ts";
import { Accounts } from "../../src/accounting/accounts.ts";
import { Pricer } from "../../src/accounting/cost.ts";
import type { ExchangeRecord } from "../../src/exchange.ts";
import type { ExchangeRow } from "../../src/storage/store.ts";
import { ANONYMOUS } from "../../src/principal.ts";
import { testBackend, testEndpoint } from "../support/config.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fieldsOf } from "../support/fields.ts";

const BACKEND = testBackend("https://api.test", { name: "api" });
/** A micro-dollar for each output token, and nothing for the input. */
const ENDPOINT = testEndpoint("openai", [BACKEND], {
  prices: [{ matches: (model) => model === "m", input: 0, output: 1 }],
});
const RECORD: ExchangeRecord = {
  id: "req_1",
  method: "POST",
  path: "/openai/v1/chat/completions",
  client: "192.0.2.1",
  principal: "anna",
  tokenId: undefined,
  endpoint: "openai",
  backend: "api",
  attempts: [{ backend: "api", afterMs: 0, detail: undefined }],
  status: 200,
  bytes: 0,
  firstByteMs: 1,
  durationMs: 1,
  ending: "complete",
  detail: undefined,
};
type Used = { readonly tokens: number | undefined; readonly micros: number | undefined };

/** Nothing is awaited. */
const NO_OBJECTS = { hasRoom: () => false, made() {}, looked() {} };

/** Settles one exchange; gives what it is said to have used, and its row. */
function settled(
  record: Partial<ExchangeRecord>,
  {
    answer,
    isAnswered = true,
    status = 200,
    reserves = 1_000,
    isLookedAt = false,
    background = false,
    accounts,
    type = "content-type: application/json",
  }: {
    answer?: string;
    /** The field of its type. */
    type?: string;
    /** Nothing is reserved then. */
    isLookedAt?: boolean;
    background?: boolean;
    isAnswered?: boolean;
    status?: number;
    reserves?: number;
    accounts?: Accounts;
  } = {},
): Used {
  let used: Used | undefined;
  const all = accounts ?? accountsInto(() => {});
  const account: Account = all.open({
    id: "req_1",
    path: RECORD.path,
    principal: ANONYMOUS,
    endpoint: ENDPOINT,
    fields: [],
  });
  account.asks({
    facts: () => ({ model: "m", background }),
    inputTokens: () => 0,
    isMetered: !isLookedAt,
    isFree: isLookedAt,
  });
  account.admitted({
    reserve() {},
    handOver: () => ({ keys: [], modelRules: [], tokens: 0, micros: 0 }),
    settle(amounts) {
      used = amounts;
      return { hour: 0, isDated: true, modelRules: [] };
    },
  });
  const order = { backend: BACKEND, model: "m", outputTokens: reserves };
  account.reserve(
    isLookedAt ? undefined : { statedTokens: 0, inputTokens: 0, outputTokens: reserves, orders: [order] },
  );
  if (isAnswered) account.answered({ status, fields: fieldsOf(type) }, BACKEND);
  if (answer !== undefined) account.passed(new TextEncoder().encode(answer));
  account.ended({ ...RECORD, ...record });
  return used ?? { tokens: undefined, micros: undefined };
}

function accountsInto(onRow: (row: ExchangeRow) => void): Accounts {
  const pricer = new Pricer({
    version: "none",
    priceOf: () => undefined,
    knows: () => false,
    providerAt: () => undefined,
    providerOf: () => undefined,
  });
  return new Accounts({
    clock: new FakeClock(),
    pricer,
    objects: NO_OBJECTS,
    onRow: ({ row }) => onRow(row),
  });
}

const GONE = { ending: "client_gone" } as const;
const TOLD = '{"id":"resp_1","model":"m","usage":{"prompt_tokens":3,"completion_tokens":5}}';

Deno.test("Account: an answer that is whole has used what it says", () => {
  assertEquals(settled({}, { answer: TOLD }), { tokens: 8, micros: 5 });
});

Deno.test("Account: one that does not say what it used has used what was reserved, unless it failed", () => {
  assertEquals(settled({}, { answer: "{}" }), { tokens: 0, micros: 1_000 });
  assertEquals(settled({ status: 500 }, { answer: "{}", status: 500 }).micros, undefined);
});

Deno.test("Account: one that is cut has used what may have been made: by its bytes, by its time, at most what was reserved", () => {
  assertEquals(settled({ ...GONE, bytes: 400, durationMs: 1 }).micros, 100);
  assertEquals(settled({ ...GONE, bytes: 4, durationMs: 1_000 }).micros, 200);
  assertEquals(settled({ ...GONE, bytes: 400_000, durationMs: 1_000 }).micros, 1_000);
  assertEquals(settled({ ending: "bad_gateway", bytes: 400 }).micros, 100, "also where the upstream cut it");
  assertEquals(settled({ ...GONE, bytes: 400, status: 500 }, { status: 500 }).micros, undefined, "a failure");
});

Deno.test("Account: a client that leaves before the answer begins pays for what may have been made; a backend that cannot be reached costs nothing", () => {
  assertEquals(settled({ ...GONE, durationMs: 2_000 }, { isAnswered: false }).micros, 400);
  assertEquals(settled({ ending: "bad_gateway", status: 502 }, { isAnswered: false }).micros, undefined);
});

Deno.test("Accounts: usage in what costs nothing, such as a file, does not count, whatever it says", () => {
  const rows: ExchangeRow[] = [];
  const accounts = accountsInto((row) => rows.push(row));
  const batch = '{"result":{"message":{"model":"m","usage":{"input_tokens":5,"output_tokens":7}}}}';
  const run = '{"id":"run_1","model":"m","usage":{"prompt_tokens":5,"completion_tokens":7}}';
  for (const answer of [TOLD, TOLD.replace('"resp_1"', '"file-1"'), batch, run, '{"input_tokens":2095}']) {
    settled({ method: "GET", path: "/openai/v1/files/file-1/content" }, {
      answer,
      accounts,
      isLookedAt: true,
    });
  }
  assertEquals(
    rows.map(({ inputTokens, costMicros }) => [inputTokens, costMicros]).flat().filter((one) =>
      one !== undefined
    ),
    [],
  );
});

Deno.test("Account: what a provider states is bounded, so that sums stay numbers", () => {
  const absurd = (usage: unknown) =>
    charged({}, JSON.stringify({ model: "x", usage }), "application/json", "x");
  const tokens = { prompt_tokens: 1, completion_tokens: 1 };
  for (const cost of [{ cost: 1e9 }, { cost_in_usd_ticks: 1e20 }, { cost_in_usd_ticks: 1e300 }]) {
    assertEquals(absurd({ ...tokens, ...cost })?.costMicros, 1e10);
  }
  const step = { type: "advisor_message", model: "m", input_tokens: 1e9, output_tokens: 1e9, cost: 1e9 };
  const row = absurd({
    input_tokens: 1,
    output_tokens: 1,
    cache_read_input_tokens: 0,
    iterations: Array(100).fill(step),
  });
  assertEquals([row?.inputTokens, row?.outputTokens], [1e9, 1e9]);
});

/** What a token without limits is charged. */
function charged(
  record: Partial<ExchangeRecord>,
  answer: string,
  type = "application/json",
  asked = "m",
): ExchangeRow | undefined {
  let row: ExchangeRow | undefined;
  const account = accountsInto((ended) => row = ended).open({
    id: "req_1",
    path: RECORD.path,
    principal: ANONYMOUS,
    endpoint: ENDPOINT,
    fields: [],
  });
  account.asks({ facts: () => ({ model: asked }), inputTokens: () => 7, isMetered: true, isFree: false });
  account.answered({ status: 200, fields: fieldsOf(`content-type: ${type}`) }, BACKEND);
  account.passed(new TextEncoder().encode(answer));
  account.ended({ ...RECORD, ...record });
  return row;
}

Deno.test("Account: without limits too, what was not told is estimated from the text and marked", () => {
  const delta = (text: string): string =>
    `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
  const events = delta("a word").repeat(20);
  const row = charged(GONE, events, "text/event-stream");
  assertEquals([row?.inputTokens, row?.outputTokens, row?.usageSource, row?.costMicros], [
    7,
    30,
    "estimated",
    30,
  ]);
  assertEquals(
    charged({}, `${events}data: [DONE]\n\n`, "text/event-stream")?.outputTokens,
    30,
    "nobody told it",
  );
  assertEquals(charged({}, TOLD)?.usageSource, "provider");
  const binary = charged({}, "ID3", "audio/mpeg");
  assertEquals([binary?.usageSource, binary?.inputTokens], [undefined, undefined], "nobody can say");
});

Deno.test("Account: what another model did for an answer counts, and makes the cost partial where it has no price", () => {
  const usage = {
    input_tokens: 10,
    output_tokens: 5,
    cache_read_input_tokens: 0,
    iterations: [{ type: "advisor_message", model: "other", input_tokens: 3, output_tokens: 4 }],
  };
  const row = charged({}, JSON.stringify({ model: "m", usage }));
  assertEquals([row?.inputTokens, row?.outputTokens, row?.costMicros, row?.costIsPartial], [13, 9, 5, true]);
});

Deno.test("Account: text that was seen counts, whatever the request stated, also behind an error", () => {
  const type = "content-type: text/event-stream";
  const events = `data: ${JSON.stringify({ choices: [{ delta: { content: "x".repeat(40_000) } }] })}\n\n`;
  const start = 'data: {"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n';
  assertEquals(settled({ ...GONE, bytes: 40_000 }, { answer: events, reserves: 1, type }).micros, 10_000);
  assertEquals(settled({ bytes: 40_000 }, { answer: start + events, reserves: 20_000, type }).micros, 10_000);
});
