import type { ByteOutput } from "../http/writer.ts";
import { TurnCount } from "../streams/turn.ts";
import type { StallTimer } from "./stall_timer.ts";

/** The sending side of a client's connection. Long writes give other connections a turn of the event loop. */
export class ClientOutput implements ByteOutput {
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #stall: StallTimer;
  readonly #turn = new TurnCount();

  /**
   * `stall` measures how long the client does not take the bytes. A pending write ends when the connection is
   * closed.
   */
  constructor(connection: Pick<Deno.Conn, "write">, stall: StallTimer) {
    this.#connection = connection;
    this.#stall = stall;
  }

  /** Writes some of the bytes, and returns their number. Rejects if the connection fails or is closed. */
  write(bytes: Uint8Array): Promise<number> {
    this.#stall.begin();
    return this.#connection.write(bytes);
  }

  /**
   * Ends the measured wait for the client. A write that fails needs no end, because its connection is closed.
   */
  afterWrite(count: number): Promise<void> | undefined {
    this.#stall.end();
    return this.#turn.count(count);
  }
}
