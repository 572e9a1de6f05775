import { assertEquals } from "@std/assert";
import type { Balance } from "../../src/limits/ledger.ts";
import { latestOf, Ledgers } from "../../src/limits/ledgers.ts";

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 3, 29, 12);

function balance(micros: number, start: number, isDated = true): Balance {
  return { requests: 7, totalMicros: micros, hours: [{ start, micros, isDated }] };
}

Deno.test("Ledgers: a ledger continues from the balance of its subject, and a later call returns the same ledger", () => {
  const ledgers = new Ledgers(new Map([["token:1", balance(30, NOON)]]));
  assertEquals(ledgers.usedBy("token:2"), undefined);
  assertEquals(ledgers.usedBy("token:1")?.requests, 7, "before the first request");
  const ledger = ledgers.of("token:1");
  assertEquals([ledger.requests, ledger.spent.totalMicros, ledger.spent.since(NOON)], [7, 30, 30]);
  ledger.requests++;
  assertEquals([ledgers.of("token:1").requests, ledgers.usedBy("token:1")?.requests], [8, 8]);
  assertEquals([ledgers.of("token:2").requests, ledgers.of("token:2").spent.totalMicros], [0, 0]);
});

Deno.test("Ledgers: spending without a certain hour moves, whether or not its subject has sent a request", () => {
  const undated = balance(30, NOON - 5 * HOUR_MS, false);
  const ledgers = new Ledgers(new Map([["token:1", undated], ["token:2", undated]]));
  ledgers.of("token:1");
  const today = () => ["token:1", "token:2"].map((key) => ledgers.usedBy(key)?.spent.since(NOON));
  assertEquals(today(), [0, 0]);
  ledgers.moveSpendingTo(NOON);
  assertEquals(today(), [30, 30]);
});

Deno.test("latestOf: the latest hour with spending, and the latest one of a right clock", () => {
  assertEquals(latestOf(new Map()), { booked: undefined, dated: undefined });
  const balances = new Map([
    ["token:1", balance(1, NOON)],
    ["token:2", balance(1, NOON + HOUR_MS, false)],
    ["token:3", balance(1, NOON - HOUR_MS)],
  ]);
  assertEquals(latestOf(balances), { booked: NOON + HOUR_MS, dated: NOON });
});
