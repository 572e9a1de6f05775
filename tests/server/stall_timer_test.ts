import { assertEquals } from "@std/assert";
import { ClientGone } from "../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { ProxyFault } from "../../src/faults.ts";
import { stallFault, StallTimer } from "../../src/server/stall_timer.ts";

Deno.test("stallFault: a client may take as long as send_timeout and upload_timeout allow", () => {
  let now = 0;
  const limits = { ...DEFAULT_SERVER_SETTINGS.connections, sendMs: 1_000, uploadMs: 2_000 };
  const sending = new StallTimer(() => now);
  const uploading = new StallTimer(() => now);
  const overdue = () => stallFault({ sending, uploading }, limits);
  now = 9_000;
  assertEquals(overdue(), undefined, "nothing is awaited");
  uploading.begin();
  now += 2_000;
  assertEquals(overdue(), undefined);
  now += 1;
  const late = overdue();
  assertEquals(late instanceof ProxyFault && late.code, "request_timeout");
  uploading.begin();
  sending.begin();
  now += 1_000;
  assertEquals(overdue(), undefined);
  now += 1;
  assertEquals(overdue() instanceof ClientGone, true);
  sending.end();
  assertEquals(overdue(), undefined);
});
