/** The directory of the configuration, which writes people and groups with SCIM. */

import type { ManagementConfig, SignInProvider } from "../config/config.ts";
import type { DirectoryRules } from "../people/directory.ts";
import type { Identity } from "../people/oidc/signed_in.ts";

/** A directory, with the provider whose people it knows. */
export interface Directory {
  readonly provider: SignInProvider;
  /** The claim of the provider that has the `externalId` of the directory. */
  readonly claim: string;
  readonly rules: DirectoryRules;
  /** The origin of the URLs in responses. */
  readonly publicUrl: string;
}

/** The directory of a configuration; `undefined` without one. */
export function directoryOf(
  { scim, signIn }: Pick<ManagementConfig, "scim" | "signIn">,
): Directory | undefined {
  const provider = signIn?.providers.find(({ name }) => name === scim?.provider);
  if (scim === undefined || signIn === undefined || provider === undefined) return undefined;
  const { domains, groups, emails } = provider.allow;
  const { roles, projects, defaultRole } = provider;
  return {
    provider,
    claim: scim.claim,
    publicUrl: signIn.publicUrl,
    rules: {
      roles,
      projects,
      ...(defaultRole !== undefined && { defaultRole }),
      groupsDecide: scim.groupsDecide,
      allowedGroups: groups,
      allowedOthers: domains.length + emails.length > 0 ? "recognised" : groups.length > 0 ? "none" : "all",
    },
  };
}

/**
 * What the directory has as `externalId` of a person at the provider; `undefined` without such a claim, and
 * for an address that the provider has not verified.
 */
export function externalIdOf(
  { claim }: Pick<Directory, "claim">,
  { subject, claims, email, emailIsVerified }: Pick<
    Identity,
    "subject" | "claims" | "email" | "emailIsVerified"
  >,
): string | undefined {
  if (claim === "sub") return subject;
  if (claim === "email") return emailIsVerified ? email : undefined;
  const value = claims[claim];
  return typeof value === "string" && value !== "" ? value : undefined;
}
