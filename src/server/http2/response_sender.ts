import { FramingError } from "../../http/framing_error.ts";
import type { OutgoingReply } from "../../http/message.ts";
import { frameReply, statedLength } from "../../http/reply_framing.ts";
import type { ByteSource } from "../../streams/byte_source.ts";
import type { StallTimer } from "../stall_timer.ts";
import type { FrameOutput } from "./frame_output.ts";
import { MAX_31_BITS, MAX_FRAME_BYTES } from "./frames.ts";
import { responseBlock } from "./response_block.ts";
import type { SendingRoom } from "./sending_room.ts";

/** The stream of a {@link ResponseSender}. */
export interface SendingStream {
  readonly id: number;
  /** The method of the request. */
  readonly method: string;
  /** Whether the exchange has ended, so that nothing more is sent. */
  readonly hasEnded: boolean;
  /** Runs while the proxy waits for the client to read the response. */
  readonly sending: StallTimer;
  /** Called before a body of unknown length, which is not in memory as a whole and may last for hours. */
  readonly onStreaming: () => void;
  /**
   * Called after the last frame of the response. The exchange ends. `readsOn`: the sender still reads the end
   * of the body.
   */
  readonly onSent: (rest: { readonly readsOn: boolean }) => void;
}

/** What a {@link ResponseSender} needs of the connection. */
export interface ResponseSenderParts {
  readonly output: FrameOutput;
  readonly room: SendingRoom;
  /** Called when the number of unread bytes of the response changes, with the difference. */
  readonly onUnread: (bytes: number) => void;
  /** The number of bytes of DATA that the client accepts at the beginning. */
  readonly window: number;
}

/** Sends the response of a stream in frames, as far as the client's windows allow. */
export class ResponseSender {
  readonly #stream: SendingStream;
  readonly #output: FrameOutput;
  readonly #room: SendingRoom;
  readonly #onUnread: (bytes: number) => void;
  /**
   * How many bytes of DATA the client accepts now. It may be negative after a change of the client's
   * settings.
   */
  #window: number;
  /** How many bytes of the response are in memory. */
  #unread = 0;
  /** The kind of frame for which the response waits for room. `undefined` if it does not wait for room. */
  #waitsFor: "head" | "data" | undefined;
  /** Continues with the response. */
  #continue = (): void => {};
  /** The one function with which the stream is in the list of {@link SendingRoom}. */
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
   * Opens the window for the response by some bytes, or closes it. Returns false if it would be too large.
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
    // The end of an empty body has to be read. If it were cancelled, the log would say that the client left.
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
   * Ends the exchange after the last byte of the stated length, and reads the end of the source. The last
   * DATA frame has already ended the stream, because the system would delay a separate empty frame.
   */
  async #readEnd(source: ByteSource): Promise<void> {
    this.#stream.onSent({ readsOn: true });
    while (source.tryRead() === undefined) await source.readable();
  }

  /**
   * Sends a piece from a position on as far as the client's windows allow. Returns how many bytes are left.
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
      // Nothing else ends the wait for the client: it could open a window without taking a byte.
      sending.end();
      if (this.#unread > 0) this.#countUnread(this.#unread - count);
    }
    return piece.length - at;
  }

  /**
   * Sends the rest of a piece as the client opens its windows. `isCounted`: it is counted as unread already.
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
