import { assertEquals } from "@std/assert";
import { ResponseSlots } from "../../src/server/http2/response_slots.ts";

/** Acquires slots for so many requests. Returns how many were admitted, and how many were not. */
function acquiring(slots: ResponseSlots, count: number) {
  const outcomes: boolean[] = [];
  for (let index = 0; index < count; index++) {
    const queued = slots.acquire();
    if (queued === undefined) outcomes.push(true);
    else void queued.admitted.then((isAdmitted) => outcomes.push(isAdmitted));
  }
  return async () => {
    await Promise.resolve();
    return [outcomes.filter((one) => one).length, outcomes.filter((one) => !one).length];
  };
}

Deno.test("ResponseSlots: sixteen requests have a slot, and the next one gets a slot when one is released", async () => {
  const slots = new ResponseSlots();
  const begun = acquiring(slots, 40);
  assertEquals(await begun(), [16, 0]);
  slots.release();
  assertEquals(await begun(), [17, 0]);
});

Deno.test("ResponseSlots: a token admits all queued requests, and the end of the connection admits none", async () => {
  const authenticated = new ResponseSlots();
  const begun = acquiring(authenticated, 200);
  authenticated.admitAll();
  assertEquals(await begun(), [200, 0]);
  // Later requests wait until a slot is free.
  const later = acquiring(authenticated, 1);
  assertEquals(await later(), [0, 0]);
  for (let count = 0; count < 185; count++) authenticated.release();
  assertEquals(await later(), [1, 0]);
  const gone = new ResponseSlots();
  const left = acquiring(gone, 20);
  gone.close();
  assertEquals(await left(), [16, 4]);
  assertEquals(await acquiring(gone, 3)(), [0, 3]);
});

Deno.test("ResponseSlots: a cancelled request holds no slot, whether or not it was admitted before", async () => {
  const slots = new ResponseSlots();
  acquiring(slots, 16);
  const queued = Array.from({ length: 16 }, () => slots.acquire());
  for (const one of queued.slice(0, 8)) one?.cancel();
  for (let index = 0; index < 8; index++) slots.release();
  // The other requests have been admitted, and are cancelled before they notice.
  for (const one of queued.slice(8)) one?.cancel();
  for (let index = 0; index < 8; index++) slots.release();
  assertEquals(await acquiring(slots, 20)(), [16, 0]);
});
