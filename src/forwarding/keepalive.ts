import { recognisedPath } from "../apis/operation_of.ts";
import type { Clock } from "../time/clock.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { isEventStream } from "../payload/media_type.ts";

/** A comment and the empty line behind it. Readers of event streams ignore it (WHATWG HTML, 9.2.6). */
export const COMMENT: Uint8Array = new TextEncoder().encode(": keepalive\n\n");
const LF = 10;
const CR = 13;

/**
 * Whether clients of a path know comments in event streams. `@google/genai` up to 1.30 takes a comment in a
 * stream of Gemini's own API for a broken response: it fails, and Gemini CLI sends the request three more
 * times.
 */
export function takesComments(path: string): boolean {
  return recognisedPath(path.replace(/%3a/i, ":")).operation !== "stream_generate_content";
}

/** The body of a response. If it is an event stream, it gets a comment after each silence of `silenceMs`. */
export function withKeepaliveComments(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
  options: { silenceMs: number; clock: Clock },
): MessageBody | null {
  // The proxy cannot insert a comment into compressed data, or into a body of a stated length.
  const isInsertable = fieldValue(fields, "content-encoding") === undefined && body?.length === undefined;
  return body !== null && isEventStream(fields) && isInsertable ? new KeepaliveBody(body, options) : body;
}

/** Inserts comments between two events. */
class KeepaliveBody implements MessageBody {
  readonly length: undefined;
  readonly #source: MessageBody;
  readonly #silenceMs: number;
  readonly #clock: Clock;
  readonly #boundary = new EventBoundary();
  /**
   * What arrived while the reader waited, or while it sent a comment. It stays valid, because the source is
   * not read before the reader has taken it.
   */
  #arrived: Uint8Array | null | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isCommentDue = false;
  #isSourceAwaited = false;
  #waiting: Promise<void> | undefined;
  #wake = noop;

  constructor(source: MessageBody, { silenceMs, clock }: { silenceMs: number; clock: Clock }) {
    this.#source = source;
    this.#silenceMs = silenceMs;
    this.#clock = clock;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const arrived = this.#arrived;
    if (arrived !== undefined) {
      if (arrived !== null) this.#arrived = undefined;
      // The piece may end within an event.
      this.#isCommentDue = false;
      return arrived;
    }
    if (this.#isCommentDue) {
      this.#isCommentDue = false;
      return COMMENT;
    }
    return this.#isSourceAwaited ? undefined : this.#readSource();
  }

  readable(): Promise<void> {
    if (this.#arrived !== undefined || this.#failure !== undefined) return Promise.resolve();
    if (!this.#isSourceAwaited) this.#awaitSource();
    return this.#waiting ??= new Promise((resolve) => {
      const stop = this.#boundary.isHere
        ? this.#clock.after(this.#silenceMs, () => this.#commentIsDue())
        : noop;
      this.#wake = () => {
        this.#waiting = undefined;
        this.#wake = noop;
        stop();
        resolve();
      };
    });
  }

  cancel(): void {
    this.#arrived = null;
    this.#wake();
    this.#source.cancel();
  }

  #commentIsDue(): void {
    this.#isCommentDue = true;
    this.#wake();
  }

  #awaitSource(): void {
    this.#isSourceAwaited = true;
    void this.#source.readable().then(() => {
      // The reader has cancelled in between.
      if (this.#arrived === null) return;
      try {
        this.#arrived = this.#readSource();
      } catch (error) {
        this.#failure = { error };
      }
      if (this.#arrived === undefined && this.#failure === undefined) return this.#awaitSource();
      this.#isSourceAwaited = false;
      this.#wake();
    });
  }

  #readSource(): Uint8Array | null | undefined {
    const piece = this.#source.tryRead();
    if (piece instanceof Uint8Array) this.#boundary.pass(piece);
    return piece;
  }
}

function noop(): void {}

/**
 * Finds the ends of events: an empty line, with LF, CR LF or CR. In a stream with CR LF, the CR of the empty
 * line is not the end yet, because its LF follows.
 */
class EventBoundary {
  #isLineEmpty = true;
  #endedByCr = false;
  #wasEmptyAtCr = false;
  #isHere = true;

  /** Whether the last byte ended an event. */
  get isHere(): boolean {
    return this.#isHere;
  }

  /** Follows the next bytes of the stream. */
  pass(bytes: Uint8Array): void {
    if (bytes.length > DECISIVE_BYTES) this.#isLineEmpty = this.#endedByCr = false;
    for (const byte of bytes.subarray(-DECISIVE_BYTES)) this.#next(byte);
  }

  #next(byte: number): void {
    if (byte === LF && this.#endedByCr) {
      this.#endedByCr = false;
      this.#isHere = this.#wasEmptyAtCr;
      return;
    }
    const isEnd = byte === LF || byte === CR;
    const isBareCr = byte === CR && this.#endedByCr;
    this.#endedByCr = byte === CR;
    // An LF after a CR belongs to the same line end.
    this.#wasEmptyAtCr = isEnd && this.#isLineEmpty;
    this.#isHere = (byte === LF || isBareCr) && this.#isLineEmpty;
    this.#isLineEmpty = isEnd;
  }
}

/** CR LF CR LF and one byte before it. Earlier bytes do not matter. */
const DECISIVE_BYTES = 5;
