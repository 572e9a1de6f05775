import type { Clock } from "../time/clock.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { isEventStream } from "../payload/media_type.ts";

/** A comment and the empty line behind it, which mean nothing to a reader of event streams (WHATWG HTML, 9.2.6). */
const COMMENT = new TextEncoder().encode(": keepalive\n\n");
const LF = 10;
const CR = 13;

/** The body of an answer; an event stream has a comment put in where it is silent for so long. */
export function keptAlive(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
  options: { silenceMs: number; clock: Clock },
): MessageBody | null {
  // In what is compressed or counted there is no room for it.
  const hasRoom = fieldValue(fields, "content-encoding") === undefined && body?.length === undefined;
  return body !== null && isEventStream(fields) && hasRoom ? withKeepalive(body, options) : body;
}

/** Puts in comments between two events alone. */
function withKeepalive(
  source: MessageBody,
  { silenceMs, clock }: { silenceMs: number; clock: Clock },
): MessageBody {
  const boundary = new EventBoundary();
  /** What came while a comment was on its way; its bytes stay valid, since the source was not asked again. */
  let held: Promise<Uint8Array | null> | undefined;
  let isAsked = false;
  let answer: ((outcome: Promise<Uint8Array | null>) => void) | undefined;

  const seen = <Piece extends Uint8Array | null | undefined>(piece: Piece): Piece => {
    if (piece instanceof Uint8Array) boundary.pass(piece);
    return piece;
  };
  const ask = (): void => {
    isAsked = true;
    const arrived = (outcome: Promise<Uint8Array | null>): void => {
      isAsked = false;
      if (answer !== undefined) answer(outcome);
      else held = outcome;
    };
    source.read().then((piece) => arrived(Promise.resolve(seen(piece))), (error) => {
      const failure = Promise.reject(error);
      // Whoever reads next gets it.
      failure.catch(() => {});
      arrived(failure);
    });
  };
  return {
    length: undefined,
    tryRead: () => isAsked || held !== undefined ? undefined : seen(source.tryRead()),
    read() {
      if (held !== undefined) {
        const outcome = held;
        held = undefined;
        return outcome;
      }
      if (!isAsked) ask();
      return new Promise((resolve) => {
        const stop = boundary.isThere
          ? clock.after(silenceMs, () => answer?.(Promise.resolve(COMMENT)))
          : noop;
        answer = (outcome) => {
          answer = undefined;
          stop();
          resolve(outcome);
        };
      });
    },
    cancel() {
      answer?.(Promise.resolve(null));
      source.cancel();
    },
  };
}

function noop(): void {}

/** Follows where events end: behind an empty line, whichever of the three line ends is used. */
class EventBoundary {
  #isLineEmpty = true;
  #endedByCr = false;
  #wasEmptyAtCr = false;
  #isThere = true;

  get isThere(): boolean {
    return this.#isThere;
  }

  pass(bytes: Uint8Array): void {
    if (bytes.length > BYTES_THAT_TELL) this.#isLineEmpty = this.#endedByCr = false;
    for (const byte of bytes.subarray(-BYTES_THAT_TELL)) this.#next(byte);
  }

  #next(byte: number): void {
    if (byte === LF && this.#endedByCr) {
      this.#endedByCr = false;
      this.#isThere = this.#wasEmptyAtCr;
      return;
    }
    const isEnd = byte === LF || byte === CR;
    this.#endedByCr = byte === CR;
    // Behind a CR an LF may follow, which belongs to it.
    this.#wasEmptyAtCr = isEnd && this.#isLineEmpty;
    this.#isThere = byte === LF && this.#isLineEmpty;
    this.#isLineEmpty = isEnd;
  }
}

/** CR LF CR LF, and one before it: what stands further back does not matter. */
const BYTES_THAT_TELL = 5;
