import { FLAG, FRAME, FrameHeads } from "./frame_heads.ts";

/** What the runtime's frames say. */
export interface ServerFramesEvents {
  /** Bytes of an answer's body. */
  readonly onData: (stream: number, bytes: number) => void;
  /** The last frame of an answer, or its reset. */
  readonly onEnd: (stream: number) => void;
}

/** Looks at the runtime's frames on their way to a client: only these say what of an answer the client has taken. */
export class ServerFrames {
  readonly #events: ServerFramesEvents;
  readonly #heads = new FrameHeads();
  /** Bytes of the present payload that are still to come. */
  #left = 0;

  constructor(events: ServerFramesEvents) {
    this.#events = events;
  }

  /** The next bytes, which have been written to the client. */
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
