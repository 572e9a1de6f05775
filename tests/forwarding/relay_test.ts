import { assertEquals, assertRejects } from "@std/assert";
import { Cancellation } from "../../src/cancellation.ts";
import { RelayedBody } from "../../src/forwarding/relay.ts";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";

function relayed(pull: () => Promise<Uint8Array | null>) {
  const endings: unknown[] = [];
  const body = new RelayedBody(
    new PulledSource(pull),
    new Cancellation(),
    {
      onWait() {},
      onPiece() {},
      onEnd: (how) => endings.push(how),
      onBroken: () => endings.push("broken"),
    },
  );
  return { body, endings };
}

Deno.test("RelayedBody: it ends once, also where its reader cancels it afterwards", async () => {
  const cut = relayed(() => Promise.reject(new Error("cut")));
  await assertRejects(() => nextPiece(cut.body), Error, "cut");
  cut.body.cancel();
  assertEquals(cut.endings, ["broken"]);
  const whole = relayed(() => Promise.resolve(null));
  await nextPiece(whole.body);
  whole.body.cancel();
  assertEquals(whole.endings, ["complete"]);
});

Deno.test("RelayedBody: a wait begins once, although bytes of framing end the wait of the connection", async () => {
  let waits = 0;
  let wakes = 0;
  const source: MessageBody = {
    length: undefined,
    tryRead: () => wakes < 3 ? undefined : wakes === 3 ? (wakes++, new Uint8Array(1)) : null,
    readable: () => Promise.resolve(void wakes++),
    cancel() {},
  };
  const body = new RelayedBody(source, new Cancellation(), {
    onWait: () => waits++,
    onPiece() {},
    onEnd() {},
    onBroken() {},
  });
  assertEquals((await nextPiece(body))?.length, 1);
  assertEquals([wakes, waits], [4, 1]);
});
