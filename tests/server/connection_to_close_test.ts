import { assertEquals } from "@std/assert";
import { connectionToClose } from "../../src/server/connection_to_close.ts";
import type { ServedConnection } from "../../src/server/served_connection.ts";

const NOW = 100_000;

interface Named extends ServedConnection {
  readonly name: string;
}

/** A connection that has been in its state for so many milliseconds. */
function connection(
  name: string,
  { owes, idle, runs = 0, admitted = false }: {
    owes?: number;
    idle?: number;
    runs?: number;
    admitted?: boolean;
  },
): Named {
  return {
    name,
    unreadSince: owes === undefined ? undefined : NOW - owes,
    idleSince: idle === undefined ? undefined : NOW - idle,
    stateSince: NOW - (idle ?? runs),
    isAuthenticated: admitted,
    endOverdue() {},
    finish() {},
    close() {},
  };
}

Deno.test("connectionToClose: unauthenticated before authenticated, unread responses before idle connections, the longest first", () => {
  const order = [
    connection("unread, no token, 9 ms", { owes: 9 }),
    connection("unread, no token, 1 ms", { owes: 1 }),
    connection("idle, no token, an hour", { idle: 3_600_000 }),
    connection("a sign-in that does not end", { runs: 9_000 }),
    connection("idle, no token", { idle: 1 }),
    connection("unread, admitted, 5 s", { owes: 5_000, admitted: true }),
    connection("idle, admitted, an hour", { idle: 3_600_000, admitted: true }),
    connection("idle, admitted", { idle: 1, admitted: true }),
  ];
  const inUse = [
    connection("a request runs, no token yet", {}),
    connection("a request runs, admitted", { runs: 600_000, admitted: true }),
    connection("a stream is written just now", { owes: 500, admitted: true }),
  ];
  const left = new Set<Named>([...inUse, ...order.toReversed()]);
  const closed: (string | undefined)[] = [];
  for (let count = 0; count <= order.length; count++) {
    const next = connectionToClose(left, NOW);
    closed.push(next?.name);
    if (next !== undefined) left.delete(next);
  }
  assertEquals(closed, [...order.map(({ name }) => name), undefined]);
});
