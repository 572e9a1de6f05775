import { ClientGone } from "../cancellation.ts";
import type { ConnectionReader } from "../http/reader.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import type { ConnectionExchange } from "./connection_exchange.ts";

/**
 * How much a client may send ahead during a running request. Clients do not pipeline more, and the buffer
 * needs a limit.
 */
const MAX_AHEAD_BYTES = 256 * 1024;
/**
 * How much of an unread body is buffered to notice a departure. Beyond that, the departure shows at the next
 * read.
 */
const MAX_UNREAD_BYTES = 64 * 1024;
/**
 * The memory for an upload that the upstream does not read. The proxy reads the end of the connection only
 * after all bytes before it, usually 4 to 6 MB in the buffers of the system. The buffer doubles, so that the
 * proxy always reads at least half of this limit.
 */
const MAX_STUCK_BYTES = 16 * 1024 * 1024;

/** The connection of a {@link DepartureWatch}. */
export interface WatchedConnection {
  /** The memory that the connection holds. `undefined` if it is not counted. */
  readonly share: HeldShare | undefined;
  /** Called before an exchange is cancelled because its client has sent too much ahead. */
  readonly onSentTooMuch: () => void;
}

/**
 * Reads the connection of a client while an exchange runs, because only a read shows that the client has
 * left. The watch then cancels the exchange. It keeps the bytes that arrive: the beginning of a body that
 * waits for its reader, or the next requests.
 */
export class DepartureWatch {
  readonly #reader: ConnectionReader;
  readonly #connection: WatchedConnection;
  /** How much of the connection was taken when the reader of a body last stood still. */
  #stuckAt: number | undefined;
  /** Whether the connection holds the memory to read on behind such a body. */
  #readsBehind = false;
  /** Whether the client will probably send nothing during the next response: the last one was a stream. */
  expectsStream = true;

  constructor(reader: ConnectionReader, connection: WatchedConnection) {
    this.#reader = reader;
    this.#connection = connection;
  }

  /** Forgets the previous exchange, because the next one begins. */
  reset(): void {
    this.#stuckAt = undefined;
    this.#readsBehind = false;
  }

  /** Reads on, unless the reader of the body or a tunnel does. */
  readOn(exchange: ConnectionExchange): void {
    if (exchange.isReadingBody || exchange.isTunnel) return;
    if (this.#reader.isOver) exchange.cancellation.cancel(new ClientGone("the client left"));
    else if (exchange.isUnread) {
      if (this.#reader.available < MAX_UNREAD_BYTES) this.#read(exchange);
    } else if (this.#reader.available > MAX_AHEAD_BYTES) {
      this.#connection.onSentTooMuch();
      const reason = `the client sent more than ${MAX_AHEAD_BYTES} bytes during a running request`;
      exchange.cancellation.cancel(new ClientGone(reason));
    } else this.#read(exchange);
  }

  /**
   * Reads on behind an upload whose reader has taken nothing since the last call, because the upstream takes
   * nothing. The server calls it at intervals.
   */
  checkUpload(exchange: ConnectionExchange): void {
    const { body, isReadingBody, isTunnel } = exchange;
    // A reader that waits for the client reads the connection itself.
    const isStuck = isReadingBody && !isTunnel && body?.stall.isRunning !== true;
    const isStill = isStuck && this.#stuckAt === this.#taken;
    this.#stuckAt = isStuck ? this.#taken : undefined;
    if (isStill && this.#mayReadBehind()) this.#readBehind(exchange);
    else if (!isStill && this.#readsBehind) this.#endReadingBehind();
  }

  /** Called when bytes of an upload have arrived, or the connection is over. */
  uploadArrived(exchange: ConnectionExchange): void {
    if (this.#readsBehind && this.#stuckAt === this.#taken) this.#readBehind(exchange);
  }

  /**
   * Whether there is memory to read on until the departure shows. The watch reserves the whole amount at
   * once, because many partly served uploads would all starve. It reserves twice the amount for a moment, so
   * that the same amount stays free for other connections of the client.
   */
  #mayReadBehind(): boolean {
    const { share } = this.#connection;
    this.#readsBehind ||= share === undefined ||
      share.tryHold(2 * MAX_STUCK_BYTES) && share.tryHold(MAX_STUCK_BYTES);
    return this.#readsBehind;
  }

  #endReadingBehind(): void {
    this.#readsBehind = false;
    this.#connection.share?.tryHold(0);
  }

  /** How many bytes of the connection were taken. */
  get #taken(): number {
    return this.#reader.received - this.#reader.available;
  }

  /** Reads the next bytes of an upload that stands still, within {@link MAX_STUCK_BYTES}. */
  #readBehind({ cancellation }: ConnectionExchange): void {
    if (this.#reader.isOver) cancellation.cancel(new ClientGone("the client left during its upload"));
    else if (this.#reader.available < MAX_STUCK_BYTES / 2) void this.#reader.readableBehind();
  }

  /** A client of short responses soon sends its next request, which the usual buffer takes at once. */
  #read(exchange: ConnectionExchange): void {
    if (this.expectsStream && exchange.hasArrived(this.#reader.available)) {
      void this.#reader.readableQuietly();
    } else void this.#reader.readableBehind();
  }
}
