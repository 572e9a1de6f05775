import { assertEquals } from "@std/assert";
import {
  type LimitQueries,
  PostgresLimitsServer,
} from "../../../src/limits/shared/postgres/postgres_server.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { within } from "../../support/time/deadline.ts";

/** A database whose functions answer at once. A batch gets as many answers as it has operations. */
function answering(): { queries: LimitQueries; statements: string[] } {
  const statements: string[] = [];
  return {
    statements,
    queries: {
      all(sql, [input] = []) {
        const [, operation = ""] = /^SELECT limits_v[0-9a-f]{8}_(\w+)/.exec(sql) ?? [];
        statements.push(operation);
        const count = operation === "batch" ? JSON.parse(String(input)).length : 0;
        const answer = JSON.stringify(Array.from({ length: count }, () => ["taken"]));
        return Promise.resolve([{ answer }]);
      },
      close: () => Promise.resolve(),
    },
  };
}

Deno.test("PostgresLimitsServer: an operation that follows the last answer at once does not wait for another one", async () => {
  const { queries } = answering();
  const server = new PostgresLimitsServer({ connect: () => Promise.resolve(queries) });
  for (let turn = 0; turn < 20; turn++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    server.call("take", {}).then(() => server.call("take", {}).then(() => resolve()));
    await within(promise, "the second answer", 5_000);
  }
  await server.close();
});

Deno.test("PostgresLimitsServer: operations of one turn are a batch, but for those that lock other ledgers", async () => {
  const { queries, statements } = answering();
  const server = new PostgresLimitsServer({ connect: () => Promise.resolve(queries) });
  await server.call("take", {});
  statements.length = 0;
  await Promise.all([
    server.call("take", {}),
    server.call("settle", {}),
    server.call("renew", {}),
    server.call("hold", {}),
    server.call("count", {}),
  ]);
  assertEquals(statements, ["batch", "renew", "batch"]);
  await server.close();
});

Deno.test("PostgresLimitsServer: requests do not wait for wrong tokens, of which fifty wait at most", async () => {
  const { queries, statements } = answering();
  const slow = Promise.withResolvers<void>();
  const server = new PostgresLimitsServer({
    connect: () =>
      Promise.resolve({
        ...queries,
        async all(sql, values) {
          if (/^SELECT limits_\w+_guess/.test(sql)) await slow.promise;
          return await queries.all(sql, values);
        },
      }),
  });
  const guesses = Array.from({ length: 200 }, () => server.call("guess", {}));
  await within(server.call("take", {}), "a request", 5_000);
  slow.resolve();
  await within(Promise.all(guesses), "the wrong tokens", 5_000);
  assertEquals(statements.filter((name) => name === "guess").length, 50);
  await server.close();
});

for (const [failures, outcome] of [[4, "the answer"], [5, "busy"]] as const) {
  Deno.test(`PostgresLimitsServer: after ${failures} operations that the database undoes, ${outcome}`, async () => {
    let left: number = failures;
    const queries: LimitQueries = {
      all(sql) {
        if (!sql.startsWith("SELECT limits_")) return Promise.resolve([]);
        if (left-- > 0) {
          return Promise.reject(new StoreError("busy", "another operation has changed a holding"));
        }
        return Promise.resolve([{ answer: '["the answer"]' }]);
      },
      close: () => Promise.resolve(),
    };
    const server = new PostgresLimitsServer({ connect: () => Promise.resolve(queries) });
    const answer = await server.call("settle", {}).catch((error) => [error.kind]);
    assertEquals(answer, [outcome]);
    await server.close();
  });
}
