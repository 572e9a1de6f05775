import { type ByteSource, nextPiece } from "../../../src/streams/byte_source.ts";

/** The rest of a body as text. */
export async function textOf(body: ByteSource | Uint8Array | null): Promise<string> {
  if (body === null) return "";
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** The next piece of a body as text; empty at its end. */
export async function nextText(body: ByteSource | null): Promise<string> {
  return new TextDecoder().decode((body && await nextPiece(body)) ?? undefined);
}
