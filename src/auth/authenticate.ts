/** Decides who calls, and which credentials of the request must not travel on. */

import {
  type Credential,
  type CredentialPlace,
  credentialWords,
  isNavigation,
  KEY_HEADERS,
} from "./credential.ts";
import type { Field } from "../http/fields.ts";
import { ANONYMOUS, type Principal } from "../principal.ts";
import type { TokenCheck } from "./shared_token.ts";
import { malformedCredential } from "./well_formed.ts";

/** What authentication found. */
export type Verdict =
  | {
    readonly admitted: true;
    readonly principal: Principal;
    /** What was presented beside the valid token, and is nobody's. */
    readonly guesses: readonly Credential[];
    /** Where the proxy's own token stood, which no upstream may see. */
    readonly tokenPlaces: ReadonlySet<CredentialPlace>;
    /** Values that may stand nowhere else in what goes upstream; none where no credential of the client's does. */
    readonly tokens: readonly string[];
  }
  | {
    readonly admitted: false;
    readonly code: "unauthorized" | "token_expired" | "token_revoked" | "bad_request";
    readonly message: string;
    /** What was presented as this proxy's token, and is nobody's. */
    readonly guesses: readonly Credential[];
  };

/** What has to be known of the endpoint that is addressed. */
export interface AuthenticationContext {
  /** Undefined: anybody may call. */
  readonly check: TokenCheck | undefined;
  /** The client's own credential goes upstream, so the proxy's token has to stand in `Proxy-Authorization`. */
  readonly passthrough: boolean;
  /** Its name; a project may have a key for it. Undefined: there is none. */
  readonly endpoint?: string | undefined;
  /** The request's header and raw query, for what an upstream might see of them. */
  readonly fields: readonly Field[];
  readonly query: string;
}

/** Every place: all are withheld from a backend that gets a key of the proxy's, or none. */
export const ALL_CREDENTIAL_PLACES: ReadonlySet<CredentialPlace> = new Set([
  ...KEY_HEADERS,
  "proxy-authorization",
  "query",
  "subprotocol",
]);

/** More than any client has; a client that sends so many is guessing. */
const MAX_PRESENTED = 16;
/** Clients repeat their token in several places; different ones are few: the proxy's, and a key for a provider. */
const MAX_DIFFERENT = 4;

/**
 * What was presented as a token of this proxy and is nobody's, also beside a valid one: or the holder of one token
 * could guess the others. What goes on to a provider is the client's own key, and right or wrong there.
 */
function guessesAmong(
  presented: readonly Credential[],
  known: readonly { readonly value: string }[],
  passthrough: boolean,
): Credential[] {
  return presented.filter(({ place, value }) =>
    (!passthrough || place === "proxy-authorization") && !known.some((one) => one.value === value)
  );
}

/** Judges the credentials a request presents; any valid one admits. */
export function authenticate(presented: readonly Credential[], context: AuthenticationContext): Verdict {
  const { check, passthrough, endpoint, fields, query } = context;
  if (check === undefined) {
    return { admitted: true, principal: ANONYMOUS, guesses: [], tokenPlaces: new Set(), tokens: [] };
  }
  const different = new Set(presented.map(({ value }) => value)).size;
  if (presented.length > MAX_PRESENTED || different > MAX_DIFFERENT) {
    return {
      admitted: false,
      code: "unauthorized",
      message:
        `More than ${MAX_DIFFERENT} different tokens, or ${MAX_PRESENTED} in all, were sent in one request.`,
      guesses: presented.slice(0, MAX_PRESENTED),
    };
  }
  const malformed = passthrough ? malformedCredential(fields, query) : undefined;
  if (malformed !== undefined) {
    return { admitted: false, code: "bad_request", message: malformed, guesses: [] };
  }
  // Every one is checked, so that a token of the proxy standing in a second place is known and withheld too.
  const known = presented.flatMap(({ place, value }) => {
    const recognised = check(value);
    return recognised === undefined ? [] : [{ place, value, recognised }];
  });
  for (const { place, recognised } of known) {
    if (!("principal" in recognised)) continue;
    const { principal } = recognised;
    // Where the project has a key for it, the client's own is not asked for.
    const hasKey = endpoint !== undefined && principal.keys.has(endpoint);
    if (passthrough && !hasKey && place !== "proxy-authorization") continue;
    return {
      admitted: true,
      principal,
      guesses: guessesAmong(presented, known, passthrough),
      tokenPlaces: new Set(known.map((one) => one.place)),
      // Elsewhere every place is withheld as it is.
      tokens: passthrough
        ? [
          ...known.map((one) => one.value),
          ...credentialWords(presented, fields).filter((word) => check(word) !== undefined),
        ]
        : [],
    };
  }
  for (const { recognised } of known) {
    if ("refused" in recognised) {
      return { admitted: false, code: recognised.refused, message: recognised.message, guesses: [] };
    }
  }
  const guesses = guessesAmong(presented, known, passthrough);
  return {
    admitted: false,
    code: "unauthorized",
    message: refusal(presented, { passthrough, fields }),
    guesses,
  };
}

function refusal(
  presented: readonly Credential[],
  { passthrough, fields }: Pick<AuthenticationContext, "passthrough" | "fields">,
): string {
  if (passthrough) {
    return presented.some(({ place }) => place === "proxy-authorization")
      ? "The token in Proxy-Authorization is not valid for this proxy."
      : "This endpoint passes your own key on; send this proxy's token as Proxy-Authorization: Bearer <token>.";
  }
  if (presented.length === 0 && isNavigation(fields)) {
    return "A browser asked for this as a page, and a token in the address (?key=) is not taken for one: send it in a header.";
  }
  if (presented.length === 0 && fields.some(({ lower }) => lower === "authorization")) {
    return "Authorization was sent without a token that can be read: it has to be Bearer <token>, and a token is one word without spaces.";
  }
  if (presented.length === 0) {
    return "No token was sent. Use this proxy's token as the API key (Authorization: Bearer <token> or x-api-key).";
  }
  const places = [...new Set(presented.map(({ place }) => place))].join(", ");
  return `The token sent (${places}) is not valid for this proxy. Use the proxy's token, not the provider's key.`;
}
