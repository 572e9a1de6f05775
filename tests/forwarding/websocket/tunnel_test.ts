import { assertEquals } from "@std/assert";
import { Cancellation } from "../../../src/cancellation.ts";
import { WebSocketTunnel } from "../../../src/forwarding/websocket/tunnel.ts";
import type { Duplex } from "../../../src/http/message.ts";
import type { ResponseEnd } from "../../../src/response_end.ts";
import { PulledSource } from "../../../src/streams/pulled_source.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { within } from "../../support/time/deadline.ts";

/** A side that sends some pieces, and then nothing until it is closed. */
class Side implements Duplex {
  readonly written: number[] = [];
  readonly #closed = Promise.withResolvers<null>();
  readonly source;
  readonly output = {
    write: (bytes: Uint8Array) => {
      this.written.push(...bytes);
      return Promise.resolve(bytes.length);
    },
  };

  constructor(...pieces: Uint8Array[]) {
    this.source = new PulledSource(() => {
      const piece = pieces.shift();
      return piece === undefined ? this.#closed.promise : Promise.resolve(piece);
    });
  }

  readonly close = (): void => this.#closed.resolve(null);

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("WebSocketTunnel: a check that throws is reported, and is no departure of the client", async () => {
  const bug = new TypeError("a bug of the check");
  for (
    const check of [() => Promise.reject(bug), () => {
      throw bug;
    }]
  ) {
    const errors: unknown[] = [];
    const ends: ResponseEnd[] = [];
    const [client, upstream] = [new Side(frame(TEXT, "hello", { isMasked: true })), new Side()];
    const tunnel = new WebSocketTunnel({
      upstream,
      cancellation: new Cancellation(),
      clock: new FakeClock(),
      maxMessageBytes: 100,
      onPiece() {},
      onClientPiece() {},
      check,
      unexpected: (error) => errors.push(error),
      onActivity() {},
      onEnd: (how) => {
        ends.push(how);
        client.close();
      },
    });
    await within(tunnel.run(client), "the end of the tunnel");
    assertEquals(errors, [bug]);
    assertEquals(ends.map((end) => typeof end === "string" ? end : end.code), ["internal"]);
    // Both sides get a close frame, and the upstream gets nothing of the message.
    const isMasked = [client, upstream].map(({ written }) => [written[0], (written[1] ?? 0) >> 7]);
    assertEquals(isMasked, [[0x88, 0], [0x88, 1]]);
    assertEquals(client.written.slice(2, 4), [1011 >> 8, 1011 & 255]);
  }
});
