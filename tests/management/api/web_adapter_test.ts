import { PulledSource } from "../../../src/streams/pulled_source.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { Cancellation, type CancellationListener } from "../../../src/cancellation.ts";
import { type MessageBody, nextPiece } from "../../../src/streams/byte_source.ts";
import { Problem } from "../../../src/management/api/problem.ts";
import { toReply, toWebRequest } from "../../../src/management/api/web_adapter.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { textSource } from "../../support/proxies/handler.ts";

function asked(target: string, body: MessageBody, clock = new FakeClock()): Request {
  const request = {
    method: "POST",
    target,
    fields: [],
    body,
    peer: "192.0.2.1",
    entry: "all",
    cancellation: new Cancellation(),
  } as const;
  return toWebRequest(request, clock);
}

async function refusal(request: Request): Promise<number> {
  return (await assertRejects(() => request.text(), Problem)).status;
}

Deno.test("toWebRequest: bodies are limited, the body of a sign-in to less", async () => {
  for (
    const [target, most] of [["/manage/tokens", 1024 * 1024], ["/admin/session", 4_096], [
      "/admin/session?x=1",
      4_096,
    ]] as const
  ) {
    assertEquals((await asked(target, textSource("x".repeat(most))).text()).length, most);
    assertEquals(await refusal(asked(target, textSource("x".repeat(most + 1)))), 413, target);
  }
});

Deno.test("toWebRequest: a body that does not arrive within ten seconds is an error", async () => {
  const clock = new FakeClock();
  const body = new PulledSource(() => new Promise(() => {}));
  const text = refusal(asked("/manage/tokens", body, clock));
  await until(() => clock.pending > 0, "the timer of the deadline");
  clock.pass(9_999);
  assertEquals(clock.pending, 1);
  clock.pass(1);
  assertEquals(await text, 400);
});

/** Counts its listeners. */
class CountedCancellation extends Cancellation {
  readonly listeners = new Set<CancellationListener>();

  override addListener(listener: CancellationListener): void {
    this.listeners.add(listener);
    super.addListener(listener);
  }

  override removeListener(listener: CancellationListener): void {
    this.listeners.delete(listener);
    super.removeListener(listener);
  }
}

for (const how of ["ends", "breaks off", "is cancelled"] as const) {
  Deno.test(`toReply: a stream that ${how} no longer waits for its client to leave`, async () => {
    const stream = new ReadableStream({
      pull(controller) {
        if (how === "ends") controller.close();
        else controller.error(new Error("broken"));
      },
    }, { highWaterMark: 0 });
    const cancellation = new CountedCancellation();
    const response = new Response(stream, { headers: { "content-type": "text/event-stream" } });
    const { body } = await toReply(response, cancellation);
    assertEquals(cancellation.listeners.size, 1);
    if (body === null || body instanceof Uint8Array) throw new Error("no stream");
    if (how === "is cancelled") body.cancel();
    else await nextPiece(body).catch(() => {});
    assertEquals(cancellation.listeners.size, 0);
  });
}
