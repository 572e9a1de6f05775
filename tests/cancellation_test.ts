import { assertEquals, assertThrows } from "@std/assert";
import { Cancellation, ClientGone } from "../src/cancellation.ts";

const GONE = new ClientGone("the client left");

/** A listener that writes its name into a list. */
function listener(name: string, calls: string[]) {
  return {
    cancelled: () => void calls.push(`${name} cancelled`),
    draining: () => void calls.push(`${name} draining`),
  };
}

Deno.test("Cancellation: an owner that removes its listener removes no other one", () => {
  for (const removed of ["a", "b", "c"]) {
    const calls: string[] = [];
    const cancellation = new Cancellation();
    const listeners = ["a", "b", "c"].map((name) => listener(name, calls));
    for (const one of listeners) cancellation.addListener(one);
    for (const [index, name] of ["a", "b", "c"].entries()) {
      const one = listeners[index];
      if (name === removed && one !== undefined) cancellation.removeListener(one);
    }
    cancellation.drain();
    cancellation.cancel(GONE);
    const left = ["a", "b", "c"].filter((name) => name !== removed);
    assertEquals(calls, [
      ...left.map((name) => `${name} draining`),
      ...left.map((name) => `${name} cancelled`),
    ]);
  }
});

Deno.test("Cancellation: a listener that is removed twice, or was never added, removes no other one", () => {
  const calls: string[] = [];
  const cancellation = new Cancellation();
  const gone = listener("gone", calls);
  cancellation.addListener(gone);
  cancellation.removeListener(gone);
  cancellation.addListener(listener("stays", calls));
  cancellation.removeListener(gone);
  cancellation.removeListener(listener("unknown", calls));
  cancellation.cancel(GONE);
  assertEquals(calls, ["stays cancelled"]);
});

Deno.test("Cancellation: each listener is called once, with the first reason, and at once if it comes late", () => {
  const calls: string[] = [];
  const cancellation = new Cancellation();
  cancellation.addListener(listener("early", calls));
  cancellation.cancel(GONE);
  cancellation.cancel(new Error("a later reason"));
  assertEquals(calls, ["early cancelled"]);
  cancellation.addListener(listener("late", calls));
  assertEquals([calls.at(-1), cancellation.reason], ["late cancelled", GONE]);
  assertThrows(() => cancellation.throwIfCancelled(), ClientGone);
});

Deno.test("Cancellation: a listener that was removed by an earlier one is not called", () => {
  const calls: string[] = [];
  const cancellation = new Cancellation();
  const second = listener("second", calls);
  cancellation.addListener({ cancelled: () => cancellation.removeListener(second) });
  cancellation.addListener(second);
  cancellation.addListener(listener("third", calls));
  cancellation.cancel(GONE);
  assertEquals(calls, ["third cancelled"]);
});

Deno.test("Cancellation: a listener that throws keeps no other one from its call", () => {
  const calls: string[] = [];
  const cancellation = new Cancellation();
  cancellation.addListener({
    cancelled() {
      throw new TypeError("a bug of a listener");
    },
  });
  cancellation.addListener(listener("second", calls));
  assertThrows(() => cancellation.cancel(GONE), TypeError);
  assertEquals(calls, ["second cancelled"]);
});
