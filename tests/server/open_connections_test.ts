import { assertEquals } from "@std/assert";
import { OpenConnections } from "../../src/server/open_connections.ts";
import type { ServedConnection } from "../../src/server/served_connection.ts";

/** A connection that records the calls of its methods. It is idle if `idleSince` is a number. */
function connection(calls: string[], name: string, idleSince: number | undefined): ServedConnection {
  return {
    idleSince,
    stateSince: 0,
    unreadSince: undefined,
    isAuthenticated: true,
    endOverdue: () => void calls.push(`${name} checked`),
    finish: () => void calls.push(`${name} finished`),
    close: () => void calls.push(`${name} closed`),
  };
}

Deno.test("OpenConnections: an idle connection is closed for a new one, and a busy one is not", async () => {
  const calls: string[] = [];
  const open = new OpenConnections(() => 1_000);
  const ended = Promise.withResolvers<void>();
  const busy = open.during(connection(calls, "busy", undefined), () => ended.promise);
  assertEquals([open.hasRoom(2), open.hasRoom(1), calls], [true, false, []]);
  const idle = open.during(connection(calls, "idle", 0), () => ended.promise);
  assertEquals([open.hasRoom(2), calls], [true, ["idle closed"]]);
  open.endOverdue();
  assertEquals(calls, ["idle closed", "busy checked"]);
  ended.resolve();
  await Promise.all([busy, idle]);
  assertEquals(open.hasRoom(1), true);
});

Deno.test("OpenConnections: finish tells each connection once, also those that begin later, and waits for the work", async () => {
  const calls: string[] = [];
  const open = new OpenConnections(() => 0);
  const ended = Promise.withResolvers<void>();
  open.track(open.during(connection(calls, "first", undefined), () => ended.promise));
  let isOver = false;
  const finished = open.finish().then(() => isOver = true);
  const late = open.during(connection(calls, "late", 0), () => Promise.resolve());
  void open.finish();
  assertEquals(calls, ["first finished", "late finished"]);
  await late;
  assertEquals(isOver, false);
  ended.resolve();
  await finished;
  assertEquals(isOver, true);
});
