import { assertEquals } from "@std/assert";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import {
  HEALTH_STREAM_EVENTS,
  HEALTH_STREAM_PATH,
  HEALTH_STREAM_PAUSE_MS,
  healthStreamReply,
  isHealthStreamRequest,
} from "../../src/own_routes/health_stream.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { HandlerBench } from "../support/proxies/handler.ts";

const NO_ANSWER = () => Promise.reject(new Error("no upstream gets a request"));

function openStream(): { body: MessageBody; clock: FakeClock; ends: string[] } {
  const clock = new FakeClock();
  const ends: string[] = [];
  const { body } = healthStreamReply({ clock, onEnd: (how) => ends.push(how) });
  if (body === null || body instanceof Uint8Array) throw new Error("no stream");
  return { body, clock, ends };
}

Deno.test("health stream: the first event is sent at once, each other event after a pause, and the stream ends", async () => {
  const { body, clock, ends } = openStream();
  const texts = [new TextDecoder().decode(body.tryRead() ?? undefined)];
  for (let event = 2; event <= HEALTH_STREAM_EVENTS; event++) {
    assertEquals(body.tryRead(), undefined);
    const next = nextPiece(body);
    clock.pass(HEALTH_STREAM_PAUSE_MS);
    texts.push(new TextDecoder().decode(await next ?? undefined));
  }
  assertEquals(texts, ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n", "data: 5\n\n"]);
  assertEquals([body.tryRead(), ends, clock.pending], [null, ["complete"], 0]);
});

Deno.test("health stream: a client that leaves ends the stream, and no timer is left", async () => {
  const { body, clock, ends } = openStream();
  body.tryRead();
  const next = nextPiece(body);
  body.cancel();
  assertEquals([await next, await nextPiece(body), ends, clock.pending], [null, null, ["client_gone"], 0]);
});

Deno.test("health stream: needs a token, and makes one record", async () => {
  const bench = new HandlerBench(NO_ANSWER);
  assertEquals((await bench.ask(`GET ${HEALTH_STREAM_PATH}`)).status, 401);
  assertEquals((await bench.ask(`POST ${HEALTH_STREAM_PATH}`, "Authorization: Bearer T")).status, 404);
  bench.draining = true;
  assertEquals((await bench.ask(`GET ${HEALTH_STREAM_PATH}`, "Authorization: Bearer T")).status, 503);
  assertEquals(bench.records.map(({ status, ending }) => [status, ending]), [
    [401, "unauthorized"],
    [404, "not_found"],
    [503, "draining"],
  ]);
  assertEquals([isHealthStreamRequest("GET", "/health"), isHealthStreamRequest("HEAD", HEALTH_STREAM_PATH)], [
    false,
    false,
  ]);
});
