import { assertEquals } from "@std/assert";
import { ResetWatch } from "../../src/server/http2/reset_watch.ts";

function frame(type: number, payload: number): number[] {
  return [
    payload >> 16,
    payload >> 8 & 255,
    payload & 255,
    type,
    0,
    0,
    0,
    0,
    1,
    ...Array(payload).fill(RESET),
  ];
}
const [DATA, HEADERS, RESET] = [0, 1, 3];

Deno.test("ResetWatch: sees a reset however the frames are cut, for a while, and nothing else", () => {
  for (const size of [1, 2, 7, 1_000]) {
    let now = 0;
    const watch = new ResetWatch(() => now);
    const pass = (bytes: number[]) => {
      for (let at = 0; at < bytes.length; at += size) watch.pass(Uint8Array.from(bytes.slice(at, at + size)));
    };
    pass([...frame(HEADERS, 20), ...frame(DATA, 0), ...frame(DATA, 300)]);
    assertEquals(watch.mayBeReset, false);
    pass([...frame(DATA, 5), ...frame(RESET, 4)]);
    assertEquals(watch.mayBeReset, true);
    now += 4_999;
    assertEquals(watch.mayBeReset, true);
    now += 1;
    assertEquals(watch.mayBeReset, false);
  }
});
