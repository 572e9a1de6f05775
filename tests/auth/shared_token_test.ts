import { assertEquals } from "@std/assert";
import { isEqual } from "../../src/auth/shared_token.ts";

/** Bytes that record which of them were read. */
function watched(bytes: readonly number[]): { bytes: Uint8Array; looked: Set<string> } {
  const looked = new Set<string>();
  const target = Uint8Array.from(bytes);
  const proxied = new Proxy(target, {
    get(_, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) looked.add(key);
      return Reflect.get(target, key, target);
    },
  });
  return { bytes: proxied, looked };
}

Deno.test("isEqual: compares all bytes, at any place of the first difference", () => {
  const right = [1, 2, 3, 4];
  for (
    const [guess, expected] of [[[1, 2, 3, 4], true], [[9, 2, 3, 4], false], [[1, 2, 3, 9], false], [
      [9, 9, 9, 9],
      false,
    ]] as const
  ) {
    const { bytes, looked } = watched(right);
    assertEquals(isEqual(Uint8Array.from(guess), bytes), expected);
    assertEquals([...looked].sort(), ["0", "1", "2", "3"], String(guess));
  }
  assertEquals(isEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)), false);
  assertEquals(isEqual(Uint8Array.of(1, 2, 0), Uint8Array.of(1, 2)), false);
});
