/** Turns the errors of `openid-client` into sentences that say what to do. */

import * as client from "openid-client";
import type { SignInProvider } from "../../config/config.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { SignInFailure } from "./signed_in.ts";

/** The longest text of a provider in a message. */
const MAX_QUOTED = 200;

/** What the proxy was doing when the error came. */
type Step = "discovery" | "callback";

/** The failure for an error. Texts of providers are in it in a harmless form; tokens and codes never are. */
export function explained(error: unknown, provider: SignInProvider, step: Step = "callback"): SignInFailure {
  const own = ownFailure(error);
  if (own !== undefined) return own;
  const { title, name } = provider;
  if (error instanceof client.AuthorizationResponseError) return ofAuthorization(error, title);
  if (error instanceof client.ResponseBodyError) return ofTokenEndpoint(error, { title, name });
  const code = codeOf(error);
  const message = (CODES[code] ?? CODES[""])?.({ title, step, claim: claimOf(error) }) ?? title;
  return new SignInFailure(502, message, { detail: code || "without a code" });
}

/** A failure of the proxy's own checks, which the library may have wrapped. */
function ownFailure(error: unknown): SignInFailure | undefined {
  if (error instanceof SignInFailure) return error;
  return error instanceof Error && error.cause !== undefined ? ownFailure(error.cause) : undefined;
}

interface Facts {
  readonly title: string;
  readonly step: Step;
  /** The claim or member that is wrong; `undefined` if it is not known. */
  readonly claim: string | undefined;
}

const CODES: Readonly<Record<string, (facts: Facts) => string>> = {
  "OAUTH_RESPONSE_IS_NOT_CONFORM": ({ title, step }) =>
    step === "discovery"
      ? `There is no provider at the address of ${title}: check "issuer".`
      : `${title} answered with an error.`,
  "OAUTH_RESPONSE_IS_NOT_JSON": ({ title, step }) =>
    step === "discovery"
      ? `At the address of ${title} is a web page and no provider: check "issuer".`
      : `${title} answered with a web page in place of data.`,
  "OAUTH_PARSE_ERROR": ({ title }) => `${title} sent a response that cannot be read.`,
  "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED": ({ title, claim }) =>
    claim === "issuer"
      ? `The provider at the address of ${title} names another issuer: write "issuer" exactly like the provider.`
      : `${title} sent data about another person.`,
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED": ({ title, claim }) => wrongClaim(title, claim),
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED": ({ title }) =>
    `${title} sent an ID token that is not valid now: set the clocks of both machines.`,
  "OAUTH_KEY_SELECTION_FAILED": ({ title }) =>
    `${title} signed with a key that it does not publish. Try again in a minute.`,
  "OAUTH_UNSUPPORTED_OPERATION": ({ title }) => `${title} signed in a way that the proxy does not accept.`,
  "OAUTH_INVALID_RESPONSE": ({ title }) => `${title} sent a response that the proxy does not accept.`,
  "": ({ title }) => `The sign-in with ${title} failed.`,
};

function wrongClaim(title: string, claim: string | undefined): string {
  switch (claim) {
    case "aud":
      return `${title} sent an ID token for another program: check "client_id".`;
    case "iss":
      return `${title} sent an ID token of another provider.`;
    case "nonce":
      return `${title} sent the ID token of another sign-in. Begin the sign-in again.`;
    default:
      return `${title} sent an ID token that the proxy does not accept${claim ? ` (${claim})` : ""}.`;
  }
}

/** The provider sent the browser back with an error (RFC 6749, 4.1.2.1). */
function ofAuthorization(error: client.AuthorizationResponseError, title: string): SignInFailure {
  const said = quoted(error.error, error.error_description);
  if (error.error === "access_denied") {
    return new SignInFailure(403, `The sign-in at ${title} was cancelled or denied: ${said}`);
  }
  return new SignInFailure(502, `${title} rejected the sign-in: ${said}`);
}

/** The token endpoint answered with an error (RFC 6749, 5.2). */
function ofTokenEndpoint(
  error: client.ResponseBodyError,
  { title, name }: { readonly title: string; readonly name: string },
): SignInFailure {
  const said = quoted(error.error, error.error_description);
  const advice: Readonly<Record<string, string>> = {
    invalid_client:
      `${title} does not accept this proxy: check client_id and client_secret of the provider "${name}".`,
    unauthorized_client:
      `${title} does not allow this proxy to sign people in: allow the authorization code flow there.`,
    invalid_grant:
      `${title} does not accept the code: it was used before, or it expired. Begin the sign-in again.`,
  };
  const known = Object.hasOwn(advice, error.error) ? advice[error.error] : undefined;
  return new SignInFailure(502, known ?? `${title} rejected the sign-in: ${said}`, { detail: said });
}

function quoted(error: string, description: string | undefined): string {
  return harmlessText(description === undefined ? error : `${error}: ${description}`, MAX_QUOTED);
}

function codeOf(error: unknown): string {
  return error instanceof client.ClientError ? error.code ?? "" : "";
}

/** The claim that an error of the library names. Its other facts may hold tokens, and are left alone. */
function claimOf(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { cause } = at;
    if (typeof cause !== "object" || cause === null) continue;
    const found = Reflect.get(cause, "claim") ?? Reflect.get(cause, "attribute");
    if (typeof found === "string") return found;
  }
  return undefined;
}
