import { assertEquals } from "@std/assert";
import { RepeatedWarning } from "../../src/server/repeated_warning.ts";

Deno.test("RepeatedWarning: the log gets a warning once a minute, with the fields of that call", () => {
  const lines: unknown[] = [];
  let now = 0;
  const warning = new RepeatedWarning("plain_http", {
    log: (level, event, fields) => void lines.push([level, event, fields?.client]),
    now: () => now,
  });
  for (const [at, client] of [[0, "a"], [1, "b"], [59_999, "c"], [60_000, "d"], [60_001, "e"]] as const) {
    now = at;
    warning.log({ client });
  }
  assertEquals(lines, [["warn", "plain_http", "a"], ["warn", "plain_http", "d"]]);
});
