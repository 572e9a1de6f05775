/**
 * Reads the usage of OpenAI's realtime sessions, and of its responses over a WebSocket, while they pass; each answer
 * within tells its own.
 */

import { FrameReader, OPCODES } from "../websocket/frames.ts";
import type { Observed } from "./answer_tap.ts";
import { JsonScanner } from "./json_scanner.ts";
import { addRawUsage, type RawUsage, type Usage, usageOf } from "./usage.ts";
import { wantedPlaces } from "./wanted_places.ts";

/** https://platform.openai.com/docs/api-reference/realtime-server-events */
const WANTED = wantedPlaces({
  type: true,
  session: { model: true },
  response: { usage: true, status: true, model: true },
});
/** What ends an answer: in realtime sessions, and in responses. */
const LAST_EVENTS = ["response.done", "response.completed", "response.incomplete", "response.failed"];
const MAX_TEXT = 200;

/** Watches what the upstream says on one WebSocket. */
export class RealtimeTap {
  #usage: Usage = {};
  #model: string | undefined;
  #stopReason: string | undefined;
  /** Of the message that is passing. */
  #type: string | undefined;
  #status: string | undefined;
  #raw: RawUsage = new Map();
  #isText = false;
  readonly #json = new JsonScanner(WANTED, (path, value) => this.#found(path, value));
  readonly #frames: FrameReader;

  constructor() {
    this.#frames = new FrameReader(Infinity, {
      onHead: ({ opcode, hasReservedBits }) => {
        if (opcode === OPCODES.text || opcode === OPCODES.binary) {
          this.#isText = opcode === OPCODES.text && !hasReservedBits;
        }
      },
      onPayload: (bytes, { opcode }) => {
        if (this.#isText && opcode <= OPCODES.binary) this.#json.write(bytes);
      },
      onEnd: ({ opcode, isFinal }) => {
        if (isFinal && opcode <= OPCODES.binary) this.#endMessage();
      },
    });
  }

  /** The next bytes, which are not kept. */
  write(piece: Uint8Array): void {
    this.#frames.pass(piece);
  }

  /** What there is to say once the session has ended. */
  end(): Observed {
    return {
      usage: this.#usage,
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#stopReason !== undefined && { stopReason: this.#stopReason }),
    };
  }

  #found(path: string, value: unknown): void {
    if (path === "response.usage") addRawUsage(this.#raw, value);
    else if (typeof value !== "string" || value.length > MAX_TEXT) return;
    else if (path === "type") this.#type = value;
    else if (path === "response.status") this.#status = value;
    else if (path === "session.model" || path === "response.model") this.#model = value;
  }

  #endMessage(): void {
    if (this.#type !== undefined && LAST_EVENTS.includes(this.#type)) {
      this.#usage = sum(this.#usage, usageOf(this.#raw));
      this.#stopReason = this.#status ?? this.#stopReason;
    }
    this.#type = undefined;
    this.#status = undefined;
    this.#raw = new Map();
    this.#json.reset();
  }
}

/** What both say together; what neither says stays unknown. */
function sum(one: Usage, other: Usage): Usage {
  const total: { -readonly [Kind in keyof Usage]: Usage[Kind] } = { ...one };
  let kind: keyof Usage;
  for (kind in other) total[kind] = (one[kind] ?? 0) + (other[kind] ?? 0);
  return total;
}
