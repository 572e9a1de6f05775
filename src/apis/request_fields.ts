/** How clients of each dialect send their key, and the version of the API that they use. */

/** The header fields that a request of a dialect has. */
export interface RequestFields {
  /** The header that carries the key, in lower case. In `authorization` the key follows `Bearer`. */
  readonly keyField: string;
  /** The header with the version of the API, in lower case, and a version that its documentation names. */
  readonly version?: { readonly field: string; readonly value: string };
}

/** The fields of each dialect. An unknown API gets those of OpenAI. */
export const REQUEST_FIELDS = {
  openai: { keyField: "authorization" },
  anthropic: { keyField: "x-api-key", version: { field: "anthropic-version", value: "2023-06-01" } },
  gemini: { keyField: "x-goog-api-key" },
} as const satisfies Readonly<Record<string, RequestFields>>;

/** The header fields of a request with a key, by their lower-case names. */
export function requestFields(
  key: string,
  { keyField, version }: RequestFields,
): Readonly<Record<string, string>> {
  return {
    [keyField]: keyField === "authorization" ? `Bearer ${key}` : key,
    ...(version && { [version.field]: version.value }),
  };
}
