import type { ByteSource } from "./body.ts";
import { concat } from "./bytes.ts";
import type { Field } from "./fields.ts";
import { encodeLatin1 } from "./latin1.ts";

/** What can be written to; a connection. */
export interface ByteOutput {
  readonly write: (bytes: Uint8Array) => Promise<number>;
}

const CRLF = new Uint8Array([13, 10]);
const LAST_CHUNK = encodeLatin1("0\r\n\r\n");
/** Pieces up to this are copied behind their framing, so that one write sends both. */
const COPIED_BYTES = 16 * 1024;
/** Enough for the events of a usual stream. */
const SCRATCH_BYTES = 1024;

/** The text of a head, its empty line included. */
export function headText(startLine: string, fields: readonly Field[]): string {
  let text = `${startLine}\r\n`;
  for (const { name, value } of fields) text += value === "" ? `${name}:\r\n` : `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/**
 * Sends a message: its head at once, and with it what is at hand of the body; then the body as it comes, each
 * piece before the next is read. Throws what the source or the output throws.
 */
export async function writeMessage(
  output: ByteOutput,
  { head, body, chunked }: { head: string; body: ByteSource | null; chunked: boolean },
): Promise<void> {
  const headBytes = encodeLatin1(head);
  if (body === null) return await writeAll(output, headBytes);
  let piece = body.tryRead();
  if (piece === undefined || piece !== null && piece.length > COPIED_BYTES) {
    await writeAll(output, headBytes);
    piece ??= await body.read();
  } else if (piece === null) {
    return await writeAll(output, chunked ? concat([headBytes, LAST_CHUNK]) : headBytes);
  } else {
    const framed = chunked ? concat([headBytes, sizeLine(piece), piece, CRLF]) : concat([headBytes, piece]);
    // Plain answers are mostly whole by now: the end goes with the rest, in the same write.
    const following = body.tryRead();
    if (following === null) return await writeAll(output, chunked ? concat([framed, LAST_CHUNK]) : framed);
    await writeAll(output, framed);
    piece = following ?? await body.read();
  }
  const encoder = chunked ? new ChunkEncoder() : undefined;
  while (piece !== null) {
    await (encoder === undefined ? writeAll(output, piece) : encoder.write(output, piece));
    piece = body.tryRead();
    if (piece === undefined) piece = await body.read();
  }
  if (chunked) await writeAll(output, LAST_CHUNK);
}

/** Writes pieces as chunks, small ones with their framing in one write out of a buffer that is used again. */
class ChunkEncoder {
  #scratch = new Uint8Array(SCRATCH_BYTES);

  async write(output: ByteOutput, piece: Uint8Array): Promise<void> {
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

function sizeLine(piece: Uint8Array): Uint8Array {
  return encodeLatin1(`${piece.length.toString(16)}\r\n`);
}

/** Writes all bytes. */
export async function writeAll(output: ByteOutput, bytes: Uint8Array): Promise<void> {
  let written = await output.write(bytes);
  while (written < bytes.length) written += await output.write(bytes.subarray(written));
}
