import { assertEquals, assertRejects } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { StoreError } from "../../src/storage/store.ts";
import { type Channel, ThreadPort } from "../../src/workers/thread_port.ts";
import { within } from "../support/time/deadline.ts";

interface Methods {
  readonly double: (value: number) => number;
  readonly later: (value: string) => Promise<string>;
  readonly note: (value: number) => void;
  readonly fail: (kind: "fault" | "store" | "other") => void;
}

/**
 * Two ports that are connected, one of which offers {@link Methods}. `batches` has the number of messages of
 * each.
 */
function connected(offered: Partial<Methods>) {
  const batches: number[] = [];
  const unexpected: unknown[] = [];
  const channels: Channel[] = [];
  for (const other of [1, 0]) {
    channels.push({
      onmessage: null,
      postMessage(message: readonly unknown[]) {
        batches.push(message.length);
        // A message is a copy, as between threads.
        channels[other]?.onmessage?.(new MessageEvent("message", { data: structuredClone(message) }));
      },
    });
  }
  const [one, other] = channels;
  if (one === undefined || other === undefined) throw new TypeError("There are two channels.");
  const onUnexpected = (error: unknown) => unexpected.push(error);
  new ThreadPort(other, { offered: { ...offered }, onUnexpected });
  return { port: new ThreadPort<Methods>(one, { offered: {}, onUnexpected }), batches, unexpected };
}

Deno.test("ThreadPort: calls get their results, also those that come later", async () => {
  const { port } = connected({
    double: (value) => 2 * value,
    later: async (value) => await Promise.resolve(`${value}!`),
  });
  const results = [port.call("later", "a"), port.call("double", 4), port.call("double", 5)];
  assertEquals(await Promise.all(results), ["a!", 8, 10]);
});

Deno.test("ThreadPort: the messages of one turn go together, in their order", async () => {
  const noted: number[] = [];
  const { port, batches } = connected({ note: (value) => void noted.push(value), double: (value) => value });
  for (let value = 0; value < 5; value++) port.send("note", value);
  await port.call("double", 1);
  assertEquals([noted, batches], [[0, 1, 2, 3, 4], [6, 1]]);
});

Deno.test("ThreadPort: errors keep their class and what callers need of them", async () => {
  const { port } = connected({
    fail(kind) {
      if (kind === "fault") {
        throw new ProxyFault("rate_limited", "Too many.", { retryAfterSeconds: 7 });
      }
      throw kind === "store" ? new StoreError("busy", "locked") : new RangeError("a bug");
    },
  });
  const fault = await assertRejects(() => port.call("fail", "fault"), ProxyFault, "Too many.");
  assertEquals([fault.code, fault.retryAfterSeconds, fault.status], ["rate_limited", 7, 429]);
  assertEquals((await assertRejects(() => port.call("fail", "store"), StoreError, "locked")).kind, "busy");
  await assertRejects(() => port.call("fail", "other"), Error, "a bug");
});

Deno.test("ThreadPort: an error of a call without a reply is reported, and so is a function that is not offered", async () => {
  const { port, unexpected } = connected({
    fail() {
      throw new RangeError("a bug");
    },
  });
  port.send("fail", "other");
  await assertRejects(() => port.call("double", 1), Error, "double is not offered");
  assertEquals(unexpected.map(String), ["RangeError: a bug"]);
});

Deno.test("ThreadPort: calls reject when the other thread ends, earlier and later ones", async () => {
  const { port } = connected({ later: () => new Promise(() => {}) });
  const waiting = assertRejects(() => port.call("later", "a"), Error, "it crashed");
  port.close("it crashed");
  await within(waiting, "the end of the call");
  await assertRejects(() => port.call("double", 1), Error, "it crashed");
});
