import { FLAG, FRAME, FrameHeads } from "./frame_heads.ts";

/** What {@link ServerFrames} reports. */
export interface ServerFramesEvents {
  /** Called with the length of a DATA frame. */
  readonly onData: (stream: number, bytes: number) => void;
  /** Called with the last frame of a response, or its reset. */
  readonly onEnd: (stream: number) => void;
}

/**
 * Reads the frames that the runtime sends to a client. Only they show how much of a response the client has
 * read.
 */
export class ServerFrames {
  readonly #events: ServerFramesEvents;
  readonly #heads = new FrameHeads();
  /** The bytes of the present payload that have not been written. */
  #left = 0;

  constructor(events: ServerFramesEvents) {
    this.#events = events;
  }

  /** Takes the next bytes, after they were written to the client. */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, bytes.length - at);
        this.#left -= count;
        at += count;
        continue;
      }
      const head = this.#heads.next(bytes[at++] ?? 0);
      if (head === undefined) continue;
      const { length, type, flags, stream } = head;
      this.#left = length;
      if (type === FRAME.data && length > 0) this.#events.onData(stream, length);
      const isLast = (type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0;
      if (isLast || type === FRAME.reset) this.#events.onEnd(stream);
    }
  }
}
