import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { ResponseTap } from "../../src/accounting/taps/response_tap.ts";
import { contentFields } from "../support/data/fields.ts";
import { nextTurn } from "../support/time/passing_time.ts";

/** An answer that ends in its usage, and that is many times as long as its gzip. */
function answerOf(units: number): { plain: Uint8Array; gzip: Uint8Array } {
  const unit = Array.from({ length: 40 }, (_, index) => `{"id":"${(index * 7919) % 1000}"},`).join("");
  const numbered = Array.from({ length: units }, (_, index) => `${Math.imul(index, 2654435761)},${unit}`);
  const plain = new TextEncoder().encode(`{"x":[${numbered.join("")}0],"usage":{"completion_tokens":7}}`);
  return { plain, gzip: new Uint8Array(gzipSync(plain, { level: 9 })) };
}

Deno.test("Decompressor: others get their turn while a long answer is looked at", async () => {
  const { plain, gzip } = answerOf(30_000);
  const ratio = plain.length / gzip.length;
  assert(plain.length > 15e6 && ratio > 20 && ratio < 100, `${plain.length} bytes, ${ratio}`);
  const tap = ResponseTap.of(contentFields("application/json", "gzip"));
  let isDone = false;
  let longest = 0;
  let turns = 0;
  // Work and not time: others use the machine too.
  let worked = process.cpuUsage();
  const turn = () => {
    const { user, system } = process.cpuUsage(worked);
    longest = Math.max(longest, (user + system) / 1000);
    turns++;
    worked = process.cpuUsage();
    if (!isDone) setTimeout(turn);
  };
  setTimeout(turn);
  tap?.write(gzip);
  const observed = await tap?.end();
  isDone = true;
  await nextTurn();
  assertEquals(observed?.usage, { outputTokens: 7 });
  assert(turns > 5, `${turns} turns`);
  assert(longest < 100, `${longest} ms at a stretch`);
});

Deno.test("Decompressor: an answer that grows like a bomb is not looked at to its end", async () => {
  const usage = '"usage":{"completion_tokens":7}';
  const read = async (text: string) => {
    const tap = ResponseTap.of(contentFields("application/json", "gzip"));
    tap?.write(new Uint8Array(gzipSync(new TextEncoder().encode(text))));
    return (await tap?.end())?.usage;
  };
  const known = await read(`{"x":"${"x".repeat(500_000)}",${usage}}`);
  assertEquals(known?.outputTokens, 7);
  assertEquals(await read(`{"x":"${"x".repeat(20e6)}",${usage}}`), {});
});
