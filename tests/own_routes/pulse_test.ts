import { assertEquals } from "@std/assert";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import {
  isPulseRequest,
  PULSE_EVENTS,
  PULSE_PATH,
  PULSE_PAUSE_MS,
  pulseReply,
} from "../../src/own_routes/pulse.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { HandlerBench } from "../support/proxies/handler.ts";

const NO_ANSWER = () => Promise.reject(new Error("no upstream is asked"));

function pulse(): { body: MessageBody; clock: FakeClock; ends: string[] } {
  const clock = new FakeClock();
  const ends: string[] = [];
  const { body } = pulseReply({ clock, onEnd: (how) => ends.push(how) });
  if (body === null || body instanceof Uint8Array) throw new Error("no stream");
  return { body, clock, ends };
}

Deno.test("pulse: the first event is sent at once, each other event after a pause, and the stream ends", async () => {
  const { body, clock, ends } = pulse();
  const texts = [new TextDecoder().decode(body.tryRead() ?? undefined)];
  for (let event = 2; event <= PULSE_EVENTS; event++) {
    assertEquals(body.tryRead(), undefined);
    const next = nextPiece(body);
    clock.pass(PULSE_PAUSE_MS);
    texts.push(new TextDecoder().decode(await next ?? undefined));
  }
  assertEquals(texts, ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n", "data: 5\n\n"]);
  assertEquals([body.tryRead(), ends, clock.pending], [null, ["complete"], 0]);
});

Deno.test("pulse: a client that leaves ends the stream, and no timer is left", async () => {
  const { body, clock, ends } = pulse();
  body.tryRead();
  const next = nextPiece(body);
  body.cancel();
  assertEquals([await next, await nextPiece(body), ends, clock.pending], [null, null, ["client_gone"], 0]);
});

Deno.test("pulse: needs a token, and makes one record", async () => {
  const bench = new HandlerBench(NO_ANSWER);
  assertEquals((await bench.ask(`GET ${PULSE_PATH}`)).status, 401);
  assertEquals((await bench.ask(`POST ${PULSE_PATH}`, "Authorization: Bearer T")).status, 404);
  bench.draining = true;
  assertEquals((await bench.ask(`GET ${PULSE_PATH}`, "Authorization: Bearer T")).status, 503);
  assertEquals(bench.records.map(({ status, ending }) => [status, ending]), [
    [401, "unauthorized"],
    [404, "not_found"],
    [503, "draining"],
  ]);
  assertEquals([isPulseRequest("GET", "/health"), isPulseRequest("HEAD", PULSE_PATH)], [false, false]);
});
