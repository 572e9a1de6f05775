/** A shorter text is no credential, and many paths contain it. */
const LEAST_CHARACTERS = 6;

/** Replaces credentials in a text with `[redacted]`. A client may have put one there by mistake. */
export function redacted(text: string, credentials: readonly { readonly value: string }[]): string {
  let result = text;
  for (const { value } of credentials) {
    if (value.length >= LEAST_CHARACTERS) result = result.replaceAll(value, "[redacted]");
  }
  return result;
}
