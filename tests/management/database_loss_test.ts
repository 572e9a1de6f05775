import { assertEquals } from "@std/assert";
import { DatabaseLoss } from "../../src/management/database_loss.ts";

function bench() {
  const tokens = { isAway: false, unconfirmedMs: 0 };
  const writer = { isBehind: false, isHalfFull: false, keepsBudgets: false };
  const events: string[] = [];
  const loss = new DatabaseLoss({ tokens, writer, log: (_level, event) => events.push(event) }, "refuse");
  return { tokens, writer, events, loss };
}

Deno.test("DatabaseLoss: refuse rejects requests under a budget while the database is away, and before the queue is full", () => {
  const { tokens, writer, loss } = bench();
  const refusals: boolean[] = [loss.refusesBudgets()];
  tokens.isAway = true;
  refusals.push(loss.refusesBudgets());
  tokens.isAway = false;
  writer.isBehind = true;
  refusals.push(loss.refusesBudgets());
  writer.isBehind = false;
  writer.isHalfFull = true;
  refusals.push(loss.refusesBudgets());
  assertEquals(refusals, [false, true, true, true]);
});

Deno.test("DatabaseLoss: refuse rejects tokens that the database could not confirm, and logs when that begins and ends", () => {
  const { tokens, events, loss } = bench();
  tokens.unconfirmedMs = 45_000;
  assertEquals([loss.refusesTokens(), events], [false, []]);
  tokens.unconfirmedMs = 45_001;
  assertEquals([loss.refusesTokens(), loss.refusesTokens(), events], [true, true, ["storage_failing"]]);
  tokens.unconfirmedMs = 0;
  assertEquals([loss.refusesTokens(), events], [false, ["storage_failing", "storage_recovered"]]);
});

Deno.test("DatabaseLoss: go_on rejects nothing, and a reload changes it", () => {
  const { tokens, writer, loss } = bench();
  Object.assign(tokens, { isAway: true, unconfirmedMs: 1_000_000 });
  assertEquals([loss.refusesBudgets(), loss.refusesTokens(), writer.keepsBudgets], [true, true, true]);
  for (const onLoss of ["go_on", undefined] as const) {
    loss.configure(onLoss);
    assertEquals([loss.refusesBudgets(), loss.refusesTokens(), writer.keepsBudgets], [false, false, false]);
  }
});
