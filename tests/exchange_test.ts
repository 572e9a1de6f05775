import { assertEquals } from "@std/assert";
import { Cancellation } from "../src/cancellation.ts";
import { Exchange, type ExchangeAccount, type ExchangeRecord } from "../src/exchange.ts";
import { RelayedBody } from "../src/forwarding/relay.ts";
import { testBackend } from "./support/proxies/config.ts";
import { textSource } from "./support/proxies/handler.ts";
import { textOf } from "./support/data/body_text.ts";
import { FakeClock } from "./support/time/fake_clock.ts";

const ACCOUNT: ExchangeAccount = {
  attempted() {},
  unanswered: () => undefined,
  answered() {},
  passed() {},
  sent() {},
  hasSeenEnd: () => false,
  settle: () => undefined,
};

interface Outcome {
  readonly text: string;
  readonly records: readonly ExchangeRecord[];
  readonly errors: number;
  readonly passed: number;
}

/** Relays an answer with an account, and with a log that fails if `logFails`. */
async function relayed(
  account: Partial<ExchangeAccount>,
  { logFails = false }: { logFails?: boolean } = {},
): Promise<Outcome> {
  const records: ExchangeRecord[] = [];
  const order: string[] = [];
  let errors = 0;
  let passed = 0;
  const request = {
    method: "POST",
    target: "/",
    fields: [],
    body: null,
    peer: "192.0.2.1",
    entry: "all",
    cancellation: new Cancellation(),
  } as const;
  const exchange = new Exchange(request, { path: "/", address: "192.0.2.1", endpoint: undefined }, {
    clock: new FakeClock(),
    createId: () => "req_1",
    onStart() {},
    onEnd: () => order.push("end"),
    onRecord(record) {
      order.push("record");
      records.push(record);
      if (logFails) throw new Error("the log failed");
    },
    onFailover() {},
    onUnexpected: () => errors++,
  });
  exchange.account = {
    ...ACCOUNT,
    ...account,
    passed(piece) {
      passed++;
      account.passed?.(piece);
    },
  };
  exchange.answered({ status: 200, fields: [] }, testBackend("https://a.test"));
  const body = new RelayedBody(textSource("hello"), request.cancellation, {
    awaited() {},
    passed: (piece) => exchange.passed(piece),
    ended: (how) => exchange.end(how),
    brokeOff: () => exchange.end("client_gone"),
  });
  return { text: await textOf(body), records, errors, passed };
}

function fails(): never {
  throw new Error("a bug of accounting");
}

Deno.test("Exchange: an error of accounting or of the log is reported once, and the client gets the whole answer", async () => {
  const cases = [
    relayed({ passed: fails }),
    relayed({ answered: fails }),
    relayed({ settle: fails }),
    relayed({}, { logFails: true }),
  ];
  for (const { text, records, errors } of await Promise.all(cases)) {
    assertEquals([text, errors], ["hello", 1]);
    assertEquals(records.map(({ ending, bytes }) => [ending, bytes]), [["complete", 5]]);
  }
});

Deno.test("Exchange: an account that failed reads no more of the answer, and is still settled", async () => {
  let settled = 0;
  const { passed } = await relayed({ answered: fails, settle: () => void settled++ });
  assertEquals([passed, settled], [0, 1]);
});
