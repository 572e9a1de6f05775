import { assertEquals } from "@std/assert";
import { type Cancellation, ClientGone } from "../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { ProxyFault } from "../../src/faults.ts";
import { ClientConnection } from "../../src/server/connection.ts";
import { inputOf, latin1 } from "../support/byte_input.ts";
import { until, within } from "../support/deadline.ts";

Deno.test("ClientConnection: a client that does not take the end of an answer that was cut is let go at the second look", async () => {
  const request = latin1("GET / HTTP/1.1\r\nHost: p\r\n\r\n");
  const { promise: never, reject } = Promise.withResolvers<never>();
  never.catch(() => {});
  let closed = 0;
  const parts = {
    read: inputOf(request, request.length, "silence").read,
    // It takes nothing.
    write: () => never,
    close() {
      closed++;
      reject(new Error("closed"));
    },
  };
  const asked = Promise.withResolvers<Cancellation>();
  const connection = new ClientConnection(parts as unknown as Deno.Conn, { // nothing else of it is touched
    handler: ({ cancellation }) => {
      asked.resolve(cancellation);
      return Promise.resolve({ status: 200, reason: "OK", fields: [], body: latin1("hello") });
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => 0,
  });
  const served = connection.serve();
  const cancellation = await within(asked.promise, "the request");
  await until(() => connection.owesSince !== undefined, "the answer, which the client does not take");
  connection.endOverdue();
  connection.endOverdue();
  assertEquals(closed, 0, "its time has not passed, and nothing was cut");
  cancellation.cancel(new ProxyFault("upstream_timeout", "the total timeout passed"));
  connection.endOverdue();
  assertEquals(closed, 0);
  connection.endOverdue();
  assertEquals(closed > 0, true);
  await within(served, "the end of the connection");
  assertEquals(cancellation.reason instanceof ClientGone, false, "the first reason stays");
});
