import { ClientGone } from "../cancellation.ts";
import type { ConnectionReader } from "../http/reader.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import type { ConnectionExchange } from "./connection_exchange.ts";

/**
 * The most bytes that a client may send ahead during a running request. Clients do not pipeline more than
 * this.
 */
const MAX_AHEAD_BYTES = 256 * 1024;
/**
 * The most bytes of an unread body that are buffered to notice that the client leaves. If the body is longer,
 * the proxy notices it at the next read.
 */
const MAX_UNREAD_BYTES = 64 * 1024;
/**
 * The memory for an upload that the upstream does not read, in bytes. The proxy gets the end of the
 * connection only after all bytes before it. These are usually 4 to 6 MB in the buffers of the system. The
 * proxy always reads at least half of this limit, because the buffer doubles.
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
 * left. The watch then cancels the exchange. It keeps the bytes that arrive: the beginning of a body that has
 * no reader yet, or the next requests.
 */
export class DepartureWatch {
  readonly #reader: ConnectionReader;
  readonly #connection: WatchedConnection;
  /**
   * The number of taken bytes at the last check of {@link checkUpload}. `undefined` if the reader of the body
   * was not stuck.
   */
  #stuckAt: number | undefined;
  /** Whether the memory is reserved for reading beyond such a stuck body. */
  #readsBehind = false;
  /**
   * Whether the client will probably send nothing during the next response, because the last response was a
   * stream.
   */
  expectsStream = true;

  constructor(reader: ConnectionReader, connection: WatchedConnection) {
    this.#reader = reader;
    this.#connection = connection;
  }

  /** Resets the state for the next exchange. */
  reset(): void {
    this.#stuckAt = undefined;
    this.#readsBehind = false;
  }

  /** Continues to read the connection, unless the reader of the body or a tunnel reads it. */
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
   * Reads beyond an upload whose reader has taken nothing since the last call, because the upstream takes
   * nothing. The server calls it at intervals.
   */
  checkUpload(exchange: ConnectionExchange): void {
    const { body, isReadingBody, isTunnel } = exchange;
    // If the reader waits for the client, the reader itself reads the connection.
    const isStuck = isReadingBody && !isTunnel && body?.stall.isRunning !== true;
    const isStill = isStuck && this.#stuckAt === this.#taken;
    this.#stuckAt = isStuck ? this.#taken : undefined;
    if (isStill && this.#mayReadBehind()) this.#readBehind(exchange);
    else if (!isStill && this.#readsBehind) this.#endReadingBehind();
  }

  /** Called when bytes of an upload have arrived, or when the connection has ended or failed. */
  uploadArrived(exchange: ConnectionExchange): void {
    if (this.#readsBehind && this.#stuckAt === this.#taken) this.#readBehind(exchange);
  }

  /**
   * Whether there is memory to read until the client's departure shows. The watch reserves the whole amount
   * at once. Otherwise many uploads would each get a part, and none would have enough. It reserves twice the
   * amount for a moment, so that the same amount stays free for other connections of the client.
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

  /** The number of bytes of the connection that were taken out of its buffer. */
  get #taken(): number {
    return this.#reader.received - this.#reader.available;
  }

  /** Reads the next bytes of a stuck upload, up to {@link MAX_STUCK_BYTES}. */
  #readBehind({ cancellation }: ConnectionExchange): void {
    if (this.#reader.isOver) cancellation.cancel(new ClientGone("the client left during its upload"));
    else if (this.#reader.available < MAX_STUCK_BYTES / 2) void this.#reader.readableBehind();
  }

  /**
   * Reads with the large or the quiet buffer. A client of short responses soon sends its next request, which
   * the usual buffer then has room for.
   */
  #read(exchange: ConnectionExchange): void {
    if (this.expectsStream && exchange.hasArrived(this.#reader.available)) {
      void this.#reader.readableQuietly();
    } else void this.#reader.readableBehind();
  }
}
