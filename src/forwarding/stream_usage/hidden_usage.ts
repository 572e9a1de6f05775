/** Takes out of a stream what was asked for by the proxy alone, so that the client sees what it would have seen. */

import type { ByteSource, MessageBody } from "../../http1/body.ts";
import { concat } from "../../http1/bytes.ts";
import { GrowingBuffer } from "../../http1/growing_buffer.ts";
import { SmallPieces } from "../../http1/small_pieces.ts";
import { jsonMembers, MAX_MEMBERS_BYTES, type Member } from "../../payload/json_members.ts";

const LF = 0x0a;
const CR = 0x0d;
const SIGN = new TextEncoder().encode('"usage"');
const DATA = new TextEncoder().encode("data:");
/** So much is looked at within one turn of the event loop: it may be thousands of events. */
const STEP_BYTES = 8 * 1024;
/** A longer event is not looked at and passes as it is: those that tell usage are short. */
const MAX_EVENT_BYTES = MAX_MEMBERS_BYTES;

/**
 * A stream of OpenAI's chat or text completions without its usage: each event loses the member `usage`, and the one
 * that has no choices is left out. Events are handed on whole.
 */
export class HiddenUsage implements MessageBody {
  /** Not known, since events become shorter or are left out. */
  readonly length: undefined;
  readonly #source: ByteSource;
  /** The event that has begun. */
  readonly #pending = new GrowingBuffer();
  /** How much of it has been searched for its end, and whether the line there is empty so far. */
  #searched = 0;
  #isLineEmpty = true;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: ByteSource) {
    this.#source = new SmallPieces(source, STEP_BYTES);
  }

  tryRead(): Uint8Array | null | undefined {
    while (true) {
      if (this.#ended) return this.#end();
      let piece: Uint8Array | null | undefined;
      try {
        piece = this.#source.tryRead();
      } catch (error) {
        return this.#brokenOff(error);
      }
      if (piece === undefined) return undefined;
      const out = this.#next(piece);
      if (out !== undefined) return out;
    }
  }

  async read(): Promise<Uint8Array | null> {
    while (true) {
      if (this.#ended) return this.#end();
      let piece: Uint8Array | null;
      try {
        piece = await this.#source.read();
      } catch (error) {
        return this.#brokenOff(error);
      }
      const out = this.#next(piece);
      if (out !== undefined) return out;
    }
  }

  #end(): null {
    if (this.#failure !== undefined) throw this.#failure.error;
    return null;
  }

  /** What had come of an event is the client's still; only then it breaks off. */
  #brokenOff(error: unknown): Uint8Array {
    this.#ended = true;
    this.#failure = { error };
    const rest = this.#take();
    if (rest.length === 0) throw error;
    return rest;
  }

  #take(): Uint8Array {
    const rest = this.#pending.bytes;
    this.#pending.clear();
    this.#searched = 0;
    return rest;
  }

  cancel(): void {
    this.#source.cancel();
  }

  /** What the client gets for a piece; undefined: nothing yet. */
  #next(piece: Uint8Array | null): Uint8Array | null | undefined {
    if (piece === null) {
      this.#ended = true;
      const rest = withoutUsage(this.#take());
      return rest === undefined || rest.length === 0 ? null : rest;
    }
    this.#pending.append(piece);
    const out = new GrowingBuffer();
    for (let end = this.#eventEnd(); end !== -1; end = this.#eventEnd()) {
      const whole = this.#pending.bytes.subarray(0, end);
      const event = end > MAX_EVENT_BYTES ? whole : withoutUsage(whole);
      if (event !== undefined) out.append(event);
      this.#pending.consume(end);
      this.#searched = 0;
    }
    if (this.#pending.length > MAX_EVENT_BYTES) out.append(this.#take());
    return out.length === 0 ? undefined : out.bytes;
  }

  /** Behind the empty line that ends the event, or -1 where it has not come. Goes on where it stopped before. */
  #eventEnd(): number {
    const { bytes } = this.#pending;
    while (this.#searched < bytes.length) {
      const byte = bytes[this.#searched];
      if (byte !== LF && byte !== CR) {
        this.#isLineEmpty = false;
        this.#searched = lineEnd(bytes, this.#searched);
        continue;
      }
      // Behind a CR an LF may follow, which belongs to it.
      if (byte === CR && this.#searched + 1 === bytes.length) return -1;
      this.#searched += byte === CR && bytes[this.#searched + 1] === LF ? 2 : 1;
      if (this.#isLineEmpty) return this.#searched;
      this.#isLineEmpty = true;
    }
    return -1;
  }
}

/** Where the line ends that goes on at `from`. A search for each of the two ends would look beyond the other. */
function lineEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at++;
  return at;
}

/** The event for the client; undefined: there is none. */
function withoutUsage(event: Uint8Array): Uint8Array | undefined {
  const data = dataOf(event);
  if (data === undefined || !holds(event, SIGN)) return event;
  const text = event.subarray(data.start, data.end);
  const members = jsonMembers(text);
  const index = members?.findIndex(({ key }) => key === "usage") ?? -1;
  if (members === undefined || index === -1) return event;
  const choices = members.find(({ key }) => key === "choices");
  const said = valueOf(text, members[index]);
  // What has no choices at all is something else: an error that says what it used.
  if (choices === undefined && said !== "null") return event;
  if (said !== "null" && /^\[\s*\]$/.test(valueOf(text, choices))) return undefined;
  const [from, to] = spanOf(members, index);
  return concat([event.subarray(0, data.start + from), event.subarray(data.start + to)]);
}

/** The one line of data; undefined where there are none or several. */
function dataOf(event: Uint8Array): { start: number; end: number } | undefined {
  let found: { start: number; end: number } | undefined;
  let start = 0;
  while (start < event.length) {
    let end = start;
    while (end < event.length && event[end] !== LF && event[end] !== CR) end++;
    if (DATA.every((byte, index) => event[start + index] === byte)) {
      if (found !== undefined) return undefined;
      found = { start: start + DATA.length, end };
    }
    start = end + 1;
  }
  return found;
}

/** A member with the comma that belongs to it. */
function spanOf(members: readonly Member[], index: number): [from: number, to: number] {
  const own = members[index];
  const before = members[index - 1];
  const after = members[index + 1];
  if (own === undefined) return [0, 0];
  if (before !== undefined) return [before.end, own.end];
  return [own.keyStart, after?.keyStart ?? own.end];
}

function valueOf(text: Uint8Array, member: Member | undefined): string {
  return member === undefined ? "" : new TextDecoder().decode(text.subarray(member.start, member.end));
}

function holds(bytes: Uint8Array, wanted: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    let index = 0;
    while (index < wanted.length && bytes[at + index] === wanted[index]) index++;
    if (index === wanted.length) return true;
  }
  return false;
}
