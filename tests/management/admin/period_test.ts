/** The dashboard's times, in zones whose clocks are changed. */

import { assertEquals } from "@std/assert";
import { denoCommand } from "../../support/processes/command.ts";

interface Shown {
  readonly from: string;
  readonly to: string;
  readonly fromBefore: string;
  readonly toBefore: string;
  readonly keys: readonly string[];
}

/** In a process of its own: the zone is the process's. */
async function periodIn(timeZone: string, name: "today" | "7" | "30", now: string): Promise<Shown> {
  const module = new URL("../../../src/management/page/period.ts", import.meta.url).href;
  const code = `const { periodOf } = await import(${JSON.stringify(module)});
    const { query, queryBefore, keys } = periodOf(${JSON.stringify(name)}, Date.parse(${
    JSON.stringify(now)
  }));
    const [one, before] = [query, queryBefore].map((text) => Object.fromEntries(new URLSearchParams(text)));
    console.log(JSON.stringify({ from: one.from, to: one.to, fromBefore: before.from, toBefore: before.to, keys }));`;
  const { stdout, success, stderr } = await denoCommand(["eval", "--no-lock", code], {
    env: { TZ: timeZone, NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a period: starts at midnight of the user, and the period before has the same length", async () => {
  const { from, to, fromBefore, toBefore, keys } = await periodIn(
    "Europe/Berlin",
    "today",
    "2026-11-21T14:20:00Z",
  );
  assertEquals([from, to], ["2026-11-20T23:00:00.000Z", "2026-11-21T15:00:00.000Z"]);
  assertEquals([fromBefore, toBefore], ["2026-11-19T23:00:00.000Z", "2026-11-20T15:00:00.000Z"]);
  assertEquals([keys.length, keys[0], keys.at(-1)], [16, "2026-11-20T23:00Z", "2026-11-21T14:00Z"]);
});

Deno.test("a period: each day once, also days of 23 or 25 hours", async () => {
  const spring = await periodIn("Europe/Berlin", "7", "2026-03-31T10:00:00Z");
  assertEquals(spring.keys, [25, 26, 27, 28, 29, 30, 31].map((day) => `2026-03-${day}`));
  assertEquals([spring.from, spring.fromBefore], ["2026-03-24T23:00:00.000Z", "2026-03-17T23:00:00.000Z"]);
  const autumn = await periodIn("America/New_York", "7", "2026-11-04T03:30:00Z");
  assertEquals([autumn.keys[0], autumn.keys.at(-1), autumn.keys.length], ["2026-10-28", "2026-11-03", 7]);
  const today = await periodIn("Europe/Berlin", "today", "2026-10-25T22:30:00Z");
  assertEquals(today.keys.length, 25, "the hour that comes twice");
});

Deno.test("a period: includes the current hour, also in zones with half hours", async () => {
  const { keys } = await periodIn("Asia/Kolkata", "today", "2026-11-21T07:10:00Z");
  assertEquals([keys[0], keys.at(-1)], ["2026-11-20T18:00Z", "2026-11-21T07:00Z"]);
});

Deno.test("a period: the period before ends at its start, also after clocks went back", async () => {
  const { from, toBefore } = await periodIn("Europe/Berlin", "today", "2026-10-25T22:30:00Z");
  assertEquals(toBefore, from);
});
