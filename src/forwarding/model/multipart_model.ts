import { decodeLatin1, encodeLatin1 } from "../../http1/latin1.ts";
import type { ModelPlace } from "./model_place.ts";

/** The contents of the parts named `model` of a form (RFC 7578); what is no proper form gives none. */
export function multipartModels(bytes: Uint8Array, contentType: string): ModelPlace[] {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) return [];
  const delimiter = encodeLatin1(`\r\n--${boundary}`);
  const places: ModelPlace[] = [];
  // The first delimiter may stand at the very beginning, without a line break of its own.
  let at = startsWith(bytes, delimiter.subarray(2), 0) ? delimiter.length - 2 : after(bytes, delimiter, 0);
  while (at !== undefined) {
    const headEnd = find(bytes, HEAD_END, at);
    const partEnd = find(bytes, delimiter, at);
    if (headEnd === -1 || partEnd === -1 || headEnd > partEnd) break;
    const start = headEnd + HEAD_END.length;
    if (isModelPart(decodeLatin1(bytes.subarray(at, headEnd)))) {
      const name = new TextDecoder().decode(bytes.subarray(start, partEnd));
      places.push({ start, end: partEnd, name, write: (text) => text });
    }
    at = partEnd + delimiter.length;
  }
  return places;
}

const HEAD_END = encodeLatin1("\r\n\r\n");

function isModelPart(head: string): boolean {
  const disposition = head.split("\r\n").find((line) => /^content-disposition:/i.test(line)) ?? "";
  return /;\s*name=(?:"model"|model(?=\s*(?:;|$)))/i.test(disposition);
}

function after(bytes: Uint8Array, wanted: Uint8Array, from: number): number | undefined {
  const at = find(bytes, wanted, from);
  return at === -1 ? undefined : at + wanted.length;
}

/** Where `wanted` stands at or behind `from`, or -1. */
function find(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const first = wanted[0] ?? 0;
  let at = bytes.indexOf(first, from);
  while (at !== -1 && !startsWith(bytes, wanted, at)) at = bytes.indexOf(first, at + 1);
  return at;
}

function startsWith(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}
