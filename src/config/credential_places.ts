/**
 * The places of credentials in a request. Each SDK has its own place for the key, and clients put the token
 * of the proxy there. Reading, checking, stripping and concealing follow this table, so that a new place is
 * one line.
 */

/** How a place holds a credential. */
interface CredentialPlaceRules {
  /**
   * - `bearer`: a header with `Bearer <credential>`. Other schemes hold no token of the proxy
   * - `word`: a header with the credential alone
   * - `query`: the query parameter {@link KEY_PARAMETER}
   * - `subprotocol`: a WebSocket subprotocol that begins with {@link KEY_SUBPROTOCOL_PREFIX}
   */
  readonly form: "bearer" | "word" | "query" | "subprotocol";
  /**
   * Whose credential is in the place on a passthrough endpoint. `provider`: the proxy forwards it. `proxy`:
   * no upstream gets it.
   */
  readonly of: "provider" | "proxy";
}

/** The places by name. The name of a header is in lower case. */
export const CREDENTIAL_PLACES = {
  "authorization": { form: "bearer", of: "provider" },
  "x-api-key": { form: "word", of: "provider" },
  "api-key": { form: "word", of: "provider" },
  "x-goog-api-key": { form: "word", of: "provider" },
  "proxy-authorization": { form: "bearer", of: "proxy" },
  "x-llm-proxy-token": { form: "word", of: "proxy" },
  "query": { form: "query", of: "provider" },
  "subprotocol": { form: "subprotocol", of: "provider" },
} as const satisfies Readonly<Record<string, CredentialPlaceRules>>;

/** The name of a place: a header in lower case, `query` or `subprotocol`. */
export type CredentialPlace = keyof typeof CREDENTIAL_PLACES;

/**
 * A header that carries the key of a provider, in lower case. The proxy strips no other key headers from
 * requests.
 */
export type ProviderKeyHeader = {
  [Place in CredentialPlace]: (typeof CREDENTIAL_PLACES)[Place] extends
    { readonly form: "bearer" | "word"; readonly of: "provider" } ? Place : never;
}[CredentialPlace];

/** The query parameter that holds the key of Gemini clients. */
export const KEY_PARAMETER = "key";
/** The prefix of OpenAI's key in a WebSocket subprotocol. Browsers cannot set headers on a WebSocket. */
export const KEY_SUBPROTOCOL_PREFIX = "openai-insecure-api-key.";

/** A header that can hold a credential, with its rules of {@link CREDENTIAL_PLACES}. */
export interface CredentialHeader extends CredentialPlaceRules {
  readonly place: CredentialPlace;
  readonly form: "bearer" | "word";
}

// `Object.keys` has no narrower type, and the object is a literal.
const NAMES = Object.keys(CREDENTIAL_PLACES) as readonly CredentialPlace[];

const HEADERS: ReadonlyMap<string, CredentialHeader> = new Map(
  NAMES.flatMap((place) => {
    const { form, of } = CREDENTIAL_PLACES[place];
    return form === "bearer" || form === "word" ? [[place, { place, form, of }]] : [];
  }),
);

/** All places of {@link CREDENTIAL_PLACES}. */
export const ALL_CREDENTIAL_PLACES: ReadonlySet<CredentialPlace> = new Set(NAMES);

/** The places that hold only a token of the proxy. No upstream gets their headers. */
export const PROXY_TOKEN_PLACES: ReadonlySet<CredentialPlace> = new Set(
  NAMES.filter((place) => CREDENTIAL_PLACES[place].of === "proxy"),
);

/** Returns how a header holds a credential, by its lower-case name; `undefined` if it holds none. */
export function credentialHeader(lower: string): CredentialHeader | undefined {
  return HEADERS.get(lower);
}
