/** Verifies one token of a provider. `jose` does all that is cryptography. */

import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTVerifyOptions } from "jose";
import type { JwtIssuer } from "../../config/config.ts";
import type { Clock } from "../../time/clock.ts";
import type { Claims } from "./account.ts";
import type { IssuerKeys } from "./issuer_keys.ts";

/** A provider with its keys. */
export interface Issuer {
  readonly config: JwtIssuer;
  readonly keys: IssuerKeys;
}

/**
 * The result for one token. `foreign`: the token is not for this proxy. `unproven`: it says that it is for
 * this proxy, but its signature is not by a known key. It can be valid, if its key is new. `invalid`: the
 * provider made it for this proxy, but it is not valid now.
 */
export type Verification =
  | { readonly kind: "verified"; readonly claims: Claims; readonly expiresAtS: number }
  | Foreign
  | Unproven
  | { readonly kind: "invalid" | "expired" | "unavailable"; readonly why: string };

/** A token that is not for this proxy. */
type Foreign = { readonly kind: "foreign"; readonly why: string };

/** A token whose signature is by no known key. `isKeyUnknown`: its key can be a new one of the provider. */
type Unproven = { readonly kind: "unproven"; readonly why: string; readonly isKeyUnknown: boolean };

/** The types of tokens for APIs and of ID tokens. Others, like those of a logout, are no credentials. */
const TYPES: readonly unknown[] = [undefined, "jwt", "at+jwt", "application/at+jwt", "application/jwt"];
/** The most keys that are tried for a token that names none. */
const MAX_TRIED_KEYS = 4;

/** Why no token of an issuer can be verified. */
export const NO_KEYS = "The proxy cannot read the keys of the issuer of this token.";
const UNREADABLE: Foreign = { kind: "foreign", why: "The token cannot be read." };
const FORGED: Unproven = {
  kind: "unproven",
  why: "The signature of the token is not by a key that its issuer publishes.",
  isKeyUnknown: false,
};
const OF_UNKNOWN_KEY: Unproven = { ...FORGED, isKeyUnknown: true };

/** The provider that a token names, by its issuer and audience. No signature is verified: it costs little. */
export function issuerNamedBy(
  token: string,
  issuers: readonly Issuer[],
): Issuer | Foreign {
  let claims: Claims;
  try {
    const { alg, typ } = decodeProtectedHeader(token);
    claims = decodeJwt(token);
    const ofIssuer = issuers.filter(({ config }) => config.issuer === claims["iss"]);
    if (ofIssuer.length === 0) {
      return { kind: "foreign", why: "The proxy accepts no tokens of the issuer of this token (iss)." };
    }
    const issuer = ofIssuer.find(({ config }) => namesOneOf(claims["aud"], config.audiences));
    if (issuer === undefined) {
      return { kind: "foreign", why: "The token is for another audience (aud) than this proxy." };
    }
    if (!issuer.config.algorithms.some((one) => one === alg)) {
      return { kind: "foreign", why: "The proxy does not accept the algorithm of the token (alg)." };
    }
    if (!TYPES.includes(typ?.toLowerCase()) || Object.hasOwn(claims, "events")) {
      return { kind: "foreign", why: "The token is of a type that is no credential (typ)." };
    }
    return issuer;
  } catch {
    return UNREADABLE;
  }
}

/** Verifies a token of a provider. Never rejects. */
export async function verifyToken(
  token: string,
  { config, keys }: Issuer,
  clock: Pick<Clock, "epochMs">,
): Promise<Verification> {
  await keys.first();
  const options: JWTVerifyOptions = {
    issuer: config.issuer,
    audience: [...config.audiences],
    algorithms: [...config.algorithms],
    clockTolerance: config.clockSkewMs / 1000,
    currentDate: new Date(clock.epochMs()),
    requiredClaims: ["exp"],
  };
  const found = await tried(token, keys, options);
  const isKeyUnknown = found.kind === "unproven" && found.isKeyUnknown;
  return isKeyUnknown && await keys.renewed() ? await tried(token, keys, options) : found;
}

async function tried(
  token: string,
  { current }: IssuerKeys,
  options: JWTVerifyOptions,
): Promise<Verification> {
  if (current === undefined) {
    return { kind: "unavailable", why: NO_KEYS };
  }
  try {
    const { payload } = await jwtVerify(token, current.find, options);
    return verified(payload);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return OF_UNKNOWN_KEY;
    if (error instanceof errors.JWKSMultipleMatchingKeys) return await triedEach(token, error, options);
    return failed(error, token);
  }
}

/** Tries the keys of a provider one after the other, because the token names none. */
async function triedEach(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<Verification> {
  let left = MAX_TRIED_KEYS;
  for await (const key of keys) {
    if (left-- === 0) break;
    try {
      return verified((await jwtVerify(token, key, options)).payload);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return failed(error, token);
    }
  }
  return unproven(token);
}

function verified(claims: Claims): Verification {
  const { exp } = claims;
  // The library accepts 1e999, which is infinite.
  if (!Number.isFinite(exp)) return { kind: "invalid", why: wrongClaim("exp") };
  if (Object.hasOwn(claims, "cnf")) {
    return {
      kind: "invalid",
      why: "The token is bound to a key of its client (cnf), which the proxy cannot check.",
    };
  }
  return { kind: "verified", claims, expiresAtS: Number(exp) };
}

/** A wrong signature. If the token names no key, it can be by a new key. */
function unproven(token: string): Unproven {
  return decodeProtectedHeader(token).kid === undefined ? OF_UNKNOWN_KEY : FORGED;
}

function wrongClaim(claim: string): string {
  return `The proxy does not accept this token: its claim ${claim} is missing or wrong.`;
}

function failed(error: unknown, token: string): Verification {
  if (error instanceof errors.JWTExpired) {
    return { kind: "expired", why: "This token has expired." };
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const isEarly = error.claim === "nbf" && error.reason === "check_failed";
    return { kind: "invalid", why: isEarly ? "This token is not valid yet (nbf)." : wrongClaim(error.claim) };
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return unproven(token);
  // All others, such as a header that the library does not know, or a key of the wrong type.
  return UNREADABLE;
}

function namesOneOf(audience: unknown, names: readonly string[]): boolean {
  return Array.isArray(audience)
    ? audience.some((one) => names.includes(one))
    : typeof audience === "string" && names.includes(audience);
}
