/**
 * Reads from the beginning of a JSON body which model it names, and which conversation it continues. The body
 * may be cut off at any byte, and is not checked, because the result only decides which backend gets the
 * request.
 */

/** The model and the conversation in the beginning of a body. */
export interface ConversationStart {
  /** The model. `undefined` if the bytes name none. */
  readonly model: string | undefined;
  /**
   * A text that is the same for each request of a conversation. `undefined` if the bytes begin no
   * conversation.
   */
  readonly key: string | undefined;
}

/** The longest id of a conversation, in bytes. A longer id is cut off. */
const MAX_ID_BYTES = 256;
/** Of each text, this number of bytes at its beginning counts, and its length. */
const MAX_TEXT_BYTES = 4 * 1024;
/** Values that are nested deeper than this are skipped. */
const MAX_DEPTH = 12;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Members with instructions. They come before the messages for the model. */
const INSTRUCTIONS: ReadonlySet<string> = new Set([
  "system",
  "instructions",
  "systemInstruction",
  "system_instruction",
]);
/** Members with the messages of a conversation. The oldest message is the first. */
const MESSAGES: ReadonlySet<string> = new Set(["messages", "input", "contents"]);
/** Claude Code begins its instructions with a text that changes from request to request. */
const VOLATILE = "x-anthropic-billing-header";

const decoder = new TextDecoder();

/**
 * Reads the beginning of a body. The key of a conversation is its id: `prompt_cache_key`, or the session in
 * Anthropic's `metadata.user_id`. Without an id, the key is a hash of the instructions and of the messages up
 * to the first one of the user. Marks such as `cache_control` do not count, because clients move them from
 * message to message.
 */
export function conversationStart(bytes: Uint8Array): ConversationStart {
  const reader = new StartReader();
  let at = 0;
  while (at < bytes.length && !reader.isDone) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = endOfString(bytes, at + 1);
      if (end === -1) break;
      reader.string(bytes, at + 1, end);
      at = end + 1;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) reader.open(byte === OPEN_BRACE);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) reader.close();
    else if (byte === COMMA) reader.comma();
    at++;
  }
  return reader.result;
}

/** Returns the index of the quote that ends a string. -1 if the string is cut off. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let end = bytes.indexOf(QUOTE, from); end !== -1; end = bytes.indexOf(QUOTE, end + 1)) {
    let first = end;
    while (first > from && bytes[first - 1] === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
  return -1;
}

/** Follows the containers of a JSON text, and collects what the key of the conversation depends on. */
class StartReader {
  /** The key of the current member of each open container. It is empty for an element of an array. */
  readonly #keys: (string | undefined)[] = [];
  readonly #areObjects: boolean[] = [];
  #depth = 0;
  #model: string | undefined;
  #id: string | undefined;
  readonly #instructions = new TextHash();
  readonly #messages = new TextHash();
  #role: string | undefined;
  #hasUserMessage = false;

  /** Whether the rest of the body cannot change the result. */
  get isDone(): boolean {
    return this.#id !== undefined && this.#model !== undefined;
  }

  get result(): ConversationStart {
    return { model: this.#model, key: this.#id === undefined ? this.#hash() : `id ${this.#id}` };
  }

  #hash(): string | undefined {
    if (!this.#hasUserMessage) return undefined;
    return `start ${this.#instructions.value} ${this.#messages.value}`;
  }

  open(isObject: boolean): void {
    if (this.#depth < MAX_DEPTH) {
      this.#areObjects[this.#depth] = isObject;
      this.#keys[this.#depth] = isObject ? undefined : "";
    }
    this.#depth++;
    if (this.#depth === 3 && this.#isMessage) this.#role = undefined;
  }

  close(): void {
    // Google's clients may omit the role of the user.
    if (
      this.#depth === 3 && this.#isMessage && (this.#role ?? "user") === "user" && this.#messages.length > 0
    ) {
      this.#hasUserMessage = true;
    }
    if (this.#depth > 0) this.#depth--;
  }

  comma(): void {
    const top = this.#depth - 1;
    if (this.#areObjects[top] === true) this.#keys[top] = undefined;
  }

  /**
   * Handles a string, which is `bytes` from `from` up to `to`. In an object, the first string of a member is
   * its key.
   */
  string(bytes: Uint8Array, from: number, to: number): void {
    const top = this.#depth - 1;
    if (top < 0 || top >= MAX_DEPTH) return;
    if (this.#areObjects[top] === true && this.#keys[top] === undefined) {
      this.#keys[top] = textOf(bytes, from, to);
      return;
    }
    this.#value(bytes, from, to);
  }

  #value(bytes: Uint8Array, from: number, to: number): void {
    const [first = "", second] = this.#keys;
    const last = this.#keys[this.#depth - 1];
    if (this.#depth === 1) {
      if (first === "model") this.#model = textOf(bytes, from, to);
      else if (first === "prompt_cache_key" && to > from) this.#id = textOf(bytes, from, to);
      else if (first === "input") {
        this.#messages.add(bytes, from, to);
        this.#hasUserMessage = true;
      }
    } else if (first === "metadata" && second === "user_id" && this.#depth === 2) {
      const user = textOf(bytes, from, to);
      if (user.includes("session")) this.#id ??= user;
      return;
    }
    if (INSTRUCTIONS.has(first)) {
      if (isText(last, first) && !startsWith(bytes, from, VOLATILE)) this.#instructions.add(bytes, from, to);
    } else if (this.#isMessage && !this.#hasUserMessage) {
      if (last === "role" && this.#depth === 3) this.#role = textOf(bytes, from, to);
      else if (isText(last, first)) this.#messages.add(bytes, from, to);
    }
  }

  /** Whether the reader is within an element of the list of messages. */
  get #isMessage(): boolean {
    return this.#depth >= 3 && MESSAGES.has(this.#keys[0] ?? "") && this.#areObjects[1] === false;
  }
}

/** Whether the value of a key is text for the model. The key of an element of an array is empty. */
function isText(key: string | undefined, outermost: string): boolean {
  return key === "text" || key === "content" || key === "" || key === outermost;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, Math.min(to, from + MAX_ID_BYTES)));
}

function startsWith(bytes: Uint8Array, from: number, text: string): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[from + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** The hash FNV-1a of several texts, with the length of each. */
class TextHash {
  #hash = 0x811c9dc5;
  /** The number of bytes that were added. */
  length = 0;

  get value(): string {
    return this.#hash.toString(36);
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    const end = Math.min(to, from + MAX_TEXT_BYTES);
    let hash = this.#hash;
    for (let at = from; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
    this.#hash = Math.imul(hash ^ (to - from), 0x01000193) >>> 0;
    this.length += to - from;
  }
}
