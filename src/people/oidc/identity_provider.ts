import type { Identity } from "./signed_in.ts";

/** The secrets of one sign-in, which the browser keeps in a sealed cookie until it returns. */
export interface Checks {
  /** Binds the response to the browser. */
  readonly state: string;
  /** Binds the ID token to this sign-in. */
  readonly nonce: string;
  /** Binds the code to this proxy (PKCE, RFC 7636). */
  readonly verifier: string;
}

/** A provider that identifies people. Its functions throw a `SignInFailure`. */
export interface IdentityProvider {
  /**
   * The URL at the provider where the sign-in begins. `isFresh`: the provider shall ask the person to prove
   * again who they are, as far as it can.
   */
  readonly begin: (redirectUri: string, checks: Checks, isFresh: boolean) => Promise<URL>;
  /**
   * Identifies the person of a callback. `callback` is the redirect URI with the query that the browser
   * brought. `freshSince` is when a sign-in with `isFresh` began, in milliseconds since 1970, and `undefined`
   * for others.
   */
  readonly finish: (callback: URL, checks: Checks, freshSince: number | undefined) => Promise<Identity>;
  /** The URL where the session at the provider ends; `undefined` if the provider has none. */
  readonly logoutUrl: (returnTo: string) => Promise<URL | undefined>;
}
