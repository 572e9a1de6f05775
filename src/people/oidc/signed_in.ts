/** The ports between signing in with a provider and the sessions of people. */

import type { Role } from "../../config/values/sign_in_presets.ts";

/** A person whom a provider has identified, and what the configuration lets the person do. */
export interface SignedIn {
  /** The name of the provider in the configuration. */
  readonly provider: string;
  /** The provider's name for the person, which never changes. It is unique together with {@link issuer}. */
  readonly subject: string;
  /** The URL of the provider. */
  readonly issuer: string;
  /** The name to show. It may change, and several people may have the same. */
  readonly name: string;
  /** `undefined` if the provider states no address. */
  readonly email: string | undefined;
  /** Whether the provider has checked that the address belongs to the person. */
  readonly emailIsVerified: boolean;
  readonly groups: readonly string[];
  /** Whether the groups are those of the directory and not those of the provider. */
  readonly hasDirectoryGroups?: boolean;
  /** Everything that the provider states of the person. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When the statement of the provider expires, in milliseconds since 1970. A session may last longer. */
  readonly expiresAt: number;
  /**
   * When the person proved at the provider who they are, in milliseconds since 1970; 0 if the provider does
   * not state it.
   */
  readonly provenAt: number;
  readonly role: Role;
  /** Names of projects by the groups of the person, without repeats. */
  readonly projects: readonly string[];
}

/** A person as a provider describes the person, before the configuration decides on the entry. */
export type Identity = Omit<SignedIn, "provider" | "role" | "projects">;

/** What the sessions made of a person who signed in. */
export type Outcome =
  /** `cookies` are the values of `set-cookie`. */
  | { readonly kind: "signed_in"; readonly cookies: readonly string[] }
  /** The person may not enter. `reason` is a sentence for the person. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * A sign-in failed. `message` is for the person and the log: it has no token, no code and no text that a
 * stranger chose, except in a harmless form. `detail` is for the log alone.
 */
export class SignInFailure extends Error {
  override readonly name = "SignInFailure";
  /** The status of the page. 4xx: the person or the browser; 502 and 504: the provider. */
  readonly status: 400 | 403 | 404 | 405 | 502 | 503 | 504;
  readonly detail: string | undefined;

  constructor(
    status: SignInFailure["status"],
    message: string,
    { detail, cause }: { readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.detail = detail;
  }
}
