/** A new id, like `tok_9f3b…`: 12 random bytes, which are never met twice. */
export function createId(kind: "prj" | "tok"): string {
  return `${kind}_${crypto.getRandomValues(new Uint8Array(12)).toHex()}`;
}
