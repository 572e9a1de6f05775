/** What the claims of a provider say of a person. */

import type { SignInProvider } from "../../config/config.ts";
import { claimAt } from "../../text/claim_at.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { type Identity, SignInFailure } from "./signed_in.ts";

/** The most groups of a person, and the longest name of a group and of a person. */
const MAX_GROUPS = 2_000;
const MAX_NAME = 256;

type Claims = Readonly<Record<string, unknown>>;
type ClaimSettings = Pick<SignInProvider, "title" | "groupsClaim">;

/** Whether an ID token has no groups or no email address, so that the user info endpoint may have them. */
export function missesClaims(claims: Claims, { groupsClaim }: ClaimSettings): boolean {
  return claims.email === undefined ||
    groupsClaim !== undefined && claimAt(claims, groupsClaim) === undefined;
}

/** The person of checked claims. Throws a {@link SignInFailure} if the groups cannot be known. */
export function identityOf(claims: Claims, provider: ClaimSettings): Omit<Identity, "provenAt"> {
  const { sub, iss, exp, email } = claims;
  const address = typeof email === "string" && email.length <= MAX_NAME ? email : undefined;
  return {
    subject: String(sub),
    issuer: String(iss),
    name: nameOf(claims, address),
    email: address,
    // Microsoft states "xms_edov" if the tenant owns the domain of the address.
    emailIsVerified: address !== undefined && (isTrue(claims.email_verified) || isTrue(claims.xms_edov)),
    groups: groupsOf(claims, provider),
    claims,
    expiresAt: Number(exp) * 1000,
  };
}

function nameOf({ name, preferred_username: login, sub }: Claims, email: string | undefined): string {
  const shown = [name, login, email, sub].find((one) => typeof one === "string" && one.trim() !== "");
  return harmlessText(String(shown), MAX_NAME);
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true" || value === 1 || value === "1";
}

function groupsOf(claims: Claims, { title, groupsClaim }: ClaimSettings): string[] {
  if (groupsClaim === undefined) return [];
  const found = claimAt(claims, groupsClaim);
  if (found === undefined && isElsewhere(claims, groupsClaim)) {
    throw new SignInFailure(
      403,
      `${title} left out your groups, because you are in too many. The administrator can set groups_claim = ` +
        '"roles" and give you an app role, or let the provider send only the groups of the application.',
    );
  }
  const listed = Array.isArray(found) ? found : [found];
  const groups = listed.filter((group): group is string =>
    typeof group === "string" && group !== "" && group.length <= MAX_NAME
  );
  if (groups.length > MAX_GROUPS) {
    throw new SignInFailure(403, `${title} lists more than ${MAX_GROUPS} groups for you.`);
  }
  return [...new Set(groups)];
}

/** Whether the provider says that a claim is at another address (OpenID Connect Core, 5.6.2). */
function isElsewhere({ _claim_names: names }: Claims, claim: string): boolean {
  return typeof names === "object" && names !== null && Object.hasOwn(names, claim);
}
