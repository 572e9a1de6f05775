/**
 * What the echoing servers say of each request that they have read, in a header field and in the answer's
 * body.
 */

import { createHash } from "node:crypto";

/** A request as a server has read it. */
export interface EchoRecord {
  readonly method: string;
  /** In Latin-1. */
  readonly target: string;
  /** All values of `x-marker`, joined by a comma. */
  readonly marker: string;
  /** All values of `content-type`, joined by a comma. */
  readonly contentType: string;
  /** What the proxy adds; empty where the request came directly. */
  readonly via: string;
  /** The port that the server's peer has. */
  readonly port: number;
  /** Which of its connection's requests it is, from 1. */
  readonly seen: number;
  /** Undefined: the server answered without reading the body. */
  readonly body: BodyDigest | undefined;
}

/** Enough to tell bodies apart. */
export interface BodyDigest {
  readonly length: number;
  readonly sha: string;
  /** The first bytes, in Latin-1. */
  readonly begin: string;
}

const BEGIN_BYTES = 200;

/** The digest of a body in Latin-1. */
export function digestOf(body: string): BodyDigest {
  const sha = createHash("sha1").update(body, "latin1").digest("hex");
  return { length: body.length, sha, begin: body.slice(0, BEGIN_BYTES) };
}

/** The record as the servers write it. */
export function recordText(
  { method, target, marker, contentType, via, port, seen, body }: EchoRecord,
): string {
  const text = JSON.stringify({
    m: method,
    t: hexOf(target),
    k: marker,
    ct: contentType,
    v: via,
    c: port,
    n: seen,
    ...(body && { len: body.length, sha: body.sha, b: hexOf(body.begin) }),
  });
  // A header field and a body would be written in different codings.
  return text.replaceAll(
    /[^\x20-\x7e]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Reads a record; undefined where the text is none. */
export function parseRecord(text: string): EchoRecord | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof read !== "object" || read === null) return undefined;
  const values = new Map<string, unknown>(Object.entries(read));
  const textOf = (name: string) => String(values.get(name) ?? "");
  if (!values.has("m")) return undefined;
  return {
    method: textOf("m"),
    // nginx cannot write hexadecimal digits.
    target: values.has("u") ? textOf("u") : fromHex(textOf("t")),
    marker: textOf("k"),
    contentType: textOf("ct"),
    via: textOf("v"),
    port: Number(values.get("c")),
    seen: Number(values.get("n")),
    body: values.has("len")
      ? { length: Number(values.get("len")), sha: textOf("sha"), begin: fromHex(textOf("b")) }
      : undefined,
  };
}

function hexOf(text: string): string {
  let hex = "";
  for (let at = 0; at < text.length; at++) hex += text.charCodeAt(at).toString(16).padStart(2, "0");
  return hex;
}

function fromHex(hex: string): string {
  let text = "";
  for (let at = 0; at < hex.length; at += 2) text += String.fromCharCode(parseInt(hex.slice(at, at + 2), 16));
  return text;
}
