import { assertEquals } from "@std/assert";
import { FrameOutput } from "../../src/server/http2/frame_output.ts";
import { ERROR, FRAME } from "../../src/server/http2/frames.ts";
import { SendingRoom } from "../../src/server/http2/sending_room.ts";
import { StallTimer } from "../../src/server/stall_timer.ts";
import { nextTurn } from "../../src/streams/turn.ts";
import { concat } from "../../src/streams/bytes.ts";
import { END_HEADERS, END_STREAM, frame, uint32, WHOLE } from "../support/clients/http2_frames.ts";

/** An output whose writes complete when the test says so. */
function outputOf() {
  const seen = { writes: [] as Uint8Array[], written: 0, failed: 0 };
  const pending: PromiseWithResolvers<number>[] = [];
  const stall = new StallTimer(() => 0);
  const output: FrameOutput = new FrameOutput({
    connection: {
      write(bytes) {
        seen.writes.push(bytes.slice());
        const write = Promise.withResolvers<number>();
        pending.push(write);
        return write.promise;
      },
    },
    stall,
    onWritten: () => seen.written++,
    onFailed: () => seen.failed++,
  });
  const turn = nextTurn;
  return {
    output,
    seen,
    stall,
    /** Waits for the next write. */
    turn,
    async take(count = seen.writes.at(-1)?.length ?? 0) {
      pending.shift()?.resolve(count);
      await turn();
    },
    async fail() {
      pending.shift()?.reject(new Error("for the test"));
      await turn();
    },
  };
}

Deno.test("FrameOutput: frames that are added together go in one write, and those added meanwhile in the next one", async () => {
  const { output, seen, turn, take, stall } = outputOf();
  output.headers(1, Uint8Array.of(0x88), { endsStream: false });
  output.data(1, Uint8Array.of(1, 2), { endsStream: false });
  output.headers(3, Uint8Array.of(0x88), { endsStream: true });
  await turn();
  assertEquals(seen.writes, [
    concat([
      frame("headers", END_HEADERS, 1, [0x88]),
      frame("data", 0, 1, [1, 2]),
      frame("headers", WHOLE, 3, [0x88]),
    ]),
  ]);
  output.numbers(FRAME.reset, 5, ERROR.cancel);
  output.data(1, Uint8Array.of(3), { endsStream: true });
  assertEquals([output.pending, stall.isRunning], [10 + 11 + 10 + 13 + 10, true]);
  // The system takes a part, and then the rest.
  await take(5);
  await take(26);
  assertEquals(
    seen.writes.at(-1),
    concat([frame("reset", 0, 5, uint32(8)), frame("data", END_STREAM, 1, [3])]),
  );
  await take();
  assertEquals([output.pending, stall.isRunning, seen.written], [0, false, 2]);
});

Deno.test("FrameOutput: the end of a body is a flag of its last frame, or an empty frame after that was written", async () => {
  const { output, seen, turn, take } = outputOf();
  output.data(1, Uint8Array.of(1), { endsStream: false });
  output.endData(1);
  output.data(3, Uint8Array.of(1), { endsStream: false });
  output.data(5, Uint8Array.of(1), { endsStream: false });
  output.endData(3);
  await turn();
  output.endData(5);
  await take();
  await take();
  assertEquals(
    concat(seen.writes),
    concat([
      frame("data", END_STREAM, 1, [1]),
      frame("data", 0, 3, [1]),
      frame("data", 0, 5, [1]),
      frame("data", END_STREAM, 3),
      frame("data", END_STREAM, 5),
    ]),
  );
});

Deno.test("FrameOutput: a long header block goes in several frames", async () => {
  const { output, seen, turn, take } = outputOf();
  const block = new Uint8Array(40_000).fill(7);
  output.headers(1, block, { endsStream: true });
  await turn();
  await take();
  assertEquals(
    concat(seen.writes),
    concat([
      frame("headers", END_STREAM, 1, block.subarray(0, 16_384)),
      frame("continuation", 0, 1, block.subarray(16_384, 32_768)),
      frame("continuation", END_HEADERS, 1, block.subarray(32_768)),
    ]),
  );
});

Deno.test("FrameOutput: a connection that fails is reported once, and its frames are dropped", async () => {
  const { output, seen, turn, fail } = outputOf();
  output.data(1, Uint8Array.of(1), { endsStream: false });
  await turn();
  await fail();
  await output.drained();
  assertEquals([seen.failed, seen.writes.length], [1, 1]);
});

Deno.test("SendingRoom: streams that wait get the window in turns", async () => {
  const { output } = outputOf();
  const room = new SendingRoom(output);
  room.take(65_535);
  const order: number[] = [];
  const wait = (stream: number, left: number): void =>
    room.onAvailable(() => {
      const count = Math.min(room.bytes, 10);
      room.take(count);
      order.push(stream);
      if (left > count) wait(stream, left - count);
    });
  wait(1, 30);
  wait(2, 20);
  wait(3, 10);
  assertEquals([room.bytes, order], [0, []]);
  assertEquals(room.open(50), true);
  await nextTurn();
  assertEquals(order, [1, 2, 3, 1, 2]);
  room.open(10);
  assertEquals(order, [1, 2, 3, 1, 2, 1]);
  assertEquals(room.open(0x7fff_ffff), true);
  assertEquals(room.open(1), false);
});
