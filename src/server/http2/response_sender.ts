import { FramingError } from "../../http/framing_error.ts";
import type { OutgoingReply } from "../../http/message.ts";
import { frameReply, statedLength } from "../../http/reply_framing.ts";
import type { ByteSource } from "../../streams/byte_source.ts";
import type { StallTimer } from "../stall_timer.ts";
import type { FrameOutput } from "./frame_output.ts";
import { MAX_31_BITS, MAX_FRAME_BYTES } from "./frames.ts";
import { responseBlock } from "./response_block.ts";
import type { SendingRoom } from "./sending_room.ts";

/** The part of a stream that a {@link ResponseSender} uses. */
export interface SendingStream {
  readonly id: number;
  /** The method of the request. */
  readonly method: string;
  /** Whether the exchange has ended, so that nothing more is sent. */
  readonly hasEnded: boolean;
  /** Measures how long the proxy waits for the client to read the response. */
  readonly sending: StallTimer;
  /** Called before a body of unknown length, which is not in memory as a whole and may last for hours. */
  readonly onStreaming: () => void;
  /**
   * Called after the last frame of the response. The exchange then ends. `readsOn` means that the sender
   * still reads the end of the body.
   */
  readonly onSent: (rest: { readonly readsOn: boolean }) => void;
}

/** The part of the connection that a {@link ResponseSender} uses. */
export interface ResponseSenderParts {
  readonly output: FrameOutput;
  readonly room: SendingRoom;
  /** Called when the number of unread bytes of the response changes, with the difference. */
  readonly onUnread: (bytes: number) => void;
  /** The number of bytes of DATA that the client accepts at first. */
  readonly window: number;
}

/** Sends the response of a stream in frames, as far as the windows of the client allow. */
export class ResponseSender {
  readonly #stream: SendingStream;
  readonly #output: FrameOutput;
  readonly #room: SendingRoom;
  readonly #onUnread: (bytes: number) => void;
  /**
   * The number of bytes of DATA that the client accepts now. It may be negative after a change of the
   * client's settings.
   */
  #window: number;
  /** The number of bytes of the response that are in memory. */
  #unread = 0;
  /**
   * The kind of frame for which the response needs room. `undefined` if the response does not wait for room.
   */
  #waitsFor: "head" | "data" | undefined;
  /** Continues with the response when it waits. */
  #continue = (): void => {};
  /**
   * The function that {@link SendingRoom} calls. It must always be the same function, because the list of
   * waiting streams knows it.
   */
  readonly #onRoom = (): void => {
    this.#waitsFor = undefined;
    this.#continue();
  };

  constructor(stream: SendingStream, { output, room, onUnread, window }: ResponseSenderParts) {
    this.#stream = stream;
    this.#output = output;
    this.#room = room;
    this.#onUnread = onUnread;
    this.#window = window;
  }

  /**
   * Opens the window for the response by some bytes, or closes it by a negative number. Returns `false` if
   * the window would be too large.
   */
  open(bytes: number): boolean {
    if (this.#window + bytes > MAX_31_BITS) return false;
    this.#window += bytes;
    if (this.#waitsFor === "data" && this.#window > 0) this.#room.wait(this.#onRoom, { isForHead: false });
    return true;
  }

  /** Releases the memory, and ends a wait for room, because the exchange has ended. */
  stop(): void {
    this.#countUnread(0);
    this.#room.leave(this.#onRoom);
    this.#onRoom();
  }

  /**
   * Sends a response. Throws the error of the body, or a {@link FramingError} if the body has another length.
   */
  async send({ status, fields, body, omittedLength }: OutgoingReply): Promise<void> {
    const stream = this.#stream;
    const framing = frameReply({ status, body, omittedLength }, stream.method);
    const length = statedLength(framing);
    const source = framing.kind === "counted" || framing.kind === "chunked" ? framing.source : undefined;
    const isCounted = body instanceof Uint8Array;
    const endsStream = source === undefined || length === 0;
    if (isCounted && !endsStream) this.#countUnread(body.length);
    else if (!endsStream) stream.onStreaming();
    while (this.#output.isFull) {
      await this.#untilRoom("head");
      if (stream.hasEnded) return;
    }
    stream.sending.end();
    this.#output.headers(stream.id, responseBlock({ status, fields, length }), { endsStream });
    if (source === undefined) stream.onSent({ readsOn: false });
    // The sender reads the end of an empty body. If it cancelled the body instead, the log would say that the
    // client left.
    else if (endsStream) await this.#readEnd(source);
    else await this.#sendBody(source, { length, isCounted });
  }

  async #sendBody(
    source: ByteSource,
    { length, isCounted }: { readonly length: number | undefined; readonly isCounted: boolean },
  ): Promise<void> {
    const stream = this.#stream;
    let left = length ?? Infinity;
    while (true) {
      const piece = source.tryRead();
      if (piece === undefined) {
        await source.readable();
        if (stream.hasEnded) return;
        continue;
      }
      if (piece === null) {
        if (length !== undefined) break;
        this.#output.endData(stream.id);
        return stream.onSent({ readsOn: false });
      }
      left -= piece.length;
      if (left < 0) break;
      const unsent = this.#sendFrames(piece, 0, { ends: left === 0 });
      if (unsent > 0) {
        await this.#sendRest(piece, { at: piece.length - unsent, isCounted, ends: left === 0 });
        if (stream.hasEnded) return;
      }
      if (left === 0) return await this.#readEnd(source);
    }
    throw new FramingError("the body does not have the stated length");
  }

  /**
   * Ends the exchange after the last byte of the stated length, and then reads the end of the source. The
   * last DATA frame has already ended the stream, because the system would delay a separate empty frame.
   */
  async #readEnd(source: ByteSource): Promise<void> {
    this.#stream.onSent({ readsOn: true });
    while (source.tryRead() === undefined) await source.readable();
  }

  /**
   * Sends a piece from a position, as far as the windows of the client allow. Returns the number of bytes
   * that are left.
   */
  #sendFrames(piece: Uint8Array, from: number, { ends }: { readonly ends: boolean }): number {
    const { id, sending } = this.#stream;
    let at = from;
    while (at < piece.length) {
      const count = Math.min(this.#window, this.#room.bytes, MAX_FRAME_BYTES, piece.length - at);
      if (count <= 0) break;
      const isLast = ends && at + count === piece.length;
      const isWholePiece = count === piece.length;
      this.#output.data(id, isWholePiece ? piece : piece.subarray(at, at + count), { endsStream: isLast });
      this.#window -= count;
      this.#room.take(count);
      at += count;
      // Only a sent byte ends the wait for the client. A client could open a window without reading a byte.
      sending.end();
      if (this.#unread > 0) this.#countUnread(this.#unread - count);
    }
    return piece.length - at;
  }

  /**
   * Sends the rest of a piece when the client opens its windows. `isCounted` means that the rest already
   * counts as unread.
   */
  async #sendRest(
    piece: Uint8Array,
    { at, isCounted, ends }: { readonly at: number; readonly isCounted: boolean; readonly ends: boolean },
  ): Promise<void> {
    for (let left = piece.length - at; left > 0;) {
      if (!isCounted) this.#countUnread(left);
      await this.#untilRoom("data");
      if (this.#stream.hasEnded) return;
      left = this.#sendFrames(piece, piece.length - left, { ends });
    }
  }

  /** Waits until there may be room for a frame, or the exchange has ended. */
  #untilRoom(frame: "head" | "data"): Promise<void> {
    const { sending } = this.#stream;
    if (!sending.isRunning) sending.begin();
    return new Promise((resolve) => {
      this.#continue = resolve;
      this.#waitsFor = frame;
      if (frame === "head") this.#room.wait(this.#onRoom, { isForHead: true });
      else if (this.#window > 0) this.#room.wait(this.#onRoom, { isForHead: false });
    });
  }

  #countUnread(bytes: number): void {
    const more = bytes - this.#unread;
    this.#unread = bytes;
    if (more !== 0) this.#onUnread(more);
  }
}
