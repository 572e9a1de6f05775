/** A provider with OpenID Connect. `openid-client` checks its responses by the rules of this file. */

import * as client from "openid-client";
import type { SignInProvider } from "../../config/config.ts";
import { isLoopback } from "../../config/read/outbound_proxy.ts";
import { signInPreset } from "../../config/values/sign_in_presets.ts";
import { isJwtAlgorithm, JWT_ALGORITHMS } from "../../config/values/jwt_algorithms.ts";
import type { Clock } from "../../time/clock.ts";
import { explained } from "./explain.ts";
import { identityOf, missesClaims } from "./identity_claims.ts";
import type { Checks, IdentityProvider } from "./identity_provider.ts";
import { KnownKeys } from "./known_keys.ts";
import type { Outbound } from "./outbound.ts";
import { CachedMetadata } from "./cached_metadata.ts";
import { type Identity, SignInFailure } from "./signed_in.ts";

/** How much the clocks of the provider and of this machine may differ, in seconds. */
export const CLOCK_TOLERANCE_S = 60;

/** An age of a login that asks for no new one: longer than sessions at providers last. In seconds. */
const ANY_AGE_S = "31536000";

/** What an {@link OidcProvider} needs. */
export interface OidcProviderParts {
  readonly provider: SignInProvider;
  readonly clock: Clock;
  readonly send: Outbound;
}

/** Signs people in by the authorization code flow with PKCE (OpenID Connect Core, RFC 7636). */
export class OidcProvider implements IdentityProvider {
  readonly #parts: OidcProviderParts;
  readonly #metadata: CachedMetadata<client.ServerMetadata>;
  readonly #keys: KnownKeys;

  constructor(parts: OidcProviderParts) {
    this.#parts = parts;
    this.#metadata = new CachedMetadata(() => this.#discover(), parts.clock);
    this.#keys = new KnownKeys(parts.clock);
  }

  /** Reads the metadata of the provider, and checks it. Throws a {@link SignInFailure}. */
  async check(): Promise<void> {
    await this.#metadata.read();
  }

  async begin(redirectUri: string, { state, nonce, verifier }: Checks, isFresh: boolean): Promise<URL> {
    const { preset, scopes } = this.#parts.provider;
    const { freshPrompt: prompt = "login" } = signInPreset(preset);
    const configuration = await this.#configuration();
    return client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: scopes.join(" "),
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      // With "max_age" the provider has to state the time of the login (OpenID Connect Core, 3.1.2.1).
      ...(isFresh ? { prompt, max_age: "0" } : { max_age: ANY_AGE_S }),
    });
  }

  async finish(
    callback: URL,
    { state, nonce, verifier }: Checks,
    freshSince: number | undefined,
  ): Promise<Identity> {
    const { provider } = this.#parts;
    const configuration = await this.#configuration();
    this.#keys.lendTo(configuration);
    try {
      const tokens = await client.authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new SignInFailure(502, `${provider.title} sent no ID token.`);
      this.#checkMore(claims);
      const provenAt = this.#provenAt(claims, freshSince);
      const userInfo = missesClaims(claims, provider) &&
          configuration.serverMetadata().userinfo_endpoint !== undefined
        ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
        : {};
      return { ...identityOf({ ...userInfo, ...claims }, provider), provenAt };
    } catch (error) {
      throw explained(error, provider);
    } finally {
      this.#keys.takeFrom(configuration);
    }
  }

  async logoutUrl(returnTo: string): Promise<URL | undefined> {
    const configuration = await this.#configuration();
    const { end_session_endpoint: endpoint } = configuration.serverMetadata();
    if (endpoint === undefined || !isSafeUrl(endpoint)) return undefined;
    // No ID token as a hint: the proxy keeps none. The provider may ask the person to confirm.
    return client.buildEndSessionUrl(configuration, { post_logout_redirect_uri: returnTo });
  }

  /** What the library leaves to its caller. */
  #checkMore({ azp, iat }: client.IDToken): void {
    const { provider, clock } = this.#parts;
    if (azp !== undefined && azp !== provider.clientId) {
      throw new SignInFailure(502, `${provider.title} sent an ID token for another program (azp).`);
    }
    if (iat > clock.epochMs() / 1000 + CLOCK_TOLERANCE_S) {
      throw new SignInFailure(
        502,
        `${provider.title} sent an ID token of the future: set the clocks of both machines.`,
      );
    }
  }

  /**
   * When the person logged in at the provider. Throws a {@link SignInFailure} if the provider did not ask for
   * the login again: a person can remove `prompt` and `max_age` from the address, so only the signed time is
   * a proof (OpenID Connect Core, 2 and 3.1.3.7).
   */
  #provenAt({ auth_time: at }: client.IDToken, freshSince: number | undefined): number {
    const { provider: { title, preset }, clock } = this.#parts;
    const now = clock.epochMs();
    if (at === undefined && signInPreset(preset).leavesOutLoginTime) return now;
    const provenAt = loginTime(at, now);
    if (typeof provenAt === "number") {
      if (freshSince === undefined || provenAt >= freshSince - CLOCK_TOLERANCE_S * 1000) return provenAt;
      throw new SignInFailure(
        403,
        `${title} did not ask for your login again. Sign out there, and try again.`,
      );
    }
    if (freshSince === undefined) return 0;
    throw new SignInFailure(
      502,
      provenAt === "future"
        ? `${title} states a login of the future (auth_time), so this is no proof that it is you: set the ` +
          "clocks of both machines."
        : `${title} does not state when you logged in (auth_time), so this is no proof that it is you. The ` +
          "administrator can let the provider send this claim in ID tokens.",
    );
  }

  async #discover(): Promise<client.ServerMetadata> {
    const { provider } = this.#parts;
    try {
      const found = await client.discovery(
        new URL(provider.issuer),
        provider.clientId,
        undefined,
        client.None(),
        {
          [client.customFetch]: this.#parts.send,
          ...isPlain(provider.issuer) && { execute: [client.allowInsecureRequests] },
        },
      );
      return checkedMetadata(found.serverMetadata(), provider);
    } catch (error) {
      throw explained(error, provider, "discovery");
    }
  }

  /** A configuration of the library with the present metadata and time. */
  async #configuration(): Promise<client.Configuration> {
    const { provider, clock, send } = this.#parts;
    const metadata = await this.#metadata.read();
    const configuration = new client.Configuration(
      metadata,
      provider.clientId,
      {
        [client.clockSkew]: Math.round((clock.epochMs() - Date.now()) / 1000),
        [client.clockTolerance]: CLOCK_TOLERANCE_S,
      },
      clientAuth(provider, metadata),
    );
    configuration[client.customFetch] = send;
    if (isPlain(provider.issuer)) client.allowInsecureRequests(configuration);
    // Without it, the library trusts the connection to the token endpoint, and leaves out the signature.
    client.enableNonRepudiationChecks(configuration);
    return configuration;
  }
}

/**
 * The time that `auth_time` states, in whole milliseconds since 1970 and not after `now`. `future`: it states
 * a time that has not come, so the provider did not state when the person logged in.
 */
function loginTime(at: unknown, now: number): number | "future" | undefined {
  if (typeof at !== "number" || !Number.isFinite(at)) return undefined;
  const stated = Math.floor(at * 1000);
  return stated > now + CLOCK_TOLERANCE_S * 1000 ? "future" : Math.min(now, stated);
}

/** The metadata with the algorithms and endpoints that are allowed. */
function checkedMetadata(
  metadata: client.ServerMetadata,
  { title, issuer }: SignInProvider,
): client.ServerMetadata {
  if (metadata.issuer !== issuer) {
    throw new SignInFailure(
      502,
      `${title} names itself ${JSON.stringify(metadata.issuer)}, not ${JSON.stringify(issuer)}: ` +
        "write issuer exactly like the provider, with or without the slash at its end.",
    );
  }
  for (const name of ["authorization_endpoint", "token_endpoint", "jwks_uri"] as const) {
    const url = metadata[name];
    if (typeof url === "string" && isSafeUrl(url)) continue;
    throw new SignInFailure(502, `The metadata of ${title} have no ${name} with an https:// URL.`);
  }
  const { id_token_signing_alg_values_supported: named = ["RS256"] } = metadata;
  const algorithms = Array.isArray(named) ? named.filter((name) => isJwtAlgorithm(name)) : [];
  if (algorithms.length === 0) {
    throw new SignInFailure(
      502,
      `${title} signs ID tokens with none of ${JWT_ALGORITHMS.join(", ")}: choose RS256 at the provider.`,
    );
  }
  return { ...metadata, id_token_signing_alg_values_supported: algorithms };
}

function clientAuth(
  { preset, clientSecret }: SignInProvider,
  { token_endpoint_auth_methods_supported: methods }: client.ServerMetadata,
): client.ClientAuth {
  if (clientSecret === undefined) return client.None();
  const { secretPlace } = signInPreset(preset);
  // Without a list, the provider supports the header (OpenID Connect Discovery, section 3).
  const isBasic = methods === undefined || methods.includes("client_secret_basic");
  const place = secretPlace ?? (isBasic ? "basic" : "post");
  return place === "basic" ? client.ClientSecretBasic(clientSecret) : client.ClientSecretPost(clientSecret);
}

function isPlain(issuer: string): boolean {
  return issuer.startsWith("http://");
}

function isSafeUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || protocol === "http:" && isLoopback(hostname);
}
