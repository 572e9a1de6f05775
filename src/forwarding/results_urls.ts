/** Replaces `results_url` in a JSON body while it passes. All other bytes stay. */

import { ProxyFault } from "../faults.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { concat } from "../streams/bytes.ts";
import { SmallPieces } from "../streams/small_pieces.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LIST = 0x5b;
const OBJECT = 0x7b;
/** The first byte of both byte order marks of UTF-16 is at least this. No byte of UTF-8 is. */
const NOT_UTF8 = 0xfe;
/** How much is searched within one turn of the event loop. */
const STEP_BYTES = 8 * 1024;
/** The name in capitals, because some readers of JSON ignore them. */
const NAME = "RESULTS_URL";
/** The longest spelling of the name: each character as `\u0072`. */
const MAX_NAME_BYTES = NAME.length * 6;
/** A longer URL becomes null. */
const MAX_URL_BYTES = 4 * 1024;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NULL = encoder.encode("null");
const OPENING = Uint8Array.of(QUOTE);
const NOTHING = new Uint8Array();

/** Where in the JSON the next byte is. */
type Place = "between" | "string" | "name end" | "value" | "url";

/** Returns the URL for the client. `undefined` if the client gets null. */
export type ReplaceUrl = (url: string) => string | undefined;

/**
 * A JSON body whose members `results_url` have other values, at any depth and in any spelling. It holds at
 * most one URL. It throws `bad_gateway` where a reader of JSON could find a URL that the proxy does not
 * replace: in a list or an object as the value, and in UTF-16 or UTF-32.
 */
export class ResultsUrls implements MessageBody {
  /** Not known, because the URLs have other lengths. */
  readonly length: undefined;
  readonly #source: ByteSource;
  readonly #replace: ReplaceUrl;
  #place: Place = "between";
  #isBeginning = true;
  /** Whether the last byte was a backslash that escapes the next one. */
  #isEscaping = false;
  /** Whether the current string contains an escape, or a character that is not ASCII. */
  #isSpelled = false;
  /** The beginning of the current string. A longer one is not kept, and cannot be the name. */
  readonly #name = new Uint8Array(MAX_NAME_BYTES);
  #nameLength = 0;
  /** The URL with its quotes. `undefined` if it is too long. */
  #url: Uint8Array[] | undefined = [];
  #urlLength = 0;
  #failure: unknown;

  constructor(source: ByteSource, replace: ReplaceUrl) {
    this.#source = new SmallPieces(source, STEP_BYTES);
    this.#replace = replace;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    while (true) {
      const piece = this.#source.tryRead();
      // A URL that breaks off in its middle is left out.
      if (piece === null || piece === undefined) return piece;
      try {
        const out = this.#next(piece);
        if (out.length > 0) return out;
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    }
  }

  readable(): Promise<void> {
    return this.#failure === undefined ? this.#source.readable() : Promise.resolve();
  }

  cancel(): void {
    this.#source.cancel();
  }

  /** What the client gets for a piece. */
  #next(piece: Uint8Array): Uint8Array {
    const [first] = piece;
    if (piece.includes(0) || (this.#isBeginning && first !== undefined && first >= NOT_UTF8)) {
      throw unreadable("it is not UTF-8");
    }
    if (first !== undefined) this.#isBeginning = false;
    const out: Uint8Array[] = [];
    let passed = 0;
    let at = 0;
    while (at < piece.length) {
      if (this.#place === "url") {
        const end = this.#stringEnd(piece, at);
        this.#hold(piece.subarray(at, end));
        passed = at = end;
        if (this.#place !== "url") out.push(this.#replaced());
        continue;
      }
      if (this.#place === "string") {
        at = this.#stringEnd(piece, at);
        continue;
      }
      if (this.#place === "between") {
        const start = piece.indexOf(QUOTE, at);
        if (start === -1) break;
        at = start + 1;
        this.#beginString("string");
        continue;
      }
      const byte = piece[at] ?? 0;
      if (isBlank(byte)) at++;
      else if (this.#place === "name end") {
        this.#place = byte === COLON ? "value" : "between";
        if (byte === COLON) at++;
      } else if (byte === QUOTE) {
        if (at > passed) out.push(piece.subarray(passed, at));
        this.#beginString("url");
        this.#hold(OPENING);
        passed = ++at;
      } else if (byte === LIST || byte === OBJECT) throw unreadable("it is neither text nor null");
      else this.#place = "between";
    }
    if (passed === 0) return piece;
    if (passed < piece.length) out.push(piece.subarray(passed));
    return out.length === 0 ? NOTHING : concat(out);
  }

  #beginString(place: "string" | "url"): void {
    this.#place = place;
    this.#isEscaping = this.#isSpelled = false;
    this.#nameLength = 0;
    this.#url = [];
    this.#urlLength = 0;
  }

  /**
   * The position behind the end of the string, or of the piece. Moves to the next place at the end of the
   * string.
   */
  #stringEnd(piece: Uint8Array, from: number): number {
    const name = this.#name;
    let nameLength = this.#nameLength;
    let isEscaping = this.#isEscaping;
    let isSpelled = this.#isSpelled;
    let hasEnded = false;
    let at = from;
    while (at < piece.length && !hasEnded) {
      const byte = piece[at++] ?? 0;
      if (isEscaping) isEscaping = false;
      else if (byte === QUOTE) hasEnded = true;
      else if (byte === BACKSLASH) isEscaping = isSpelled = true;
      if (byte > 0x7f) isSpelled = true;
      if (!hasEnded && nameLength <= MAX_NAME_BYTES) {
        name[nameLength] = byte;
        nameLength++;
      }
    }
    this.#nameLength = nameLength;
    this.#isEscaping = isEscaping;
    this.#isSpelled = isSpelled;
    if (hasEnded) this.#place = this.#place === "string" && this.#isName() ? "name end" : "between";
    return at;
  }

  #isName(): boolean {
    const length = this.#nameLength;
    if (length > MAX_NAME_BYTES || length < NAME.length) return false;
    const name = this.#name.subarray(0, length);
    if (!this.#isSpelled) return length === NAME.length && decodeLatin1(name).toUpperCase() === NAME;
    // No other escape stands for a character of the name. The long s becomes S too, as in readers that ignore
    // capitals.
    const text = decoder.decode(name).replace(
      /\\u([0-9a-f]{4})/gi,
      (_, digits: string) => String.fromCharCode(parseInt(digits, 16)),
    );
    return text.toUpperCase() === NAME;
  }

  #hold(bytes: Uint8Array): void {
    this.#urlLength += bytes.length;
    if (this.#urlLength > MAX_URL_BYTES) this.#url = undefined;
    // A piece is valid until the next one is read.
    else this.#url?.push(bytes.slice());
  }

  /** What the client gets for the URL that has arrived. */
  #replaced(): Uint8Array {
    const raw = this.#url && concat(this.#url);
    this.#url = [];
    const url = raw &&
      (this.#isSpelled ? decoded(decoder.decode(raw)) : decodeLatin1(raw, 1, raw.length - 1));
    if (raw === undefined || url === undefined) return NULL;
    const replacement = this.#replace(url);
    if (replacement === undefined) return NULL;
    return replacement === url ? raw : encoder.encode(JSON.stringify(replacement));
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The text of a JSON string. `undefined` if it is not valid. */
function decoded(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The fault for a response whose URLs the proxy cannot replace. */
export function unreadable(why: string): ProxyFault {
  return new ProxyFault("bad_gateway", `The proxy cannot replace results_url in the response: ${why}.`);
}
