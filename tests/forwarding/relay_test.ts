import { assertEquals, assertRejects } from "@std/assert";
import { Cancellation } from "../../src/cancellation.ts";
import { RelayedBody } from "../../src/forwarding/relay.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";

function relayed(source: Partial<MessageBody>) {
  const endings: unknown[] = [];
  const body = new RelayedBody(
    {
      read: () => Promise.resolve(null),
      length: undefined,
      tryRead: () => undefined,
      cancel() {},
      ...source,
    },
    new Cancellation(),
    {
      awaited() {},
      chunk() {},
      ended: (how) => endings.push(typeof how === "string" ? how : "broken"),
    },
  );
  return { body, endings };
}

Deno.test("RelayedBody: it ends once, whatever its reader does afterwards", async () => {
  const cut = relayed({ read: () => Promise.reject(new Error("cut")) });
  await assertRejects(() => cut.body.read(), Error, "cut");
  cut.body.cancel();
  assertEquals(cut.endings, ["broken"]);
  const whole = relayed({});
  await whole.body.read();
  whole.body.cancel();
  assertEquals(whole.endings, ["complete"]);
});
