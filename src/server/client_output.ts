import type { ByteOutput } from "../http/writer.ts";
import { TurnCount } from "../streams/turn.ts";
import type { StallTimer } from "./stall_timer.ts";

/** The sending side of a client's connection. Each write gives other connections their turn after a while. */
export class ClientOutput implements ByteOutput {
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #stall: StallTimer;
  readonly #turn = new TurnCount();

  /** `stall` runs while the client does not take the bytes. To close the connection ends the write. */
  constructor(connection: Pick<Deno.Conn, "write">, stall: StallTimer) {
    this.#connection = connection;
    this.#stall = stall;
  }

  /** Writes some of the bytes, and gives their number. Throws where the connection fails or is closed. */
  async write(bytes: Uint8Array): Promise<number> {
    this.#stall.begin();
    const others = this.#turn.count(bytes.length);
    let written: number;
    try {
      written = await this.#connection.write(bytes);
    } finally {
      this.#stall.end();
    }
    if (others !== undefined) await others;
    return written;
  }
}
