import { assertEquals } from "@std/assert";
import { KeyedTasks } from "../../../src/accounting/settlement/keyed_tasks.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { nextTurn } from "../../support/time/passing_time.ts";

Deno.test("KeyedTasks: of two tasks with one key, the second does not start while the first runs", async () => {
  const tasks = new KeyedTasks({ onFailed() {}, onUnexpected() {} });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const started: string[] = [];
  const task = (name: string) => async () => {
    started.push(name);
    await gate;
  };
  tasks.runOnce("a", task("first"));
  tasks.runOnce("a", task("second"));
  tasks.runOnce("b", task("other"));
  tasks.run(task("without a key"));
  open();
  await tasks.idle();
  assertEquals(started, ["first", "other", "without a key"]);
  tasks.runOnce("a", task("third"));
  await tasks.idle();
  assertEquals(started.at(-1), "third");
});

Deno.test("KeyedTasks: a task that the database fails runs again at the next retry, until it succeeds", async () => {
  const reasons: string[] = [];
  const tasks = new KeyedTasks({ onFailed: (reason) => reasons.push(reason), onUnexpected() {} });
  let runs = 0;
  tasks.runOnce(
    "a",
    () => ++runs < 3 ? Promise.reject(new StoreError("busy", `run ${runs}`)) : Promise.resolve(),
  );
  await tasks.idle();
  for (let retry = 0; retry < 3; retry++) {
    tasks.retry();
    await tasks.idle();
  }
  assertEquals([runs, reasons], [3, ["run 1", "run 2"]]);
});

Deno.test("KeyedTasks: idle also waits for tasks that a task starts", async () => {
  const tasks = new KeyedTasks({ onFailed() {}, onUnexpected() {} });
  let hasEnded = false;
  tasks.run(async () => {
    await Promise.resolve();
    tasks.run(async () => {
      await nextTurn();
      hasEnded = true;
    });
  });
  await tasks.idle();
  assertEquals(hasEnded, true);
});

Deno.test("KeyedTasks: a task that fails otherwise is reported, is not tried again, and does not fail idle", async () => {
  const errors: unknown[] = [];
  const tasks = new KeyedTasks({ onFailed() {}, onUnexpected: (error) => errors.push(error) });
  const bug = new TypeError("a bug");
  tasks.runOnce("a", () => Promise.reject(bug));
  await tasks.idle();
  tasks.retry();
  await tasks.idle();
  assertEquals(errors, [bug]);
});
