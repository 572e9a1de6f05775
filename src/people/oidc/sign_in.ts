/** The routes of signing in with providers: `/admin/sign-in/NAME` and `/admin/sign-in/NAME/callback`. */

import { randomNonce, randomPKCECodeVerifier, randomState } from "openid-client";
import type { SignInConfig, SignInProvider } from "../../config/config.ts";
import type { Transport } from "../../forwarding/transport/transport.ts";
import type { Clock } from "../../time/clock.ts";
import { enter } from "./entry.ts";
import { GithubProvider } from "./github_provider.ts";
import type { IdentityProvider } from "./identity_provider.ts";
import { OidcProvider } from "./oidc_provider.ts";
import { outbound } from "./outbound.ts";
import { PendingSignIns, type Sealer } from "./pending.ts";
import { failurePage, signedInPage } from "./result_page.ts";
import { postLogoutUri, redirectUri, returnPath, SIGN_IN_PATH } from "./return_path.ts";
import { type Identity, type Outcome, type SignedIn, SignInFailure } from "./signed_in.ts";

/** The most callbacks that wait for a provider at the same time. Each makes a few requests to it. */
const MAX_WAITING = 16;
/** Marks the one redirect to the public address, so that it cannot go in circles. */
const REDIRECTED = "redirected";
/** Asks for a new proof of the person at the provider. */
const FRESH = "fresh";

/** What {@link SignIn} needs. */
export interface SignInParts {
  readonly config: SignInConfig;
  readonly clock: Clock;
  readonly sealer: Sealer;
  readonly transport: Pick<Transport, "send">;
  /**
   * Gives what another source knows of a person whom a provider has identified, such as the groups of a
   * directory. `undefined` if only the provider knows people.
   */
  readonly onIdentified?: (identity: Identity, provider: string) => Promise<Identity>;
  /** Begins the session of a person, or rejects the person. `request` is the callback. */
  readonly onSignedIn: (person: SignedIn, request: Request) => Promise<Outcome>;
  /** Called for a person whom a provider has identified, and whom the configuration does not let in. */
  readonly onDenied?: (identity: Identity, provider: string, request: Request) => Promise<void>;
  /**
   * Gets each sign-in that failed, for the log. Nothing in it is secret. `request` is undefined for a
   * failure at a sign-out.
   */
  readonly onFailed: (provider: string, failure: SignInFailure, request?: Request) => void;
}

/** A provider as the page of the sign-in shows it. */
export interface ShownProvider {
  readonly name: string;
  readonly title: string;
  /** The path where the sign-in begins. `?return=PATH` names the page after it. */
  readonly path: string;
}

/** A callback that this browser did not begin, or has finished. Any link can cause it. */
class NoSuchSignIn extends SignInFailure {
  constructor() {
    super(
      400,
      "This browser has no such sign-in: it began in another browser, was finished, or took longer than ten " +
        "minutes.",
    );
  }
}

interface Known {
  readonly provider: SignInProvider;
  readonly identifies: IdentityProvider;
}

/** Signs people in with the providers of the configuration. */
export class SignIn {
  readonly #parts: SignInParts;
  readonly #known: ReadonlyMap<string, Known>;
  readonly #pending: PendingSignIns;
  #waiting = 0;

  constructor(parts: SignInParts) {
    const { config: { publicUrl, providers }, clock, sealer } = parts;
    this.#parts = parts;
    this.#pending = new PendingSignIns({ sealer, clock, publicUrl });
    this.#known = new Map(
      providers.map((
        provider,
      ) => [provider.name, { provider, identifies: identityProvider(provider, parts) }]),
    );
  }

  /** The providers for the page of the sign-in. */
  get shown(): readonly ShownProvider[] {
    return [...this.#known.values()].map(({ provider: { name, title } }) => ({
      name,
      title,
      path: `${SIGN_IN_PATH}/${name}`,
    }));
  }

  /** Responds to a request at {@link SIGN_IN_PATH} or below. Unexpected errors are thrown. */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [name = "", step, ...more] = pathname.slice(SIGN_IN_PATH.length + 1).split("/");
    const known = this.#known.get(name);
    const isRoute = pathname.startsWith(`${SIGN_IN_PATH}/`) && more.length === 0 &&
      (step === undefined || step === "callback");
    if (known === undefined || !isRoute) {
      return failurePage(404, { message: "There is no such provider.", again: undefined });
    }
    if (request.method !== "GET") {
      return failurePage(405, { message: "The sign-in begins with a link.", again: undefined });
    }
    try {
      return step === undefined ? await this.#begin(request, known) : await this.#finish(request, known);
    } catch (error) {
      if (!(error instanceof SignInFailure)) throw error;
      this.#parts.onFailed(name, error, request);
      return failurePage(error.status, {
        message: error.message,
        again: `${SIGN_IN_PATH}/${name}`,
        // A link of another site must not end a sign-in that is on its way.
        cookies: step === undefined || error instanceof NoSuchSignIn ? [] : [this.#pending.removal(name)],
      });
    }
  }

  /**
   * The URL at the provider where its session ends, for after a sign-out; `undefined` if the provider is
   * unknown, has no such URL or cannot be reached. Never throws a {@link SignInFailure}.
   */
  async logoutUrl(name: string): Promise<string | undefined> {
    const known = this.#known.get(name);
    if (known === undefined) return undefined;
    try {
      const url = await known.identifies.logoutUrl(this.#postLogoutUri);
      return url?.href;
    } catch (error) {
      if (!(error instanceof SignInFailure)) throw error;
      this.#parts.onFailed(name, error);
      return undefined;
    }
  }

  get #postLogoutUri(): string {
    return postLogoutUri(this.#parts.config.publicUrl);
  }

  /** Sends the browser to the provider. */
  async #begin(request: Request, { provider, identifies }: Known): Promise<Response> {
    const { config: { publicUrl } } = this.#parts;
    const { searchParams } = new URL(request.url);
    const returnTo = returnPath(searchParams.get("return"));
    if (!isAtPublicUrl(request, publicUrl) && !searchParams.has(REDIRECTED)) {
      // The provider sends the browser back to the public address, where it must have the cookie.
      const there = new URL(`${publicUrl}${SIGN_IN_PATH}/${provider.name}`);
      there.searchParams.set("return", returnTo);
      if (searchParams.has(FRESH)) there.searchParams.set(FRESH, "1");
      there.searchParams.set(REDIRECTED, "1");
      return redirect(there, []);
    }
    const checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const isFresh = searchParams.has(FRESH);
    const url = await identifies.begin(redirectUri(publicUrl, provider.name), checks, isFresh);
    const pending = { ...checks, provider: provider.name, returnTo, ...(isFresh && { isFresh }) };
    return redirect(url, [await this.#pending.cookie(pending)]);
  }

  /** Identifies the person of a callback, and begins the session. */
  async #finish(request: Request, { provider, identifies }: Known): Promise<Response> {
    const { config: { publicUrl }, onSignedIn } = this.#parts;
    const { search, searchParams } = new URL(request.url);
    const pending = await this.#pending.take(request.headers.get("cookie"), {
      provider: provider.name,
      state: searchParams.get("state"),
    });
    if (pending === undefined) {
      throw new NoSuchSignIn();
    }
    // The Host of the request has no part in it: the provider compares the redirect URI.
    const callback = new URL(redirectUri(publicUrl, provider.name) + search);
    const freshSince = pending.isFresh && pending.begunAt;
    const identified = await this.#limited(() => identifies.finish(callback, pending, freshSince));
    const identity = await this.#parts.onIdentified?.(identified, provider.name) ?? identified;
    const outcome = await onSignedIn(await this.#entered(identity, { provider, request }), request);
    if (outcome.kind === "refused") throw new SignInFailure(403, outcome.reason);
    return signedInPage(pending.returnTo, [...outcome.cookies, this.#pending.removal(provider.name)]);
  }

  /** The role and the projects of a person. Throws a {@link SignInFailure} if the person may not enter. */
  async #entered(
    identity: Identity,
    { provider, request }: { readonly provider: SignInProvider; readonly request: Request },
  ): Promise<SignedIn> {
    try {
      return enter(identity, provider);
    } catch (error) {
      if (error instanceof SignInFailure) await this.#parts.onDenied?.(identity, provider.name, request);
      throw error;
    }
  }

  async #limited<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= MAX_WAITING) {
      throw new SignInFailure(503, "Too many people sign in at this moment. Try again in a minute.");
    }
    this.#waiting++;
    try {
      return await work();
    } finally {
      this.#waiting--;
    }
  }
}

/** The provider of a table of the configuration. */
export function identityProvider(
  provider: SignInProvider,
  { transport, clock }: Pick<SignInParts, "transport" | "clock">,
): IdentityProvider {
  const parts = { provider, clock, send: outbound({ provider, transport, clock }) };
  return provider.preset === "github" ? new GithubProvider(parts) : new OidcProvider(parts);
}

function isAtPublicUrl({ headers }: Request, publicUrl: string): boolean {
  const host = headers.get("host");
  return host === null || host.toLowerCase() === new URL(publicUrl).host;
}

function redirect(to: URL, cookies: readonly string[]): Response {
  const headers = new Headers({
    "location": to.href,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
  });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}
