/** The one writer of HTTP/1.1 messages: it derives the framing fields from the body that it sends (RFC 9112, 6). */

import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { concat } from "../streams/bytes.ts";
import { type Field, isFramingField } from "./fields.ts";
import { encodeLatin1 } from "./latin1.ts";

/** What can be written to; a connection. */
export interface ByteOutput {
  readonly write: (bytes: Uint8Array) => Promise<number>;
}

/** A body with the framing that it is sent with. */
export type OutgoingBody =
  /** No body, and no field that announces one. */
  | { readonly kind: "none" }
  /** An answer to HEAD, or a 304: the length of the body that it leaves out, and no body. */
  | { readonly kind: "omitted"; readonly length: number }
  | { readonly kind: "counted"; readonly length: number; readonly source: ByteSource }
  | { readonly kind: "chunked"; readonly source: ByteSource }
  /** The end of the connection ends the body: an answer to HTTP/1.0. */
  | { readonly kind: "until close"; readonly source: ByteSource };

/** A message that is ready to be sent. */
export interface OutgoingMessage {
  readonly startLine: string;
  /** Without framing fields. */
  readonly fields: readonly Field[];
  readonly body: OutgoingBody;
}

/**
 * A message whose framing and body differ, or that names its framing among its fields: a mistake of the program.
 * The connection must be closed: what follows on it would be read as the next message.
 */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

const CRLF = new Uint8Array([13, 10]);
const LAST_CHUNK = encodeLatin1("0\r\n\r\n");
/** Pieces up to this are copied behind their framing, so that one write sends both. */
const COPIED_BYTES = 16 * 1024;
/** Enough for the events of a usual stream. */
const SCRATCH_BYTES = 1024;
const NO_BODY: OutgoingBody = { kind: "none" };

/** The framing of a body whose receiver understands chunks: its length where that is known, else chunks. */
export function framed(body: MessageBody | null): OutgoingBody {
  if (body === null) return NO_BODY;
  return body.length === undefined
    ? { kind: "chunked", source: body }
    : { kind: "counted", length: body.length, source: body };
}

/** The text of a head with its empty line. Throws a {@link FramingError} for a framing field among the fields. */
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
 * Sends a message: its head at once, and with it what is at hand of the body; then the body as it comes, each
 * piece before the next is read. Throws what the source or the output throws, and a {@link FramingError} before a
 * byte is sent that the head did not announce, or where the body is shorter than announced.
 */
export async function writeMessage(output: ByteOutput, message: OutgoingMessage): Promise<void> {
  const { body } = message;
  const headBytes = encodeLatin1(headText(message));
  if (body.kind === "none" || body.kind === "omitted") return await writeAll(output, headBytes);
  const source = body.kind === "counted" ? new CountedSource(body.source, body.length) : body.source;
  const chunked = body.kind === "chunked";
  let piece = source.tryRead();
  if (piece === undefined || piece !== null && piece.length > COPIED_BYTES) {
    await writeAll(output, headBytes);
    piece ??= await source.read();
  } else if (piece === null) {
    return await writeAll(output, chunked ? concat([headBytes, LAST_CHUNK]) : headBytes);
  } else {
    const first = concat([headBytes, ...(chunked ? chunkOf(piece) : [piece])]);
    // Plain answers are mostly whole by now: the end goes with the rest, in the same write.
    const following = source.tryRead();
    if (following === null) return await writeAll(output, chunked ? concat([first, LAST_CHUNK]) : first);
    await writeAll(output, first);
    piece = following ?? await source.read();
  }
  const encoder = chunked ? new ChunkEncoder() : undefined;
  while (piece !== null) {
    await (encoder === undefined ? writeAll(output, piece) : encoder.write(output, piece));
    piece = source.tryRead();
    if (piece === undefined) piece = await source.read();
  }
  if (chunked) await writeAll(output, LAST_CHUNK);
}

/** Lets exactly the announced number of bytes pass. */
class CountedSource {
  readonly #source: ByteSource;
  #left: number;

  constructor(source: ByteSource, length: number) {
    this.#source = source;
    this.#left = length;
  }

  tryRead(): Uint8Array | null | undefined {
    return this.#counted(this.#source.tryRead());
  }

  async read(): Promise<Uint8Array | null> {
    return this.#counted(await this.#source.read());
  }

  #counted<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece === null) {
      if (this.#left > 0) throw new FramingError(`a body that ends ${this.#left} bytes before its length`);
    } else if (piece !== undefined) {
      this.#left -= piece.length;
      if (this.#left < 0) throw new FramingError("a body that is longer than its length");
    }
    return piece;
  }
}

/** A piece as a chunk. An empty piece is no chunk: the empty chunk ends the body. */
function chunkOf(piece: Uint8Array): Uint8Array[] {
  return piece.length === 0 ? [] : [encodeLatin1(`${piece.length.toString(16)}\r\n`), piece, CRLF];
}

/** Writes pieces as chunks, small ones with their framing in one write out of a buffer that is used again. */
class ChunkEncoder {
  #scratch = new Uint8Array(SCRATCH_BYTES);

  async write(output: ByteOutput, piece: Uint8Array): Promise<void> {
    if (piece.length === 0) return;
    const size = `${piece.length.toString(16)}\r\n`;
    if (piece.length > COPIED_BYTES) {
      await writeAll(output, encodeLatin1(size));
      await writeAll(output, piece);
      return await writeAll(output, CRLF);
    }
    const length = size.length + piece.length + CRLF.length;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(COPIED_BYTES + SCRATCH_BYTES);
    for (let at = 0; at < size.length; at++) this.#scratch[at] = size.charCodeAt(at);
    this.#scratch.set(piece, size.length);
    this.#scratch.set(CRLF, size.length + piece.length);
    await writeAll(output, this.#scratch.subarray(0, length));
  }
}

/** Writes all bytes. */
export async function writeAll(output: ByteOutput, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  let written = await output.write(bytes);
  while (written < bytes.length) written += await output.write(bytes.subarray(written));
}
