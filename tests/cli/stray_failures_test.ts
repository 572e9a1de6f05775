import { assertEquals } from "@std/assert";
import { logStrayFailures } from "../../src/cli/stray_failures.ts";
import { nextTurn } from "../support/time/passing_time.ts";

Deno.test("logStrayFailures: an unhandled rejection is logged, and the program goes on", async () => {
  const logged: string[] = [];
  const stop = logStrayFailures((level, event, fields) =>
    logged.push(`${level} ${event} ${String(fields?.detail).split("\n")[0]}`)
  );
  void Promise.reject(new Error("a slip"));
  await nextTurn();
  stop();
  assertEquals(logged, ["error unexpected Error: a slip"]);
});
