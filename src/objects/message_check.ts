/** Checks the ids in the messages that a client sends on a WebSocket, before the upstream gets them. */

import { ProxyFault } from "../faults.ts";
import { createPause } from "../payload/pace.ts";
import { type FrameHead, FrameReader, OPCODES, unmasked } from "../payload/websocket_frames.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { type CheckReferences, checkStrings } from "./body_references.ts";

/** Collects each message of a client until it is complete, and then checks it. */
export class MessageCheck {
  readonly #check: CheckReferences;
  readonly #frames: FrameReader;
  readonly #message = new GrowingBuffer();
  /** The bytes of the frame's payload so far. */
  #offset = 0;
  /** Messages that ended in the current piece. */
  #complete: Uint8Array[] = [];
  #isUnreadable = false;

  constructor(maxMessageBytes: number, check: CheckReferences) {
    this.#check = check;
    this.#frames = new FrameReader(maxMessageBytes, {
      onHead: ({ hasReservedBits }) => {
        this.#offset = 0;
        // The proxy negotiates no compression for this client.
        if (hasReservedBits) this.#isUnreadable = true;
      },
      onPayload: (bytes, head) => this.#payload(bytes, head),
      onEnd: ({ opcode, isFinal }) => {
        if (!isFinal || opcode > OPCODES.binary) return;
        this.#complete.push(this.#message.bytes.slice());
        this.#message.clear();
      },
    });
  }

  /**
   * Reads the next bytes of the client. The upstream must not get them before the promise resolves. Resolves with why
   * the WebSocket must end. Undefined: it need not, now or in the promise.
   */
  next(piece: Uint8Array): Promise<ProxyFault | undefined> | undefined {
    this.#frames.pass(piece);
    if (this.#isUnreadable) {
      return Promise.resolve(new ProxyFault("bad_request", "The client sent a compressed message."));
    }
    if (this.#complete.length === 0) return undefined;
    const messages = this.#complete;
    this.#complete = [];
    return this.#checkAll(messages);
  }

  async #checkAll(messages: readonly Uint8Array[]): Promise<ProxyFault | undefined> {
    const pause = createPause();
    try {
      for (const message of messages) {
        await checkStrings(message, { isFile: true, pause, check: this.#check });
      }
      return undefined;
    } catch (error) {
      if (error instanceof ProxyFault) return error;
      throw error;
    }
  }

  #payload(bytes: Uint8Array, { opcode, mask }: FrameHead): void {
    if (opcode > OPCODES.binary) return;
    this.#message.append(mask === undefined ? bytes : unmasked(bytes, mask, this.#offset));
    this.#offset += bytes.length;
  }
}
