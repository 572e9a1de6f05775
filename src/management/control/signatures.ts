/**
 * Signatures between a running proxy and the commands of its machine. Both know a secret of the run: 32
 * random bytes that are only in the memory of the proxy and in its run file. A command signs its request and
 * the proxy signs its answer, so neither sends a secret. A program that listens on the address of a proxy in
 * its place learns nothing that it can use, and cannot answer.
 */

/** The scheme of the `Authorization` header. */
export const CONTROL_SCHEME = "LLM-Proxy-Control";
/** The header of an answer with its signature. */
export const PROOF_HEADER = "llm-proxy-proof";

const SECRET_BYTES = 32;
const NONCE_BYTES = 16;
const ALGORITHM = { name: "HMAC", hash: "SHA-256" };

/** What a signature covers: a request with its time and a random text. */
export interface ControlRequest {
  readonly method: string;
  /** The path with its query, as it is in the request line. */
  readonly path: string;
  /** When the command made the request, in milliseconds since 1970. */
  readonly atMs: number;
  /** A random text that no other request has. */
  readonly nonce: string;
}

/** The parts of an `Authorization` header. */
export type ControlCredential = Pick<ControlRequest, "atMs" | "nonce"> & { readonly signature: string };

/** Makes the secret of a run, in base64. */
export function createControlSecret(): string {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64();
}

/** Makes the nonce of a request: 16 random bytes in hexadecimal. */
export function createNonce(): string {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES)).toHex();
}

/** The `Authorization` header of a request. */
export async function credentialOf(secret: string, request: ControlRequest): Promise<string> {
  const signature = await sign(secret, requestText(request));
  return `${CONTROL_SCHEME} ${request.atMs}.${request.nonce}.${signature}`;
}

/** The parts of an `Authorization` header of the scheme; `undefined` if the header is malformed. */
export function parseCredential(authorization: string): ControlCredential | undefined {
  const [, time, nonce, signature] =
    /^LLM-Proxy-Control (\d{1,15})\.([0-9a-f]{32})\.([0-9a-f]{64})$/.exec(authorization) ?? [];
  if (nonce === undefined || signature === undefined) return undefined;
  return { atMs: Number(time), nonce, signature };
}

/** Whether the signature of a request is right. */
export async function isSignedRequest(
  secret: string,
  request: ControlRequest,
  signature: string,
): Promise<boolean> {
  return await isSigned(secret, requestText(request), signature);
}

/** An answer, and the nonce of its request. */
export interface ControlAnswer {
  readonly nonce: string;
  readonly status: number;
  readonly text: string;
}

/** The signature of an answer. */
export async function proofOf(secret: string, answer: ControlAnswer): Promise<string> {
  return await sign(secret, answerText(answer));
}

/** Whether the signature of an answer is right. */
export async function isProven(secret: string, answer: ControlAnswer, proof: string): Promise<boolean> {
  return await isSigned(secret, answerText(answer), proof);
}

// The first member differs, so that no request has the signature of an answer.
function requestText({ method, path, atMs, nonce }: ControlRequest): string {
  return JSON.stringify(["request", method, path, atMs, nonce]);
}

function answerText({ nonce, status, text }: ControlAnswer): string {
  return JSON.stringify(["answer", nonce, status, text]);
}

async function sign(secret: string, text: string): Promise<string> {
  const signature = await crypto.subtle.sign("HMAC", await keyOf(secret), new TextEncoder().encode(text));
  return new Uint8Array(signature).toHex();
}

/** Compares in constant time: `crypto.subtle.verify` does. */
async function isSigned(secret: string, text: string, signature: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  const bytes = Uint8Array.fromHex(signature);
  return await crypto.subtle.verify("HMAC", await keyOf(secret), bytes, new TextEncoder().encode(text));
}

async function keyOf(secret: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", Uint8Array.fromBase64(secret), ALGORITHM, false, [
    "sign",
    "verify",
  ]);
}
