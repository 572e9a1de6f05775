/** Makes a new id, like `tok_9f3b…`, from 12 random bytes. */
export function createId(
  kind: "prj" | "tok" | "usr" | "ses" | "mgt" | "pky" | "dvc" | "dru" | "drg",
): string {
  return `${kind}_${crypto.getRandomValues(new Uint8Array(12)).toHex()}`;
}
