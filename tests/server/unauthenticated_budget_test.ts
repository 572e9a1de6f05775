import { assertEquals } from "@std/assert";
import { UnauthenticatedBudget } from "../../src/server/unauthenticated_budget.ts";
import type { ServedConnection } from "../../src/server/served_connection.ts";

const KIB = 1024;

class Bench {
  now = 0;
  readonly closed: string[] = [];
  readonly budget = new UnauthenticatedBudget({ maxBytes: 64 * KIB, now: () => this.now });

  connection(name: string, { admitted = false } = {}): ServedConnection {
    const since = this.now++;
    return {
      unreadSince: undefined,
      idleSince: since,
      stateSince: since,
      isAuthenticated: admitted,
      endOverdue() {},
      finish() {},
      close: () => void this.closed.push(name),
    };
  }
}

Deno.test("UnauthenticatedBudget: if unfinished heads hold too much together, the oldest connection is closed", () => {
  const bench = new Bench();
  const [one, two, three] = ["one", "two", "three"].map((name) => bench.connection(name));
  for (const connection of [two, one, three]) if (connection) bench.budget.setHeld(connection, 16 * KIB);
  if (three) bench.budget.setHeld(three, 32 * KIB);
  assertEquals(bench.closed, [], "they fit");
  if (three) bench.budget.setHeld(three, 64 * KIB);
  assertEquals(bench.closed, ["one", "two"]);
});

Deno.test("UnauthenticatedBudget: a complete head is released, and small buffers do not count", () => {
  const bench = new Bench();
  for (let index = 0; index < 100; index++) {
    const connection = bench.connection(String(index));
    bench.budget.setHeld(connection, 64 * KIB);
    bench.budget.release(connection);
    bench.budget.release(connection);
    bench.budget.setHeld(bench.connection(`small ${index}`), 4 * KIB);
  }
  assertEquals(bench.closed, []);
});

Deno.test("UnauthenticatedBudget: connections of authenticated clients are neither counted nor closed", () => {
  const bench = new Bench();
  for (let index = 0; index < 10; index++) {
    bench.budget.setHeld(bench.connection("admitted", { admitted: true }), 64 * KIB);
  }
  bench.budget.setHeld(bench.connection("unknown"), 64 * KIB);
  assertEquals(bench.closed, []);
});
