/** Tokens of providers (JWT) as tokens of clients: what the other parts of the proxy see of them. */

import type { OpenedProject } from "../access_table.ts";
import type { TokenCheckResult } from "../shared_token.ts";

/**
 * The longest token, in characters. The engine hashes longer texts by their length alone, so that a look-up
 * would compare them.
 */
const MAX_LENGTH = 16_000;
/**
 * Three parts in base64url, of which the first begins with `{"`. Libraries also skip spaces and padding, so
 * one token would have any number of spellings.
 */
const FORM = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/;

/** What the tokens of a request are. */
export interface VerifiedTokens {
  /** The results of the tokens that name this proxy and a provider of the configuration. */
  readonly results: ReadonlyMap<string, TokenCheckResult>;
  /** Why another token is not valid, as a sentence for the client; `undefined` if there is nothing to say. */
  readonly why: string | undefined;
}

/** Verifies tokens of providers. */
export interface ClientJwt {
  /**
   * Verifies those of some values that can be tokens of a provider. Returns `undefined` without any,
   * and a promise only if a token is new or was not confirmed for a while. Never rejects because of a token.
   */
  readonly verify: (values: readonly string[]) => VerifiedTokens | Promise<VerifiedTokens> | undefined;
}

/** The account of a person or a program at a provider. */
export interface JwtAccount {
  readonly issuer: string;
  /** The claim `sub`, by which a sign-in knows the person too. */
  readonly subject: string;
  /** The id under which the usage of the person is counted. */
  readonly tokenId: string;
  /** The name in the log and in usage. */
  readonly name: string;
}

/** What the proxy knows of a person who has signed in. */
export interface KnownPerson {
  readonly id: string;
  readonly disabled: boolean;
}

/** The projects and people, which tokens of providers need. */
export interface JwtAccess {
  /** A project by its name. */
  readonly projectNamed: (name: string) => OpenedProject | undefined;
  /**
   * The person of an account, to whom the usage of the account then belongs. `undefined` if the person has
   * never signed in. Rejects if the database does not answer.
   */
  readonly personOf: (account: JwtAccount) => Promise<KnownPerson | undefined>;
  /** Throws `overloaded` if the database could not confirm tokens for too long. */
  readonly checkConfirmed: () => void;
}

/** Whether a value has the form of a signed token: three parts, of which the first is a JSON object. */
export function mayBeJwt(value: string): boolean {
  return value.length <= MAX_LENGTH && FORM.test(value);
}
