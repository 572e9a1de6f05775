/** Selects values from the JSON messages of one direction of a WebSocket, while its frames pass. */

import { type FrameHead, FrameReader, OPCODES, unmasked } from "./websocket_frames.ts";
import { JsonScanner } from "./json_scanner.ts";
import { TextMeter } from "./text_meter.ts";
import type { SelectionNode } from "./json_selection.ts";
import { NO_SINK, type TextSink } from "./text_sink.ts";

/** Receives selected values, and the ends of messages. */
export interface MessageListener {
  /** Receives a selected value of the current message and its path. */
  readonly onValue: (path: string, value: unknown) => void;
  /**
   * Called at the end of a message. `bytes` is its length, and `textTokens` is an estimate of its measured
   * text.
   */
  readonly onEnd: (bytes: number, textTokens: number) => void;
}

/** Reads the messages of one direction without storing them. */
export class MessageScanner {
  readonly #json: JsonScanner;
  readonly #text = new TextMeter();
  /** The estimated tokens of earlier messages. */
  #earlierTokens = 0;
  readonly #frames: FrameReader;
  #isText = false;
  #bytes = 0;
  /** The number of bytes of the frame's payload that have passed. */
  #offset = 0;

  /** `media` receives the values that are selected as media. */
  constructor(
    selection: SelectionNode,
    { onValue, onEnd }: MessageListener,
    { media = NO_SINK }: { media?: TextSink } = {},
  ) {
    this.#json = new JsonScanner(selection, onValue, { texts: this.#text, media });
    this.#frames = new FrameReader(Infinity, {
      onHead: ({ opcode, hasReservedBits }) => {
        this.#offset = 0;
        if (opcode === OPCODES.text || opcode === OPCODES.binary) {
          // Gemini sends its JSON in binary messages, so the opcode does not matter.
          this.#isText = !hasReservedBits;
        }
      },
      onPayload: (bytes, head) => this.#payload(bytes, head),
      onEnd: ({ opcode, isFinal }) => {
        if (!isFinal || opcode > OPCODES.binary) return;
        // A value that the message breaks off in belongs to this message.
        this.#json.reset();
        onEnd(this.#bytes, this.pendingTokens);
        this.#bytes = 0;
        this.#earlierTokens = this.#text.tokens;
      },
    });
  }

  /** The bytes of a message that has not ended. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** The estimated tokens of a message that has not ended. */
  get pendingTokens(): number {
    return this.#text.tokens - this.#earlierTokens;
  }

  /** Reads the next bytes of the direction. Does not keep a reference to them. */
  write(piece: Uint8Array): void {
    this.#frames.pass(piece);
  }

  #payload(bytes: Uint8Array, { opcode, mask }: FrameHead): void {
    if (opcode > OPCODES.binary) return;
    this.#bytes += bytes.length;
    if (this.#isText) this.#json.write(mask === undefined ? bytes : unmasked(bytes, mask, this.#offset));
    this.#offset += bytes.length;
  }
}
