/** A connection that always has bytes to carry does not keep others waiting. */

import { assert, assertEquals } from "@std/assert";
import { nextPiece } from "../../src/streams/byte_source.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { ConnectionReader } from "../../src/http/reader.ts";
import { SmallPieces } from "../../src/streams/small_pieces.ts";
import { nextTurn, shortPause, TurnCount } from "../../src/streams/turn.ts";
import { ClientOutput } from "../../src/server/client_output.ts";
import { StallTimer } from "../../src/server/stall_timer.ts";
import { ClientConnection } from "../../src/server/connection.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { within } from "../support/time/deadline.ts";
import { turns } from "../support/time/turns.ts";

/** Whether a timer that is due now fires before some work is done, and how much was done until then. */
async function doneBeforeTimer(work: (count: () => void) => Promise<unknown>): Promise<number> {
  let done = 0;
  let atTimer: number | undefined;
  const timer = new Promise<void>((resolve) =>
    setTimeout(() => {
      atTimer = done;
      resolve();
    })
  );
  await work(() => done++);
  const found = atTimer ?? Infinity;
  await timer;
  return found;
}

Deno.test("ConnectionReader: a peer that always has bytes does not keep timers waiting", async () => {
  const reader = new ConnectionReader({
    read: (into) => {
      into.fill(1);
      return Promise.resolve(into.length);
    },
  });
  const fills = await doneBeforeTimer(async (count) => {
    for (let round = 0; round < 5_000; round++) {
      await reader.readable();
      reader.consume(reader.buffered.length);
      count();
    }
  });
  assert(fills < 1_000, `${fills} of 5,000 reads came first`);
});

Deno.test("ClientConnection: a client that sends thousands of requests ahead does not keep timers waiting", async () => {
  const requests = new TextEncoder().encode("GET / HTTP/1.1\r\nhost: p\r\n\r\n".repeat(5_000));
  let at = 0;
  const pieces: Partial<Deno.Conn> = {
    read(into) {
      // The buffer for read-ahead is limited, so the client sends as fast as the proxy reads.
      const piece = requests.subarray(at, at + Math.min(into.length, 4_096));
      at += piece.length;
      into.set(piece);
      return piece.length === 0 ? new Promise(() => {}) : Promise.resolve(piece.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  let responses = 0;
  const served = Promise.withResolvers<void>();
  const responded = await doneBeforeTimer(async (count) => {
    // Only these members are used.
    const connection = new ClientConnection(pieces as Deno.Conn, {
      handler() {
        count();
        if (++responses === 5_000) served.resolve();
        return Promise.resolve({ status: 200, reason: "OK", fields: [], body: null });
      },
      peer: "192.0.2.1",
      entry: "all",
      limits: () => DEFAULT_SERVER_SETTINGS.connections,
      now: () => performance.now(),
    });
    void connection.serve();
    await within(served.promise, "the last response");
    connection.close();
  });
  assert(responded < 1_000, `${responded} of 5,000 requests came first`);
});

Deno.test("TurnCount: a connection waits after a quarter of a megabyte, also one whose bytes are much work", async () => {
  const count = new TurnCount();
  assertEquals(count.count(300_000), undefined, "the first may have waited for its bytes");
  assert(count.count(300_000) instanceof Promise);
  let small = 0;
  for (small of turns(1_000, "the turn")) if (count.count(10) !== undefined) break;
  assert(small > 8 && small < 40, `${small} small operations`);
  const work = async (): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      const end = performance.now() + 5;
      while (performance.now() < end) { /* it works */ }
      await count.count(10_000);
    }
  };
  const rounds = await doneBeforeTimer((done) => work().finally(done));
  assertEquals(rounds, 0, "a timer waits for all of the work");
  await shortPause();
});

Deno.test("TurnCount: a connection that waits for its peer in between is never delayed", async () => {
  const count = new TurnCount();
  for (let exchange = 1; exchange <= 200; exchange++) {
    assertEquals(count.count(20_000), undefined, `exchange ${exchange}`);
    await nextTurn();
  }
});

Deno.test("TurnCount: others have their turn again and again while a connection always has bytes", async () => {
  const count = new TurnCount();
  const turns = await doneBeforeTimer(async (done) => {
    for (let round = 0; round < 5_000; round++) {
      await count.count(300_000);
      done();
    }
  });
  assert(turns < 1_000, `${turns} of 5,000 reads came before the timer`);
  let waits = 0;
  for (let round = 0; round < 100; round++) {
    const others = count.count(300_000);
    if (others !== undefined) waits++;
    await others;
  }
  assertEquals(waits, 100);
});

Deno.test("ClientOutput: a busy client gives others their turn after a write, and the wait for it ends", async () => {
  const stall = new StallTimer(() => 0);
  const output = new ClientOutput({ write: (bytes) => Promise.resolve(bytes.length) }, stall);
  const bytes = new Uint8Array(300_000);
  const written = output.write(bytes);
  assertEquals(stall.isRunning, true);
  assertEquals([output.afterWrite(await written), stall.isRunning], [undefined, false], "the first");
  const others = output.afterWrite(await output.write(bytes));
  assert(others instanceof Promise);
  await others;
});

Deno.test("SmallPieces: the same bytes in pieces of a limited length, and others in between", async () => {
  const given = [
    new Uint8Array(10).fill(1),
    new Uint8Array(100_000).map((_, index) => index),
    new Uint8Array(8),
  ];
  const left = [...given];
  const small = new SmallPieces(new PulledSource(() => Promise.resolve(left.shift() ?? null)), 1_000);
  const got: number[] = [];
  let pieces = 0;
  const before = await doneBeforeTimer(async (count) => {
    for (let piece = await nextPiece(small); piece !== null; piece = await nextPiece(small)) {
      assert(piece.length <= 1_000);
      assertEquals(small.tryRead(), undefined, "others first");
      got.push(...piece);
      pieces++;
      count();
    }
  });
  assertEquals(got.length, 100_018);
  assertEquals(Uint8Array.from(got), Uint8Array.from(given.flatMap((piece) => [...piece])));
  assertEquals(pieces, 102);
  assert(before < 100, `${before} pieces came before the timer`);
});

Deno.test("ConnectionReader.readableBehind: bytes that were taken do not change", async () => {
  let next = 0;
  const reader = new ConnectionReader({
    read(into) {
      const count = Math.min(into.length, 3_000);
      for (let at = 0; at < count; at++) into[at] = next++ % 251;
      return Promise.resolve(count);
    },
  });
  await reader.readable();
  const taken = reader.take(reader.buffered.length);
  const copy = taken.slice();
  for (let round = 0; round < 50; round++) {
    await reader.readableBehind();
    assertEquals(taken, copy, `after ${round + 1} reads`);
  }
  const expected = Uint8Array.from({ length: reader.buffered.length }, (_, index) => (3_000 + index) % 251);
  assertEquals(reader.buffered.slice(), expected);
});

Deno.test("ConnectionReader.readableBehind: short messages arrive whole, one after the other", async () => {
  let left = 0;
  const reader = new ConnectionReader({
    read(into) {
      const count = Math.min(into.length, left);
      left -= count;
      return Promise.resolve(count);
    },
  });
  for (let message = 1; message <= 50; message++) {
    left = 900;
    await reader.readableBehind();
    assertEquals(reader.available, 900, `message ${message}`);
    reader.take(900);
  }
});
