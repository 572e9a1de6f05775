/** Finds what is wanted in the JSON messages of one direction of a WebSocket, while its frames pass. */

import { type FrameHead, FrameReader, OPCODES } from "./websocket_frames.ts";
import { JsonScanner } from "./json_scanner.ts";
import { TextMeter } from "./text_meter.ts";
import type { Place } from "./wanted_places.ts";

/** Who wants to know. */
export interface MessageListener {
  readonly found: (path: string, value: unknown) => void;
  /** A message has ended that had so many bytes, and so many tokens of text where that is wanted. */
  readonly ended: (bytes: number, textTokens: number) => void;
}

/** Reads one direction; nothing is kept. */
export class MessageScanner {
  readonly #json: JsonScanner;
  readonly #text = new TextMeter();
  /** The estimate of the text of earlier messages. */
  #earlierTokens = 0;
  readonly #frames: FrameReader;
  #isText = false;
  #bytes = 0;
  /** How much of the frame's payload has come. */
  #offset = 0;

  constructor(wanted: Place, { found, ended }: MessageListener) {
    this.#json = new JsonScanner(wanted, found, { texts: this.#text });
    this.#frames = new FrameReader(Infinity, {
      onHead: ({ opcode, hasReservedBits }) => {
        this.#offset = 0;
        if (opcode === OPCODES.text || opcode === OPCODES.binary) {
          // Gemini sends its JSON in binary messages.
          this.#isText = !hasReservedBits;
        }
      },
      onPayload: (bytes, head) => this.#payload(bytes, head),
      onEnd: ({ opcode, isFinal }) => {
        if (!isFinal || opcode > OPCODES.binary) return;
        ended(this.#bytes, this.pendingTokens);
        this.#bytes = 0;
        this.#earlierTokens = this.#text.tokens;
        this.#json.reset();
      },
    });
  }

  /** How much has come of a message that has not ended. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** The tokens of its text. */
  get pendingTokens(): number {
    return this.#text.tokens - this.#earlierTokens;
  }

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

function unmasked(bytes: Uint8Array, mask: Uint8Array, offset: number): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    plain[at] = (bytes[at] ?? 0) ^ (mask[(offset + at) & 3] ?? 0);
  }
  return plain;
}
