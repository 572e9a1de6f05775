import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";

Deno.test("HeldBytes: a holder holds at most as much as it leaves free for others", () => {
  const bytes = new HeldBytes(120);
  const [anna, second, ben, cleo] = ["anna", "anna", "ben", "cleo"].map((name) => bytes.share(name));
  // If no other request holds memory, one request may take all of it.
  assertEquals([anna?.tryHold(121), anna?.tryHold(120), anna?.tryHold(40)], [false, true, true]);
  assertEquals([second?.tryHold(21), second?.tryHold(20)], [false, true]);
  assertEquals([ben?.tryHold(31), ben?.tryHold(30)], [false, true]);
  assertEquals([cleo?.tryHold(16), cleo?.tryHold(15)], [false, true]);
  assertEquals(bytes.held, 105);
  const error = assertThrows(() => second?.hold(21), ProxyFault);
  assertEquals([error.code, bytes.held], ["overloaded", 105]);
  // A request can always hold less, even if there is no memory to hold more.
  assertEquals([anna?.tryHold(30), bytes.held], [true, 95]);
});

Deno.test("HeldBytes: each share is released once, and holds nothing afterwards", () => {
  const bytes = new HeldBytes(100);
  const [one, other] = [bytes.share("anna"), bytes.share("ben")];
  one.hold(30);
  other.hold(30);
  other.release();
  other.release();
  assertEquals([bytes.held, other.tryHold(1)], [30, false]);
  one.release();
  const third = bytes.share("cleo");
  assertEquals([bytes.held, third.tryHold(100)], [0, true]);
});

Deno.test("HeldBytes: a release drops the bytes, so that no bytes stay in memory that are not counted", () => {
  const bytes = new HeldBytes(100);
  const share = bytes.share("anna");
  const seen: string[] = [];
  share.hold(10);
  share.droppedBy(() => seen.push(`dropped while ${bytes.held} are counted`));
  share.release();
  share.droppedBy(() => seen.push("dropped at once"));
  assertEquals([seen, bytes.held], [["dropped while 10 are counted", "dropped at once"], 0]);
});

Deno.test("HeldBytes: a long body that arrives slowly loses its memory, and a short one may arrive at any speed", () => {
  const MIB = 1024 * 1024;
  let time = 0;
  const bytes = new HeldBytes(100 * MIB, () => time);
  const long = bytes.share("anna");
  long.hold(3 * MIB);
  time = 60_000 + 3 * 64_000;
  assertEquals(long.tryHold(3 * MIB + 1), true);
  time += 2;
  assertEquals([long.tryHold(3 * MIB + 2), long.tryHold(3 * MIB)], [false, true]);
  assertEquals(assertThrows(() => long.hold(3 * MIB + 2), ProxyFault).code, "request_timeout");
  // What made up for it goes on.
  assertEquals(long.tryHold(4 * MIB), true);
  const short = bytes.share("ben");
  time += 24 * 3600_000;
  assertEquals([short.tryHold(MIB), short.tryHold(MIB + 1)], [true, false]);
});
