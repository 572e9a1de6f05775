import { assertEquals } from "@std/assert";
import { Cancellation } from "../src/cancellation.ts";
import { Exchange, type RoutedExchange } from "../src/exchange.ts";
import type { ExchangeParts, Failover } from "../src/exchange/exchange_parts.ts";
import type { ExchangeAccount, ExchangeObjects } from "../src/exchange/observers.ts";
import type { IncomingRequest } from "../src/http/message.ts";
import type { ExchangeRecord, ExchangeUsage } from "../src/exchange_record.ts";
import { Balancer } from "../src/forwarding/balancer.ts";
import { forward } from "../src/forwarding/forward.ts";
import { RelayedBody } from "../src/forwarding/relay.ts";
import type { MessageBody } from "../src/streams/byte_source.ts";
import { fieldsOf } from "./support/data/fields.ts";
import { exchangeUsage, QUIET_ACCOUNT } from "./support/data/records.ts";
import { testBackend, testEndpoint } from "./support/proxies/config.ts";
import { textSource } from "./support/proxies/handler.ts";
import { textOf } from "./support/data/body_text.ts";
import { FakeClock } from "./support/time/fake_clock.ts";

const USAGE = exchangeUsage();

const REQUEST: IncomingRequest = {
  method: "POST",
  target: "/",
  fields: [],
  body: null,
  peer: "192.0.2.1",
  entry: "all",
  cancellation: new Cancellation(),
};

const PARTS: ExchangeParts = {
  clock: new FakeClock(),
  createId: () => "req_1",
  onStart() {},
  onEnd() {},
  onRecord() {},
  onFailover() {},
  onResent() {},
  onUnexpected() {},
};

interface Outcome {
  readonly text: string;
  /** The calls of the exchange to the rest of the proxy, in their order. */
  readonly order: readonly string[];
  readonly records: readonly ExchangeRecord[];
  readonly errors: number;
  readonly passed: number;
}

/**
 * Relays a response with an account, and with a log that fails if `logFails`. If `isLater`, it waits for the
 * record.
 */
async function relayed(
  account: Partial<ExchangeAccount>,
  { logFails = false, isLater = false }: { logFails?: boolean; isLater?: boolean } = {},
): Promise<Outcome> {
  const records: ExchangeRecord[] = [];
  const order: string[] = [];
  const recorded = Promise.withResolvers<void>();
  let errors = 0;
  let passed = 0;
  const request = { ...REQUEST, cancellation: new Cancellation() };
  const exchange = new Exchange(request, {
    target: { path: "/", query: "" },
    route: undefined,
    address: "192.0.2.1",
  }, {
    ...PARTS,
    onEnd: () => order.push("end"),
    onRecord(record) {
      order.push("record");
      records.push(record);
      recorded.resolve();
      if (logFails) throw new Error("the log failed");
    },
    onUnexpected: () => errors++,
  });
  exchange.account = {
    ...QUIET_ACCOUNT,
    ...account,
    onPiece(piece) {
      passed++;
      account.onPiece?.(piece);
    },
    settle(record) {
      order.push("settle");
      return account.settle?.(record);
    },
  };
  exchange.onResponse({ status: 200, fields: [], headAt: 0 }, testBackend("https://a.test"));
  const body = new RelayedBody(textSource("hello"), request.cancellation, {
    onWait() {},
    onPiece: (piece) => exchange.onPiece(piece),
    onEnd: (how) => exchange.end(how),
    onBroken: () => exchange.end("client_gone"),
  });
  const text = await textOf(body);
  if (isLater) await recorded.promise;
  return { text, order, records, errors, passed };
}

function fails(): never {
  throw new Error("a bug of accounting");
}

Deno.test("Exchange: an error of accounting or of the log is reported once, and the client gets the whole response", async () => {
  const cases = [
    relayed({ onPiece: fails }),
    relayed({ onResponse: fails }),
    relayed({ settle: fails }),
    relayed({}, { logFails: true }),
  ];
  for (const { text, records, errors } of await Promise.all(cases)) {
    assertEquals([text, errors], ["hello", 1]);
    assertEquals(records.map(({ ending, bytes }) => [ending, bytes]), [["complete", 5]]);
  }
});

Deno.test("Exchange: an account that failed reads no more of the response, and is still settled", async () => {
  let settled = 0;
  const { passed } = await relayed({ onResponse: fails, settle: () => void settled++ });
  assertEquals([passed, settled], [0, 1]);
});

/** An exchange whose account does as stated, with what it reports. */
function attempting(account: Partial<ExchangeAccount>) {
  const errors: unknown[] = [];
  const failovers: Failover[] = [];
  const records: ExchangeRecord[] = [];
  const request = { ...REQUEST, cancellation: new Cancellation() };
  const beginning = { target: { path: "/", query: "" }, route: undefined, address: "192.0.2.1" };
  const exchange = new Exchange(request, beginning, {
    ...PARTS,
    onRecord: (record) => records.push(record),
    onFailover: (failover) => failovers.push(failover),
    onUnexpected: (error) => errors.push(error),
  });
  exchange.account = { ...QUIET_ACCOUNT, ...account };
  return { exchange, errors, failovers, records };
}

Deno.test("Exchange: an account that fails at an attempt is reported, and breaks no request", () => {
  for (const account of [{ onAttempt: fails }, { onUnanswered: fails }]) {
    const { exchange, errors, records } = attempting(account);
    exchange.onAttempt("a");
    exchange.onUnanswered(testBackend("https://a.test"));
    exchange.end("complete");
    assertEquals(errors.length, 1);
    assertEquals(records[0]?.attempts.map(({ backend }) => backend), ["a"]);
  }
});

Deno.test("Exchange: a failed attempt is reported with the next backend when the next attempt begins", () => {
  const { exchange, failovers, records } = attempting({});
  exchange.onAttempt("a");
  exchange.onFailover("it answered 503");
  assertEquals(failovers, []);
  exchange.onAttempt("b");
  exchange.onFailover("it answered 429");
  exchange.end("client_gone");
  const failed = { id: "req_1", endpoint: undefined, backend: "a", detail: "it answered 503" };
  assertEquals(failovers, [{ ...failed, next: "b" }]);
  assertEquals(records[0]?.attempts.map(({ detail }) => detail), ["it answered 503", "it answered 429"]);
});

Deno.test("Exchange: it ends once, its account settles first, and its one record has the usage", async () => {
  let usageAtSettlement: unknown = "not settled";
  const { order, records } = await relayed({
    settle(record) {
      usageAtSettlement = record.usage;
      return USAGE;
    },
  });
  assertEquals(order, ["end", "settle", "record"]);
  assertEquals([usageAtSettlement, records.map(({ usage }) => usage)], [undefined, [USAGE]]);
});

Deno.test("Exchange: a record waits for the usage of a compressed response, and the end of the exchange does not", async () => {
  const usage = Promise.withResolvers<ExchangeUsage>();
  const later = relayed({ settle: () => usage.promise }, { isLater: true });
  usage.resolve(USAGE);
  const { order, records, errors } = await later;
  assertEquals([order, errors], [["end", "settle", "record"], 0]);
  assertEquals(records.map(({ usage, ending }) => [usage, ending]), [[USAGE, "complete"]]);
  const failed = await relayed({ settle: () => Promise.reject(new Error("a bug")) }, { isLater: true });
  assertEquals([failed.errors, failed.records.map(({ usage }) => usage)], [1, [undefined]]);
});

Deno.test("Exchange: the path in records has no part of a credential, also where it is cut", () => {
  const credential = "a-credential-of-some-length";
  const path = `/openai/${"x".repeat(980)}/${credential}`;
  const exchange = new Exchange(
    REQUEST,
    { target: { path, query: "" }, route: undefined, address: "::1" },
    PARTS,
  );
  exchange.conceal([{ value: credential }]);
  assertEquals(exchange.loggedPath, `/openai/${"x".repeat(980)}/[redacted]`);
});

/** The calls of both observers of one response of two pieces, of which some fail. */
function observed(
  { account = {}, objects = {} }: {
    account?: Partial<Record<"answered" | "passed" | "hasSeenEnd", () => never>>;
    objects?: Partial<Record<keyof ExchangeObjects, () => never>>;
  },
): { readonly calls: string[]; readonly errors: number } {
  const calls: string[] = [];
  let errors = 0;
  const exchange = new Exchange({ ...REQUEST, cancellation: new Cancellation() }, {
    target: { path: "/", query: "" },
    route: undefined,
    address: "192.0.2.1",
  }, { ...PARTS, onRecord: () => calls.push("record"), onUnexpected: () => errors++ });
  const call = (name: string, fail: (() => void) | undefined): void => {
    calls.push(name);
    fail?.();
  };
  exchange.account = {
    ...QUIET_ACCOUNT,
    onResponse: () => call("account.answered", account.answered),
    onPiece: () => call("account.passed", account.passed),
    hasSeenEnd: () => account.hasSeenEnd?.() === true,
    settle: () => void call("account.settle", undefined),
  };
  exchange.objects = {
    onResponse: () => call("objects.answered", objects.onResponse),
    onPiece: () => call("objects.passed", objects.onPiece),
    onEnd: () => call("objects.ended", objects.onEnd),
  };
  exchange.onResponse({ status: 200, fields: [], headAt: 0 }, testBackend("https://a.test"));
  exchange.onPiece(new Uint8Array(1));
  exchange.onPiece(new Uint8Array(1));
  exchange.end("client_gone");
  return { calls, errors };
}

Deno.test("Exchange: an account that fails does not stop the objects", () => {
  for (const account of [{ answered: fails }, { passed: fails }]) {
    const { calls, errors } = observed({ account });
    assertEquals(
      calls.filter((call) => call.startsWith("objects")),
      ["objects.answered", "objects.passed", "objects.passed", "objects.ended"],
    );
    assertEquals([calls.at(-1), errors], ["record", 1]);
  }
});

Deno.test("Exchange: objects that fail do not stop the account, and an account is always settled", () => {
  for (const objects of [{ onResponse: fails }, { onPiece: fails }, { onEnd: fails }]) {
    const { calls, errors } = observed({ objects });
    assertEquals(
      calls.filter((call) => call.startsWith("account")),
      ["account.answered", "account.passed", "account.passed", "account.settle"],
    );
    assertEquals([calls.at(-1), errors], ["record", 1]);
  }
  const { calls, errors } = observed({ account: { hasSeenEnd: fails } });
  assertEquals([calls.slice(-3), errors], [["objects.ended", "account.settle", "record"], 1]);
});

for (const retries of [0, 1]) {
  Deno.test(`Exchange: with retries = ${retries} the time to the first byte ends with the head, not with the first event`, async () => {
    const clock = new FakeClock();
    const records: ExchangeRecord[] = [];
    const endpoint = testEndpoint("e", [testBackend("http://h.test")], {
      retry: { retries, statuses: new Set(), unsafe: false },
    });
    const cancellation = new Cancellation();
    // Its endpoint is given, so it is routed; `forward` does not read the principal.
    const exchange = new Exchange({ ...REQUEST, cancellation }, {
      target: { path: "/e/v1/x", query: "" },
      route: { endpoint, apiPath: "/v1/x" },
      address: "::1",
    }, { ...PARTS, clock, onRecord: (record) => records.push(record) }) as RoutedExchange;
    const { body } = await forward({
      exchange,
      balancer: new Balancer(endpoint, { clock }),
      requests: { usesProjectKey: () => false, headFor: () => ({ target: "/", fields: [] }) },
      body: null,
      payload: undefined,
      memory: { tryHold: () => true, release() {}, droppedBy() {} },
      websocket: undefined,
    }, {
      clock,
      transport: {
        send() {
          clock.pass(27);
          return Promise.resolve({
            status: 200,
            reason: "OK",
            fields: fieldsOf("content-type: text/event-stream"),
            body: lateSource(clock, { afterMs: 400, text: "data: {}\n\n" }),
          });
        },
        renew() {},
        close() {},
      },
    });
    await textOf(body);
    assertEquals(records.map(({ firstByteMs, durationMs }) => [firstByteMs, durationMs]), [[27, 427]]);
  });
}

/** A body whose text arrives some time after it was awaited. */
function lateSource(clock: FakeClock, { afterMs, text }: { afterMs: number; text: string }): MessageBody {
  const source = textSource(text);
  let hasArrived = false;
  return {
    ...source,
    tryRead: () => hasArrived ? source.tryRead() : undefined,
    readable() {
      if (!hasArrived) clock.pass(afterMs);
      hasArrived = true;
      return Promise.resolve();
    },
  };
}
