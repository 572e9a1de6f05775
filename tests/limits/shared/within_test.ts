import { assertEquals, assertRejects } from "@std/assert";
import { within } from "../../../src/limits/shared/within.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { command } from "../../support/processes/command.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

Deno.test("within: an answer in time, and no answer in time", async () => {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<string>();
  const answered = within(promise, { clock, timeoutMs: 500 });
  clock.pass(499);
  resolve("answer");
  assertEquals(await answered, "answer");
  assertEquals(clock.pending, 0);
  const late = within(new Promise(() => {}), { clock, timeoutMs: 500 });
  clock.pass(500);
  await assertRejects(() => late, Error, "no answer within 500 ms");
  assertEquals(clock.pending, 0);
});

Deno.test({
  ...unless(withoutUnix(), "within: an answer that came while this process stood still is in time"),
  async fn() {
    const file = await Deno.makeTempFile();
    await using child = command("sh", {
      args: ["-c", 'echo answer; rm "$1"', "sh", file],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    const answered = within(reader.read(), { clock: systemClock, timeoutMs: 100 });
    const begun = performance.now();
    while (isThere(file) || performance.now() - begun < 200) { /* This process stands still. */ }
    const { value } = await answered;
    assertEquals(new TextDecoder().decode(value), "answer\n");
    await reader.cancel();
    await child.status;
  },
});

function isThere(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}
