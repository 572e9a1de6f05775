/** Finds the IP constraints of a CA certificate without loading the certificate library. */

/** A DER value (X.690) with its tag and content. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const CONSTRUCTED = 0x20;
const OBJECT_IDENTIFIER = 0x06;
const OCTET_STRING = 0x04;
/** 2.5.29.30 */
const NAME_CONSTRAINTS = "551d1e";
/** `iPAddress` of a GeneralName (RFC 5280, 4.2.1.6). */
const IP_ADDRESS = 0x87;
/** The maximum nesting to search. Certificates are less deep. */
const MAX_DEPTH = 16;

/**
 * Whether a chain of certificates, as PEM text, has a constraint on IP addresses. BoringSSL, and with it
 * every client built on Bun, rejects a certificate for IP addresses from such a CA
 * (`UNSUPPORTED_CONSTRAINT_TYPE`).
 */
export function constrainsAddresses(chain: string): boolean {
  const blocks = [...chain.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END/g)];
  return blocks.some(([, base64 = ""]) => {
    const constraints = extensionIn(Uint8Array.fromBase64(base64.replace(/\s/g, "")), NAME_CONSTRAINTS);
    return constraints !== undefined && holdsTag(constraints, IP_ADDRESS);
  });
}

/**
 * Returns the content of the extension with this object identifier, or undefined if there is no such
 * extension.
 */
function extensionIn(bytes: Uint8Array, oid: string, depth = 0): Uint8Array | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const elements = elementsOf(bytes);
  const [first] = elements;
  if (first?.tag === OBJECT_IDENTIFIER && first.content.toHex() === oid) {
    return elements.find(({ tag }) => tag === OCTET_STRING)?.content;
  }
  for (const { tag, content } of elements) {
    const found = (tag & CONSTRUCTED) === 0 ? undefined : extensionIn(content, oid, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function holdsTag(bytes: Uint8Array, wanted: number, depth = 0): boolean {
  return depth <= MAX_DEPTH &&
    elementsOf(bytes).some(({ tag, content }) =>
      tag === wanted || (tag & CONSTRUCTED) !== 0 && holdsTag(content, wanted, depth + 1)
    );
}

/** The DER values in a sequence. Invalid DER ends the list. */
function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 1 < bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) return elements;
      length = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0);
      at += count;
    }
    if (at + length > bytes.length) return elements;
    elements.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}
