import { assertEquals } from "@std/assert";
import { FRAME } from "../../src/server/http2/frames.ts";
import { ReceiveWindow } from "../../src/server/http2/receive_window.ts";
import { ResetStreams } from "../../src/server/http2/reset_streams.ts";

Deno.test("ReceiveWindow: bytes go back to the client from half a window on, and authentication enlarges it", () => {
  const frames: number[][] = [];
  let isOver = false;
  const window = new ReceiveWindow({ numbers: (...values) => void frames.push(values) }, () => isOver);
  assertEquals([window.take(65_535), window.take(1)], [true, false]);
  window.release(32_767);
  assertEquals(frames, []);
  window.release(1);
  assertEquals(frames.splice(0), [[FRAME.window, 0, 32_768]]);
  assertEquals([window.take(32_767), window.take(1)], [true, false]);
  window.enlarge();
  assertEquals(frames.splice(0), [[FRAME.window, 0, 2 * 1024 * 1024 - 65_535]]);
  window.release(1024 * 1024 - 1);
  assertEquals(frames, []);
  isOver = true;
  window.release(1);
  assertEquals(frames, [], "a connection that ends gives nothing back");
});

Deno.test("ResetStreams: the last 400 streams are remembered", () => {
  const streams = new ResetStreams();
  for (let id = 1; id <= 401; id++) streams.add(id);
  assertEquals([streams.has(1), streams.has(2), streams.has(401)], [false, true, true]);
});
