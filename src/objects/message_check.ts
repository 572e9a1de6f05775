/** Checks the ids in the messages that a client sends on a WebSocket, before the upstream gets them. */

import { ProxyFault } from "../faults.ts";
import { type MessageRejection, rejectionOf } from "../payload/message_rejection.ts";
import { CLOSE_CODES, type FrameHead, FrameReader, OPCODES, unmasked } from "../payload/websocket_frames.ts";
import type { CheckReferences } from "./body_references.ts";
import { addReferences, type References } from "./object_ids.ts";
import { QuotedTexts } from "./quoted_texts.ts";

/** The reason for the client in the close frame. The log has the fault. */
const CHECK_FAILED = "a message names an object that does not exist";

/** Checks the messages of one client, piece by piece. It keeps at most the text that has begun. */
export class MessageCheck {
  readonly #check: CheckReferences;
  readonly #frames: FrameReader;
  readonly #texts: QuotedTexts;
  /** The references in the current piece. */
  #found: References = new Map();
  /** The bytes of the frame's payload so far. */
  #offset = 0;
  #isUnreadable = false;

  constructor(
    maxMessageBytes: number,
    { check, isReferring }: {
      readonly check: CheckReferences;
      /** Whether the texts in a member of JSON can refer to objects. */
      readonly isReferring: (member: string, text: string) => boolean;
    },
  ) {
    this.#check = check;
    this.#texts = new QuotedTexts((text, member) => {
      if (isReferring(member, text)) addReferences(text, this.#found, { member });
    });
    this.#frames = new FrameReader(maxMessageBytes, {
      onHead: ({ hasReservedBits }) => {
        this.#offset = 0;
        // The proxy negotiates no compression for this client.
        if (hasReservedBits) this.#isUnreadable = true;
      },
      onPayload: (bytes, head) => this.#payload(bytes, head),
      onEnd: ({ opcode, isFinal }) => {
        if (isFinal && opcode <= OPCODES.binary) this.#texts.end();
      },
    }, { isStrict: true });
  }

  /**
   * Reads the next bytes of the client. The upstream must not get them before the promise resolves. Resolves
   * with why the WebSocket must end. Resolves with `undefined`, or returns it, if the WebSocket may go on.
   */
  next(piece: Uint8Array): Promise<MessageRejection | undefined> | undefined {
    this.#frames.pass(piece);
    const violation = this.#isUnreadable
      ? { code: CLOSE_CODES.protocolError, reason: "a compressed message" }
      : this.#frames.violation;
    if (violation !== undefined) return Promise.resolve(rejectionOf(violation, "client"));
    if (this.#found.size === 0) return undefined;
    const references = this.#found;
    this.#found = new Map();
    return this.#checked(references);
  }

  async #checked(references: References): Promise<MessageRejection | undefined> {
    try {
      await this.#check(references);
      return undefined;
    } catch (fault) {
      if (!(fault instanceof ProxyFault)) throw fault;
      return { close: { code: CLOSE_CODES.policyViolation, reason: CHECK_FAILED }, fault };
    }
  }

  #payload(bytes: Uint8Array, { opcode, mask }: FrameHead): void {
    if (opcode > OPCODES.binary) return;
    const plain = mask === undefined ? bytes : unmasked(bytes, mask, this.#offset);
    // Letters in UTF-16 and UTF-32 have zeros between them.
    this.#texts.write(plain.includes(0) ? plain.filter((byte) => byte !== 0) : plain);
    this.#offset += bytes.length;
  }
}
