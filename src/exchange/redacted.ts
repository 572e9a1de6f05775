/** A shorter text is no credential, and is part of many paths. */
const LEAST_CHARACTERS = 6;

/** Removes credentials from a text, where a client has put one by mistake. */
export function redacted(text: string, credentials: readonly { readonly value: string }[]): string {
  let result = text;
  for (const { value } of credentials) {
    if (value.length >= LEAST_CHARACTERS) result = result.replaceAll(value, "[redacted]");
  }
  return result;
}
