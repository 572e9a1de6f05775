/**
 * Writes HTTP/1.1 messages. All messages but the interim `100 Continue` (`server/connection.ts`) are written
 * here. The framing fields follow from the body that is sent (RFC 9112, 6).
 */

import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { concat } from "../streams/bytes.ts";
import { type Field, isFramingField } from "./fields.ts";
import { encodeLatin1 } from "./latin1.ts";

/** Something that bytes can be written to, such as a connection. */
export interface ByteOutput {
  /** Writes some of the bytes, and gives their number. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
}

/** A body together with its framing. */
export type OutgoingBody =
  /** No body, and no field that announces one. */
  | { readonly kind: "none" }
  /** A response to HEAD, or a 304: it states the length of a body, and has no body. */
  | { readonly kind: "omitted"; readonly length: number }
  | { readonly kind: "counted"; readonly length: number; readonly source: ByteSource }
  | { readonly kind: "chunked"; readonly source: ByteSource }
  /** The end of the connection ends the body. For clients of HTTP/1.0. */
  | { readonly kind: "until close"; readonly source: ByteSource };

/** A message that is ready to be sent. */
export interface OutgoingMessage {
  readonly startLine: string;
  /** The fields without `content-length` and `transfer-encoding`. */
  readonly fields: readonly Field[];
  readonly body: OutgoingBody;
}

/**
 * The framing of a message does not match its body, or its fields name a framing: a bug of the program. The
 * caller must close the connection, because the peer would read the rest as the next message.
 */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

const CRLF = new Uint8Array([13, 10]);
const LAST_CHUNK = encodeLatin1("0\r\n\r\n");
/** Pieces up to this length are copied together with their framing, so that one write sends both. */
const COPIED_BYTES = 16 * 1024;
/** The first buffer for framed pieces. It is long enough for the events of most streams. */
const SCRATCH_BYTES = 1024;
const NOTHING = new Uint8Array();
const NO_BODY: OutgoingBody = { kind: "none" };

/** Chooses the framing for a receiver that understands chunks: the length where it is known, else chunks. */
export function framed(body: MessageBody | null): OutgoingBody {
  if (body === null) return NO_BODY;
  return body.length === undefined
    ? { kind: "chunked", source: body }
    : { kind: "counted", length: body.length, source: body };
}

/** The text of a head with its empty line. Throws a {@link FramingError} where the fields name a framing. */
export function headText({ startLine, fields, body }: OutgoingMessage): string {
  let text = `${startLine}\r\n`;
  for (const { name, lower, value } of fields) {
    if (isFramingField(lower)) throw new FramingError(`${lower} among the fields of a message`);
    text += value === "" ? `${name}:\r\n` : `${name}: ${value}\r\n`;
  }
  switch (body.kind) {
    case "counted":
    case "omitted":
      return `${text}content-length: ${body.length}\r\n\r\n`;
    case "chunked":
      return `${text}transfer-encoding: chunked\r\n\r\n`;
    case "none":
    case "until close":
      return `${text}\r\n`;
    default:
      body satisfies never;
      throw new TypeError("Unknown framing");
  }
}

/**
 * Sends a message. The head goes out at once, together with what is at hand of the body; then each piece is
 * sent before the next one is read. Throws what the source or the output throws. Throws a {@link
 * FramingError} before it sends a byte that the head did not announce, and where the body is shorter than
 * announced.
 */
export async function writeMessage(output: ByteOutput, message: OutgoingMessage): Promise<void> {
  const { body } = message;
  const head = encodeLatin1(headText(message));
  if (body.kind === "none" || body.kind === "omitted") return await writeAll(output, head);
  const { source } = body;
  const framing = framingOf(body);
  /** The head, perhaps with the first piece behind it. Undefined: it was sent. */
  let unsent: Uint8Array | undefined = head;
  while (true) {
    const piece = source.tryRead();
    if (piece === undefined) {
      if (unsent === undefined) await source.readable();
      else await writeAll(output, unsent);
      unsent = undefined;
    } else if (piece === null) {
      // Most plain answers are whole by now: the end goes out with the rest, in the same write.
      const end = framing.end();
      return await writeAll(output, unsent === undefined ? end : concat([unsent, end]));
    } else if (unsent === head && piece.length <= COPIED_BYTES) {
      unsent = concat([head, ...framing.parts(piece)]);
    } else {
      const frames = framing.frames(piece);
      if (unsent !== undefined) await writeAll(output, unsent);
      unsent = undefined;
      for (const frame of frames) {
        const written = await output.write(frame);
        if (written < frame.length) await writeAll(output, frame.subarray(written));
      }
    }
  }
}

/** How the pieces of one body are framed. */
interface BodyFraming {
  /** A piece with its framing: one array to write where the piece is short. Valid until the next call. */
  readonly frames: (piece: Uint8Array) => readonly Uint8Array[];
  /** A piece with its framing, without a copy of the piece. */
  readonly parts: (piece: Uint8Array) => readonly Uint8Array[];
  /** What follows the last piece. */
  readonly end: () => Uint8Array;
}

function framingOf(body: OutgoingBody): BodyFraming {
  switch (body.kind) {
    case "chunked":
      return new ChunkedFraming();
    case "counted":
      return new PlainFraming(body.length);
    default:
      return new PlainFraming(undefined);
  }
}

/**
 * Sends pieces as they are. Lets exactly the announced number of bytes pass, where a length was announced.
 */
class PlainFraming implements BodyFraming {
  #left: number | undefined;

  constructor(length: number | undefined) {
    this.#left = length;
  }

  frames(piece: Uint8Array): readonly Uint8Array[] {
    if (this.#left !== undefined) {
      this.#left -= piece.length;
      if (this.#left < 0) throw new FramingError("a body that is longer than its length");
    }
    return piece.length === 0 ? [] : [piece];
  }

  parts(piece: Uint8Array): readonly Uint8Array[] {
    return this.frames(piece);
  }

  end(): Uint8Array {
    if (this.#left === undefined || this.#left === 0) return NOTHING;
    throw new FramingError(`a body that ends ${this.#left} bytes before its length`);
  }
}

/** Sends pieces as chunks. An empty piece is left out, because an empty chunk ends the body. */
class ChunkedFraming implements BodyFraming {
  #scratch = NOTHING;

  frames(piece: Uint8Array): readonly Uint8Array[] {
    if (piece.length === 0 || piece.length > COPIED_BYTES) return this.parts(piece);
    const size = `${piece.length.toString(16)}\r\n`;
    const length = size.length + piece.length + CRLF.length;
    if (this.#scratch.length < length) {
      this.#scratch = new Uint8Array(length <= SCRATCH_BYTES ? SCRATCH_BYTES : COPIED_BYTES + SCRATCH_BYTES);
    }
    for (let at = 0; at < size.length; at++) this.#scratch[at] = size.charCodeAt(at);
    this.#scratch.set(piece, size.length);
    this.#scratch.set(CRLF, size.length + piece.length);
    return [this.#scratch.subarray(0, length)];
  }

  parts(piece: Uint8Array): readonly Uint8Array[] {
    return piece.length === 0 ? [] : [encodeLatin1(`${piece.length.toString(16)}\r\n`), piece, CRLF];
  }

  end(): Uint8Array {
    return LAST_CHUNK;
  }
}

/** Writes all bytes to an output. */
export async function writeAll(output: ByteOutput, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await output.write(sent === 0 ? bytes : bytes.subarray(sent));
  }
}
