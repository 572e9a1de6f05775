import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { HeldBytes } from "../../src/limits/held_bytes.ts";

Deno.test("HeldBytes: all shares together stay within the bound, and each gives back what it held", () => {
  const bytes = new HeldBytes(100);
  const [one, other] = [bytes.share(), bytes.share()];
  one.hold(60);
  other.hold(40);
  assertEquals([bytes.held, other.mayHold(41), other.mayHold(40)], [100, false, true]);
  const { code } = assertThrows(() => other.hold(41), ProxyFault);
  assertEquals([code, bytes.held], ["overloaded", 100]);
  one.hold(10);
  assertEquals([bytes.held, other.mayHold(90)], [50, true]);
  other.release();
  other.release();
  assertEquals([bytes.held, other.mayHold(1)], [10, false]);
});
