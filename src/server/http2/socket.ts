import { Duplex } from "node:stream";
import { closeQuietly } from "../../http1/close_quietly.ts";
import { writeAll } from "../../http1/writer.ts";

const PIECE_BYTES = 16 * 1024;

/**
 * A connection in the form in which the runtime's HTTP/2 takes one. Destroying it closes the connection. `onEnd` is
 * called when the client has ended it, which HTTP/2 by itself does not always notice.
 */
export function socketOver(connection: Deno.Conn, onEnd: () => void): Duplex {
  return new Duplex({
    read() {
      const buffer = new Uint8Array(PIECE_BYTES);
      connection.read(buffer).then(
        (count) => {
          this.push(count === null ? null : buffer.subarray(0, count));
          if (count === null) onEnd();
        },
        // A client that leaves without a word is nothing out of the ordinary.
        onEnd,
      );
    },
    write(bytes: Uint8Array, _encoding, done) {
      writeAll(connection, bytes).then(() => done(), (error) => done(error));
    },
    final(done) {
      connection.closeWrite().then(() => done(), () => done());
    },
    destroy(error, done) {
      closeQuietly(connection);
      done(error);
    },
  });
}
