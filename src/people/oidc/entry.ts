/** Whether a person may sign in, and as what. */

import type { SignInProvider } from "../../config/config.ts";
import { signInPreset } from "../../config/values/sign_in_presets.ts";
import { givenByGroups } from "../group_rules.ts";
import { type Identity, type SignedIn, SignInFailure } from "./signed_in.ts";

/** Adds the role and the projects. Throws a {@link SignInFailure} if the person may not enter. */
export function enter(identity: Identity, provider: SignInProvider): SignedIn {
  const { name, title } = provider;
  if (!isAllowed(identity, provider)) {
    throw new SignInFailure(403, `Your account at ${title} may not sign in here. Ask the administrator.`, {
      detail: `${shownPerson(identity)} matches no list of "allow"${unverified(identity)}`,
    });
  }
  const { role, projects } = givenByGroups(identity.groups, provider);
  if (role === undefined) {
    throw new SignInFailure(403, `Your account at ${title} has no role here. Ask the administrator.`, {
      detail: `${shownPerson(identity)} has no group of "roles", and there is no "default_role"`,
    });
  }
  return { ...identity, provider: name, role, projects };
}

function isAllowed(identity: Identity, { allow, preset }: SignInProvider): boolean {
  const { domains, groups, emails } = allow;
  if (domains.length + groups.length + emails.length === 0) return true;
  const email = identity.emailIsVerified ? identity.email?.toLowerCase() : undefined;
  const domain = domainOf(identity, { email, claim: signInPreset(preset).domainClaim });
  return identity.groups.some((group) => groups.includes(group)) ||
    email !== undefined && emails.includes(email) ||
    domain !== undefined && domains.includes(domain);
}

/** The domain of the organisation, or else of the verified address. */
function domainOf(
  { claims }: Identity,
  { email, claim }: { readonly email: string | undefined; readonly claim: string | undefined },
): string | undefined {
  if (claim === undefined) return email?.slice(email.lastIndexOf("@") + 1);
  const stated = claims[claim];
  return typeof stated === "string" ? stated.toLowerCase() : undefined;
}

/** The person in the log: the subject, because the address may be of another person. */
function shownPerson({ subject }: Identity): string {
  return `the account ${JSON.stringify(subject.slice(0, 100))}`;
}

function unverified({ email, emailIsVerified }: Identity): string {
  return email !== undefined && !emailIsVerified ? "; the provider has not verified its email address" : "";
}
