import { gzipSync } from "node:zlib";
import { assertEquals } from "@std/assert";
import type { Account } from "../../src/accounting/account.ts";
import { Accounts } from "../../src/accounting/accounts.ts";
import { Pricer } from "../../src/accounting/prices/cost.ts";
import type { Endpoint } from "../../src/config/config.ts";
import type { ExchangeRecord, ExchangeUsage } from "../../src/exchange_record.ts";
import { ANONYMOUS } from "../../src/principal.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { exchangeRecord } from "../support/data/records.ts";

const BACKEND = testBackend("https://api.test", { name: "api" });
/** A micro-dollar for each output token, and nothing for the input. */
const ENDPOINT = testEndpoint("openai", [BACKEND], {
  prices: [{ matches: (model) => model === "m", input: 0, output: 1 }],
});
const RECORD = exchangeRecord({
  principal: "anna",
  backend: "api",
  attempts: [{ backend: "api", afterMs: 0, detail: undefined }],
  bytes: 0,
  durationMs: 1,
});
type Used = { readonly tokens: number | undefined; readonly micros: number | undefined };

/** Nothing is awaited. */
const NO_OBJECTS = { hasRoom: () => false, received() {}, add() {}, responseEnded() {} };

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
    givenUpMs,
    reservedMore = [],
    choices = 1,
    usages = [],
  }: {
    answer?: string;
    /** The field of its type. */
    type?: string;
    /** Nothing is reserved then. */
    isLookedAt?: boolean;
    background?: boolean;
    /** How many answers are asked for. */
    choices?: number;
    isAnswered?: boolean;
    status?: number;
    reserves?: number;
    accounts?: Accounts;
    /** An attempt before was given up after so long. */
    givenUpMs?: number;
    /** Gets what was reserved beyond the first. */
    reservedMore?: Used[];
    /** Gets what the record says of the use. */
    usages?: ExchangeUsage[];
  } = {},
): Used {
  let used: Used | undefined;
  const all = accounts ?? openAccounts();
  const account: Account = all.open(exchangeAt(ENDPOINT), ANONYMOUS);
  account.setRequest({
    facts: () => ({ model: "m", background, choices }),
    inputTokens: () => 0,
    outputTokens: () => reserves,
    isMetered: !isLookedAt,
    isFree: isLookedAt,
  });
  account.setAdmission({
    reserve() {},
    reserveMore: (more) => void reservedMore.push(more),
    handOver: () => ({ keys: [], modelRules: [], tokens: 0, micros: 0 }),
    settle(amounts) {
      used = amounts;
      return { hour: 0, isDated: true, modelRules: [] };
    },
  });
  const order = { backend: BACKEND, model: "m", outputTokens: reserves };
  account.reserve(
    isLookedAt ? undefined : { statedTokens: 0, inputTokens: 0, outputTokens: reserves, candidates: [order] },
  );
  if (givenUpMs !== undefined) account.onUnanswered(BACKEND, givenUpMs);
  if (isAnswered) account.onResponse({ status, fields: fieldsOf(type) }, BACKEND);
  if (answer !== undefined) account.onPiece(new TextEncoder().encode(answer));
  const usage = usageOf(account, { ...RECORD, ...record });
  if (usage !== undefined) usages.push(usage);
  return used ?? { tokens: undefined, micros: undefined };
}

/** Rethrows: no test expects an error. */
const rethrow = (error: unknown): void => {
  throw error;
};

/** An exchange at an endpoint, as accounting sees it. */
function exchangeAt(endpoint: Endpoint) {
  return {
    id: "req_1",
    loggedPath: RECORD.path,
    endpoint,
    request: { fields: [] },
    redact: (text: string) => text,
  };
}

/** Settles an exchange whose response was not compressed. */
function usageOf(account: Account, record: ExchangeRecord): ExchangeUsage | undefined {
  const usage = account.settle(record);
  if (usage instanceof Promise) throw new Error("the response was compressed");
  return usage;
}

function openAccounts(onUnexpected = rethrow): Accounts {
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
    endpointNamed: () => undefined,
    onUnexpected,
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

Deno.test("Account: an attempt that was given up without an answer counts beside the answer, and is reserved at once", () => {
  const reservedMore: Used[] = [];
  const options = { answer: TOLD, givenUpMs: 1_000, reservedMore };
  assertEquals(settled({}, options), { tokens: 208, micros: 205 });
  assertEquals(reservedMore, [{ tokens: 200, micros: 200 }]);
  const failed = { ending: "upstream_timeout", status: 504 } as const;
  assertEquals(settled(failed, { isAnswered: false, givenUpMs: 1_000 }), { tokens: 200, micros: 200 });
  assertEquals(settled(failed, { isAnswered: false, givenUpMs: 9_000 }).micros, 1_000, "what was reserved");
  assertEquals(settled({}, { answer: "{}", isLookedAt: true, givenUpMs: 1_000 }).micros, undefined, "free");
});

Deno.test("Account: a client that leaves between two attempts pays for those that were given up alone", () => {
  const attempts = [{ backend: "api", afterMs: 0, detail: "it answered 503" }];
  const gone = { ...GONE, durationMs: 2_000 };
  assertEquals(settled({ ...gone, attempts }, { isAnswered: false }).micros, undefined);
  const estimated = { inputTokens: 0, outputTokens: 200, costMicros: 200 };
  const unanswered = [{ backend: "api", afterMs: 0, detail: undefined, estimated }];
  assertEquals(
    settled({ ...gone, attempts: unanswered }, { isAnswered: false, givenUpMs: 1_000 }).micros,
    200,
  );
  const second = [...attempts, { backend: "api", afterMs: 1_500, detail: undefined }];
  assertEquals(settled({ ...gone, attempts: second }, { isAnswered: false }).micros, 100, "half a second");
});

Deno.test("Accounts: how fast a model writes unseen is learnt from answers that were told, and from no others", () => {
  const answer = (tokens: number, id = "") =>
    `{${id}"model":"m","usage":{"prompt_tokens":3,"completion_tokens":${tokens}}}`;
  const gone = (accounts: Accounts) =>
    settled({ ...GONE, durationMs: 100 }, { accounts, isAnswered: false }).micros;
  const after = (record: Partial<ExchangeRecord>, options: Parameters<typeof settled>[1] = {}) => {
    const accounts = openAccounts();
    for (let index = 0; index < 5; index++) {
      settled({ durationMs: 1_000, ...record }, {
        answer: answer(2_000),
        reserves: 9_000,
        ...options,
        accounts,
      });
    }
    return gone(accounts);
  };
  assertEquals(after({}), 200, "two tokens a millisecond");
  const later = [{ backend: "other", afterMs: 0, detail: "it answered 503" }, {
    backend: "api",
    afterMs: 500,
    detail: undefined,
  }];
  assertEquals(after({ attempts: later }), 400, "from the last attempt");
  assertEquals(after({}, { background: true }), 20, "a background response");
  assertEquals(after({ method: "GET" }), 20, "what was fetched");
  assertEquals(after(GONE), 20, "what was cut");
  assertEquals(after({}, { choices: 10 }), 20, "many at once");
});

Deno.test("Accounts: usage in what costs nothing, such as a file, does not count, whatever it says", () => {
  const usages: ExchangeUsage[] = [];
  const batch = '{"result":{"message":{"model":"m","usage":{"input_tokens":5,"output_tokens":7}}}}';
  const run = '{"id":"run_1","model":"m","usage":{"prompt_tokens":5,"completion_tokens":7}}';
  for (const answer of [TOLD, TOLD.replace('"resp_1"', '"file-1"'), batch, run, '{"input_tokens":2095}']) {
    settled({ method: "GET", path: "/openai/v1/files/file-1/content" }, {
      answer,
      usages,
      isLookedAt: true,
    });
  }
  assertEquals(usages.length, 5);
  assertEquals(
    usages.map(({ inputTokens, costMicros }) => [inputTokens, costMicros]).flat().filter((one) =>
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
): ExchangeUsage | undefined {
  const account = openAccounts().open(exchangeAt(ENDPOINT), ANONYMOUS);
  account.setRequest({
    facts: () => ({ model: asked }),
    inputTokens: () => 7,
    outputTokens: () => 500,
    isMetered: true,
    isFree: false,
  });
  account.onResponse({ status: 200, fields: fieldsOf(`content-type: ${type}`) }, BACKEND);
  account.onPiece(new TextEncoder().encode(answer));
  return usageOf(account, { ...RECORD, ...record });
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
  const left = charged({ ...GONE, durationMs: 1_000 }, '{"choices":[{"message":{"content":"a wo');
  assertEquals([left?.outputTokens, left?.usageSource], [200, "estimated"], "as long as it was awaited");
  assertEquals(charged({ ...GONE, durationMs: 9_000 }, "{")?.outputTokens, 500, "the most that it may have");
  const unseen = charged({ ...GONE, durationMs: 1_000 }, ": ping\n\n", "text/event-stream");
  assertEquals(unseen?.outputTokens, 0, "a stream counts what it has shown");
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

Deno.test("Account: the estimate of the input is no more than what the model takes, reserved or not", () => {
  const endpoint = testEndpoint("openai", [BACKEND], { priceProvider: "openai" });
  const pricer = new Pricer({
    version: "list",
    priceOf: () => ({
      flat: { input: 1, output: 0 },
      contextTokens: 1_000,
      cost: () => undefined,
      pricesSearches: false,
      pricesTokens: true,
      isFreeFamily: false,
      kinds: new Set(),
    }),
    knows: () => true,
    providerAt: () => undefined,
    providerOf: () => undefined,
  });
  const left = (inputTokens: number, isReserved: boolean) => {
    const reserved: Used[] = [];
    const account = new Accounts({
      clock: new FakeClock(),
      pricer,
      objects: NO_OBJECTS,
      endpointNamed: () => undefined,
      onUnexpected: rethrow,
    }).open(exchangeAt(endpoint), ANONYMOUS);
    account.setRequest({
      facts: () => ({ model: "m" }),
      inputTokens: () => inputTokens,
      outputTokens: () => 0,
      isMetered: true,
      isFree: false,
    });
    account.setAdmission({
      reserve: (amounts) => void reserved.push(amounts),
      reserveMore() {},
      handOver: () => ({ keys: [], modelRules: [], tokens: 0, micros: 0 }),
      settle: () => ({ hour: 0, isDated: true, modelRules: [] }),
    });
    if (isReserved) {
      const order = { backend: BACKEND, model: "m", outputTokens: 0 };
      account.reserve({ statedTokens: 0, inputTokens, outputTokens: 0, candidates: [order] });
    }
    const row = usageOf(account, { ...RECORD, ...GONE });
    return {
      input: row?.inputTokens,
      micros: row?.costMicros,
      reserved: reserved.map(({ micros }) => micros),
    };
  };
  assertEquals(left(900, false), { input: 900, micros: 900, reserved: [] });
  assertEquals(left(5_000, false), { input: 1_000, micros: 1_000, reserved: [] });
  assertEquals(left(900, true), { input: 900, micros: 900, reserved: [900] });
  assertEquals(left(5_000, true), { input: 1_000, micros: 1_000, reserved: [1_000] });
});

Deno.test("Account: text that was seen counts, whatever the request stated, also behind an error", () => {
  const type = "content-type: text/event-stream";
  const events = `data: ${JSON.stringify({ choices: [{ delta: { content: "x".repeat(40_000) } }] })}\n\n`;
  const start = 'data: {"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n';
  assertEquals(settled({ ...GONE, bytes: 40_000 }, { answer: events, reserves: 1, type }).micros, 13_601);
  assertEquals(settled({ bytes: 40_000 }, { answer: start + events, reserves: 20_000, type }).micros, 13_601);
});

Deno.test("Accounts: an unexpected error after a compressed response is reported, and settled() resolves", async () => {
  const unexpected: unknown[] = [];
  const bug = new TypeError("cannot read x");
  const accounts = openAccounts((error) => void unexpected.push(error));
  const account = accounts.open(exchangeAt(ENDPOINT), ANONYMOUS);
  account.onResponse({
    status: 200,
    fields: fieldsOf("content-type: application/json", "content-encoding: gzip"),
  }, BACKEND);
  account.onPiece(gzipSync(TOLD));
  account.setRequest({
    facts() {
      throw bug;
    },
    inputTokens: () => 0,
    outputTokens: () => 0,
    isMetered: true,
    isFree: false,
  });
  const usage = account.settle(RECORD);
  await accounts.settled();
  assertEquals(await usage, undefined);
  assertEquals(unexpected, [bug]);
});

Deno.test("Accounts: an exchange whose usage cannot be worked out counts with what was reserved, and the error is reported", () => {
  const errors: unknown[] = [];
  const used: Used[] = [];
  const account = openAccounts((error) => void errors.push(error)).open(exchangeAt(ENDPOINT), ANONYMOUS);
  const request = { inputTokens: () => 0, outputTokens: () => 1_000, isMetered: true, isFree: false };
  account.setRequest({ ...request, facts: () => ({ model: "m" }) });
  account.setAdmission({
    reserve() {},
    reserveMore() {},
    handOver: () => ({ keys: [], modelRules: [], tokens: 0, micros: 0 }),
    settle(amounts) {
      used.push(amounts);
      return { hour: 0, isDated: true, modelRules: [] };
    },
  });
  const candidates = [{ backend: BACKEND, model: "m", outputTokens: 1_000 }];
  account.reserve({ statedTokens: 300, inputTokens: 0, outputTokens: 1_000, candidates });
  account.onResponse({ status: 200, fields: fieldsOf("Content-Type: application/json") }, BACKEND);
  const bug = new Error("a bug of accounting");
  account.setRequest({
    ...request,
    facts() {
      throw bug;
    },
  });
  account.settle(RECORD);
  assertEquals([used, errors], [[{ tokens: 300, micros: 1_000 }], [bug]]);
});
