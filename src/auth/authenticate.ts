/** Decides who sent a request, and which of its credentials must not reach the upstream. */

import { type CredentialPlace, PROXY_TOKEN_PLACES } from "../config/credential_places.ts";
import { type Credential, credentialWords, isNavigation, MAX_PRESENTED } from "./credential.ts";
import type { Field } from "../http/fields.ts";
import { ANONYMOUS, type Principal } from "../principal.ts";
import type { TokenCheck, TokenCheckResult } from "./shared_token.ts";
import { malformedCredential } from "./well_formed.ts";

/** The result of authentication: the principal, or the fault for the client. */
export type Verdict = Authenticated | Rejection;

/** The client may use the proxy. */
export interface Authenticated {
  readonly admitted: true;
  readonly principal: Principal;
  /**
   * Credentials that match no token of the proxy, sent together with a valid token. They count as guesses.
   */
  readonly guesses: readonly Credential[];
  /**
   * The places that hold a token of the proxy. The proxy strips them, so that no upstream sees the token.
   */
  readonly tokenPlaces: ReadonlySet<CredentialPlace>;
  /**
   * Token values that must not appear anywhere in the upstream request. Empty if the proxy strips all
   * credentials of the client anyway.
   */
  readonly tokens: readonly string[];
}

/** The client may not use the proxy. */
export interface Rejection {
  readonly admitted: false;
  readonly code:
    | "unauthorized"
    | "token_expired"
    | "token_revoked"
    | "forbidden"
    | "overloaded"
    | "bad_request";
  readonly message: string;
  /** Credentials presented to the proxy that no token of the proxy matches. They count as guesses. */
  readonly guesses: readonly Credential[];
}

/** What authentication needs to know of the endpoint and of the request. */
export interface AuthenticationContext {
  /** Looks up a token. The member is undefined if the proxy requires no token. */
  readonly check: TokenCheck | undefined;
  /**
   * Whether the endpoint forwards the client's own credential. The proxy's token must then be in a header
   * that only the proxy reads.
   */
  readonly passthrough: boolean;
  /**
   * The name of the endpoint, for which a project may have a provider key. `undefined` if no endpoint
   * matches.
   */
  readonly endpoint?: string | undefined;
  /** The header fields of the request. */
  readonly fields: readonly Field[];
  /** The raw query without its `?`. */
  readonly query: string;
  /** Why a token of a provider is not valid, as a sentence. `undefined` if there is nothing to say. */
  readonly why?: string | undefined;
}

/** A credential that matches a token of the proxy. */
interface KnownCredential extends Credential {
  readonly result: TokenCheckResult;
}

const NO_CREDENTIALS: readonly Credential[] = [];
const NO_TOKENS: readonly string[] = [];

/**
 * The most different credentials. Clients repeat one token in several places, and may add a provider's key.
 */
const MAX_DIFFERENT = 4;

/** The verdict if the proxy requires no token. */
const OPEN: Authenticated = {
  admitted: true,
  principal: ANONYMOUS,
  guesses: NO_CREDENTIALS,
  tokenPlaces: new Set(),
  tokens: NO_TOKENS,
};

/** Checks the credentials of a request. One valid credential is enough. */
export function authenticate(presented: readonly Credential[], context: AuthenticationContext): Verdict {
  const { check, passthrough, fields, query } = context;
  if (check === undefined) return OPEN;
  if (areTooMany(presented)) {
    return {
      admitted: false,
      code: "unauthorized",
      message: `The request holds more than ${MAX_DIFFERENT} different tokens, or ${MAX_PRESENTED} in total.`,
      guesses: presented.slice(0, MAX_PRESENTED),
    };
  }
  const malformed = passthrough ? malformedCredential(fields, query) : undefined;
  if (malformed !== undefined) {
    return { admitted: false, code: "bad_request", message: malformed, guesses: NO_CREDENTIALS };
  }
  const known = knownAmong(presented, check);
  const principal = principalAmong(known, context);
  return principal === undefined
    ? rejectionOf(presented, known, context)
    : authenticatedAs(principal, { presented, known, check, context });
}

function areTooMany(presented: readonly Credential[]): boolean {
  if (presented.length <= MAX_DIFFERENT) return false;
  return presented.length > MAX_PRESENTED ||
    new Set(presented.map(({ value }) => value)).size > MAX_DIFFERENT;
}

/**
 * Finds all tokens of the proxy, and not only the first valid one, because the proxy must strip all of them.
 */
function knownAmong(presented: readonly Credential[], check: TokenCheck): readonly KnownCredential[] {
  const known: KnownCredential[] = [];
  for (const { place, value } of presented) {
    const result = check(value);
    if (result !== undefined) known.push({ place, value, result });
  }
  return known;
}

/**
 * The principal of the first valid token. `undefined` if no token is valid, or if the valid token is in a
 * place that the upstream reads.
 */
function principalAmong(
  known: readonly KnownCredential[],
  { passthrough, endpoint }: AuthenticationContext,
): Principal | undefined {
  for (const { place, result } of known) {
    if (!("principal" in result)) continue;
    const { principal } = result;
    // If the project has a key for the endpoint, the client does not need its own.
    const hasKey = endpoint !== undefined && principal.keys.has(endpoint);
    if (!passthrough || hasKey || PROXY_TOKEN_PLACES.has(place)) return principal;
  }
  return undefined;
}

function authenticatedAs(
  principal: Principal,
  { presented, known, check, context: { passthrough, fields } }: {
    readonly presented: readonly Credential[];
    readonly known: readonly KnownCredential[];
    readonly check: TokenCheck;
    readonly context: AuthenticationContext;
  },
): Authenticated {
  return {
    admitted: true,
    principal,
    guesses: guessesAmong(presented, known, passthrough),
    tokenPlaces: new Set(known.map((one) => one.place)),
    // Other endpoints strip all places.
    tokens: passthrough
      ? [
        ...known.map((one) => one.value),
        ...credentialWords(presented, fields).filter((word) => check(word) !== undefined),
      ]
      : NO_TOKENS,
  };
}

function rejectionOf(
  presented: readonly Credential[],
  known: readonly KnownCredential[],
  { passthrough, fields, why }: AuthenticationContext,
): Rejection {
  for (const { result } of known) {
    if (!("rejected" in result)) continue;
    // The owner of an expired token could otherwise guess other tokens without a wait.
    const guesses = guessesAmong(presented, known, passthrough);
    return { admitted: false, code: result.rejected, message: result.message, guesses };
  }
  return {
    admitted: false,
    code: "unauthorized",
    message: unauthorizedMessage(presented, { passthrough, fields }) + (why === undefined ? "" : ` ${why}`),
    guesses: guessesAmong(presented, known, passthrough),
  };
}

/**
 * Credentials that match no token. They also count in a request with a valid token, because the owner of one
 * token could otherwise guess the others. On a passthrough endpoint, only the headers for the proxy's token
 * count: the other places contain the client's key for the provider.
 */
function guessesAmong(
  presented: readonly Credential[],
  known: readonly KnownCredential[],
  passthrough: boolean,
): readonly Credential[] {
  const accepted = known.filter(({ result }) => !("rejected" in result && result.isGuess === true));
  // The common case: each credential is a token of the proxy.
  if (accepted.length === presented.length) return NO_CREDENTIALS;
  return presented.filter(({ place, value }) =>
    (!passthrough || PROXY_TOKEN_PLACES.has(place)) && !accepted.some((one) => one.value === value)
  );
}

function unauthorizedMessage(
  presented: readonly Credential[],
  { passthrough, fields }: Pick<AuthenticationContext, "passthrough" | "fields">,
): string {
  if (passthrough) {
    const ofProxy = presented.filter(({ place }) => PROXY_TOKEN_PLACES.has(place));
    return ofProxy.length > 0
      ? `The token in the request (${placesOf(ofProxy)}) is not valid for this proxy.`
      : "This endpoint forwards your own key. Send the proxy's token in x-llm-proxy-token: <token>, " +
        "or in Proxy-Authorization: Bearer <token>.";
  }
  if (presented.length === 0 && isNavigation(fields)) {
    return "A browser opened this as a page, and the proxy ignores a token in its URL (?key=): " +
      "send the token in a header.";
  }
  if (presented.length === 0 && fields.some(({ lower }) => lower === "authorization")) {
    return "The Authorization header has no readable token: send Bearer <token>. " +
      "A token is one word without spaces.";
  }
  if (presented.length === 0) {
    return "The request has no token. Use this proxy's token as the API key " +
      "(Authorization: Bearer <token> or x-api-key).";
  }
  return `The token in the request (${placesOf(presented)}) is not valid for this proxy. ` +
    "Use the proxy's token, not the provider's key.";
}

function placesOf(credentials: readonly Credential[]): string {
  return [...new Set(credentials.map(({ place }) => place))].join(", ");
}
