import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Cancellation, ClientGone } from "../../src/cancellation.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { ProxyFault } from "../../src/faults.ts";
import { FramingError } from "../../src/http/framing_error.ts";
import type { Handler } from "../../src/http/message.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";
import { ClientConnection } from "../../src/server/connection.ts";
import { nextPiece } from "../../src/streams/byte_source.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { shortPause } from "../../src/streams/turn.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { until, within } from "../support/time/deadline.ts";

Deno.test("ClientConnection: a client that does not take the end of a cancelled response is closed at the second check", async () => {
  const request = latin1("GET / HTTP/1.1\r\nHost: p\r\n\r\n");
  const { promise: never, reject } = Promise.withResolvers<never>();
  never.catch(() => {});
  let closed = 0;
  const parts = {
    read: inputOf(request, request.length, "silence").read,
    // The client reads nothing.
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
  await until(() => connection.unreadSince !== undefined, "the response, which the client does not take");
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

/** An authenticated client that sends so many bytes after its request. The handler never responds. */
async function sendingAhead(heldBytes: HeldBytes, holder: string, bytes: number): Promise<Cancellation> {
  const request = latin1(`GET / HTTP/1.1\r\nHost: p\r\n\r\n${"a".repeat(bytes)}`);
  const read = Promise.withResolvers<void>();
  let left = request.length;
  const input = inputOf(request, 64 * 1024, "silence");
  const parts = {
    read(into: Uint8Array) {
      // All has been read when there is one more read.
      if (left === 0) read.resolve();
      const count = input.read(into);
      return count.then((count) => {
        left -= count ?? 0;
        return count;
      });
    },
    write: () => Promise.reject(new Error("closed")),
    close: () => read.resolve(),
  };
  // The reader pauses after long reads, also while it brings what comes after the close.
  const lastPause = () => until(() => left === 0, "the last read").then(shortPause);
  const asked = Promise.withResolvers<Cancellation>();
  const connection = new ClientConnection(parts as unknown as Deno.Conn, { // nothing else of it is touched
    handler: ({ cancellation, onAuthenticated }) => {
      onAuthenticated?.(holder);
      asked.resolve(cancellation);
      return new Promise(() => {});
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    heldBytes,
    now: () => 0,
  });
  void connection.serve();
  const cancellation = await asked.promise;
  await within(read.promise, "the last read");
  await lastPause();
  return cancellation;
}

Deno.test("ClientConnection: read-ahead during running requests is limited, and each token has its share", async () => {
  const held = new HeldBytes(1024 * 1024);
  const mallory: (Error | undefined)[] = [];
  for (let count = 0; count < 4; count++) {
    mallory.push((await sendingAhead(held, "mallory", 200_000)).reason);
  }
  assertEquals(mallory.map((reason) => reason instanceof ClientGone), [false, false, true, true]);
  assertEquals((await sendingAhead(held, "anna", 30_000)).reason, undefined);
  assertEquals(held.held <= 1024 * 1024, true);
});

Deno.test("ClientConnection: an idle connection does not count the memory of a body that it has read", async () => {
  const held = new HeldBytes(1024 * 1024);
  const body = "a".repeat(100_000);
  const request = latin1(`POST / HTTP/1.1\r\nHost: p\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const input = inputOf(request, 64 * 1024, "silence");
  const closed = Promise.withResolvers<null>();
  const parts = {
    read: (into: Uint8Array) => Promise.race([input.read(into), closed.promise]),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close: () => closed.resolve(null),
  };
  let most = 0;
  const responded = Promise.withResolvers<void>();
  const connection = new ClientConnection(parts as unknown as Deno.Conn, { // nothing else of it is touched
    handler: async ({ body, onAuthenticated }) => {
      onAuthenticated?.("anna");
      // The request waits for a slot while its body comes.
      await until(() => held.held > 0, "the count of the unread body");
      most = held.held;
      while (body !== null && await nextPiece(body) !== null) { /* the next piece */ }
      responded.resolve();
      return { status: 200, reason: "OK", fields: [], body: null };
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    heldBytes: held,
    now: () => 0,
  });
  const served = connection.serve();
  await within(responded.promise, "the response");
  await until(() => connection.idleSince !== undefined, "the idle connection");
  assertEquals([most > 0, held.held], [true, 0]);
  connection.close();
  await served;
});

const LARGE = new HeldBytes(128 * 1024 * 1024);

/**
 * An upload of `total` bytes, of which a part arrives before the client leaves. Its reader takes only one
 * piece. Returns the cancellation, that piece, and the connection.
 */
async function stuckUpload(
  { total, arrives, heldBytes }: { total: number; arrives: number; heldBytes?: HeldBytes },
): Promise<{ cancellation: Cancellation; piece: Uint8Array; connection: ClientConnection }> {
  const head = latin1(`POST / HTTP/1.1\r\nHost: p\r\nContent-Length: ${total}\r\n\r\n`);
  const request = new Uint8Array(head.length + arrives);
  request.set(head);
  const asked = Promise.withResolvers<{ cancellation: Cancellation; piece: Uint8Array }>();
  const parts = {
    read: inputOf(request, 64 * 1024, "end").read,
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close() {},
  };
  const connection = new ClientConnection(parts as unknown as Deno.Conn, { // nothing else of it is touched
    handler: async ({ cancellation, body, onAuthenticated }) => {
      onAuthenticated?.("anna");
      const piece = body && await nextPiece(body);
      asked.resolve({ cancellation, piece: piece ?? new Uint8Array() });
      return await new Promise(() => {});
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    ...(heldBytes !== undefined && { heldBytes }),
    now: () => 0,
  });
  void connection.serve();
  return { ...await within(asked.promise, "the first piece"), connection };
}

Deno.test("ClientConnection: a client that leaves during an upload that the upstream does not read is noticed", async () => {
  const { cancellation, piece, connection } = await stuckUpload({ total: 50_000_000, arrives: 3_000_000 });
  const before = piece.slice();
  connection.endOverdue();
  await shortPause();
  assertEquals(cancellation.reason, undefined, "the upload may go on until the next check");
  connection.endOverdue();
  await until(() => cancellation.reason !== undefined, "the departure");
  assertEquals(cancellation.reason instanceof ClientGone, true);
  assertEquals(piece, before, "a write that is under way still uses these bytes");
});

Deno.test("ClientConnection: an upload that stands still is read on within a limit, and within the memory of its client", async () => {
  const held = new HeldBytes(30 * 1024 * 1024);
  for (const given of [{ arrives: 20_000_000 }, { arrives: 3_000_000, heldBytes: held }]) {
    const { cancellation, connection } = await stuckUpload({ total: 50_000_000, ...given });
    for (let check = 0; check < 50; check++) {
      connection.endOverdue();
      await shortPause();
    }
    assertEquals(cancellation.reason, undefined);
  }
  assertEquals(held.held, 0, "there is no memory to read to the end of what the client has sent");
  const many = await Promise.all(
    Array.from(
      { length: 12 },
      () => stuckUpload({ total: 50_000_000, arrives: 3_000_000, heldBytes: LARGE }),
    ),
  );
  for (let check = 0; check < 2; check++) for (const { connection } of many) connection.endOverdue();
  await until(() => many.some(({ cancellation }) => cancellation.reason !== undefined), "a departure");
  assertEquals(LARGE.held > 0 && LARGE.held <= 64 * 1024 * 1024, true);
  for (const { connection } of many) connection.close();
  assertEquals(LARGE.held, 0);
  // Connections that were pausing end after their pause, and it is no timer of the next test.
  await shortPause();
});

/** Serves one request over HTTP/1.1. Returns what the client gets, what is reported, and the cancellation. */
async function servedOnce(handler: Handler) {
  const request = latin1("GET / HTTP/1.1\r\nHost: p\r\n\r\n");
  const input = inputOf(request, request.length, "silence");
  const closed = Promise.withResolvers<null>();
  const errors: unknown[] = [];
  let text = "";
  let cancellation: Cancellation | undefined;
  const parts = {
    read: (into: Uint8Array) => Promise.race([input.read(into), closed.promise]),
    write(bytes: Uint8Array) {
      text += new TextDecoder("latin1").decode(bytes);
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(closed.resolve(null)),
    close: () => closed.resolve(null),
  };
  const connection = new ClientConnection(parts as unknown as Deno.Conn, { // nothing else of it is touched
    handler(request) {
      cancellation = request.cancellation;
      return handler(request);
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => 0,
    onUnexpected: (error) => errors.push(error),
  });
  await within(connection.serve(), "the end of the connection");
  return { text, errors, reason: cancellation?.reason };
}

Deno.test("ClientConnection: a handler that fails is reported, and the client gets a 500", async () => {
  const bug = new TypeError("a bug");
  const { text, errors } = await servedOnce(() => Promise.reject(bug));
  assertEquals(errors, [bug]);
  assertStringIncludes(text, "HTTP/1.1 500 ");
  assertStringIncludes(text, "x-llm-proxy-error: internal");
});

Deno.test("ClientConnection: a body of another length than stated is reported, and is no departure of the client", async () => {
  const body = new PulledSource(() => Promise.resolve(null), { length: 5 });
  const { errors, reason } = await servedOnce(() =>
    Promise.resolve({ status: 200, reason: "OK", fields: [], body })
  );
  assertEquals(errors.map((error) => error instanceof FramingError), [true]);
  assertEquals(reason instanceof ProxyFault && reason.code, "internal");
});
