/** A person who signs in to the management plane. */

import type { Projects, Role } from "./role.ts";

/** Where a person comes from: this proxy, or a provider that knows the person as its `subject`. */
export type Origin =
  | { readonly kind: "local" }
  | { readonly kind: "provider"; readonly provider: string; readonly subject: string };

/** A person. Times are milliseconds since 1970. */
export interface Person {
  /** The id, like `usr_9f3b…`. */
  readonly id: string;
  /** The name to sign in with, as {@link loginOf} writes it. No two people have the same. */
  readonly login: string;
  /** The name that others see. */
  readonly name: string;
  readonly role: Role;
  readonly projects: Projects;
  /** Whether the person may do nothing now: neither sign in nor use a token of theirs. */
  readonly disabled: boolean;
  readonly origin: Origin;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of the last change. A change names the version that it was made from. */
  readonly version: number;
}

/**
 * The `subject` of a person of a provider: the URL of the provider and its subject. At another URL, the same
 * subject may be another person.
 */
export function providerSubject({ issuer, subject }: { issuer: string; subject: string }): string {
  return `${issuer} ${subject}`;
}

/** The longest login name, in characters. An e-mail address is a login name too. */
const MAX_LOGIN = 100;

/**
 * The one spelling of a login name: small letters without spaces around them. Returns `undefined` for a text
 * that is not a login name: letters and digits of any language, and the characters of e-mail addresses.
 */
export function loginOf(text: string): string | undefined {
  const login = text.normalize("NFKC").trim().toLowerCase();
  return login.length <= MAX_LOGIN && /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u.test(login)
    ? login
    : undefined;
}
