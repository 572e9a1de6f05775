/** GitHub, which has OAuth 2.0 without OpenID Connect: its API says who signed in. */

import * as client from "openid-client";
import * as v from "valibot";
import type { SignInProvider } from "../../config/config.ts";
import type { Clock } from "../../time/clock.ts";
import { explained } from "./explain.ts";
import { identityOf } from "./identity_claims.ts";
import type { Checks, IdentityProvider } from "./identity_provider.ts";
import type { Outbound } from "./outbound.ts";
import { type Identity, SignInFailure } from "./signed_in.ts";

/** The address of github.com. Other issuers are servers of GitHub Enterprise. */
const GITHUB = "https://github.com";
/** The most items of a page of the API. */
const PAGE_SIZE = 100;
const MAX_PAGES = 10;
/** How long what the API said counts, because GitHub states no time. */
const VALID_MS = 3_600_000;

const userSchema = v.object({ id: v.number(), login: v.string(), name: v.nullish(v.string()) });
const emailsSchema = v.array(v.object({ email: v.string(), primary: v.boolean(), verified: v.boolean() }));
const organisationsSchema = v.array(v.object({ login: v.string() }));
const teamsSchema = v.array(v.object({ slug: v.string(), organization: v.object({ login: v.string() }) }));

/** What a {@link GithubProvider} needs. */
export interface GithubProviderParts {
  readonly provider: SignInProvider;
  readonly clock: Clock;
  readonly send: Outbound;
}

/** Signs people in with GitHub. Groups are organisations (`ORG`) and teams (`ORG/TEAM`). */
export class GithubProvider implements IdentityProvider {
  readonly #parts: GithubProviderParts;
  readonly #configuration: client.Configuration;
  /** The address of the API, without a slash at its end. */
  readonly #api: string;

  constructor(parts: GithubProviderParts) {
    const { provider, send } = parts;
    const base = provider.issuer.replace(/\/$/, "");
    this.#parts = parts;
    this.#api = base === GITHUB ? "https://api.github.com" : `${base}/api/v3`;
    this.#configuration = new client.Configuration(
      {
        issuer: `${base}/login/oauth`,
        authorization_endpoint: `${base}/login/oauth/authorize`,
        token_endpoint: `${base}/login/oauth/access_token`,
      },
      provider.clientId,
      undefined,
      provider.clientSecret === undefined ? client.None() : client.ClientSecretPost(provider.clientSecret),
    );
    this.#configuration[client.customFetch] = send;
    if (base.startsWith("http://")) client.allowInsecureRequests(this.#configuration);
  }

  async begin(redirectUri: string, { state, verifier }: Checks): Promise<URL> {
    return client.buildAuthorizationUrl(this.#configuration, {
      redirect_uri: redirectUri,
      scope: this.#parts.provider.scopes.join(" "),
      state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      allow_signup: "false",
    });
  }

  async finish(callback: URL, { state, verifier }: Checks): Promise<Identity> {
    const { provider, clock } = this.#parts;
    try {
      const { access_token: token } = await client.authorizationCodeGrant(this.#configuration, callback, {
        expectedState: state,
        pkceCodeVerifier: verifier,
      });
      const user = await this.#read("/user", { token, schema: userSchema });
      const emails = await this.#readAll("/user/emails", { token, schema: emailsSchema });
      const primary = emails.find((one) => one.primary) ?? emails[0];
      const { groupsClaim } = provider;
      const claims = {
        sub: String(user.id),
        iss: provider.issuer,
        exp: Math.floor((clock.epochMs() + VALID_MS) / 1000),
        login: user.login,
        preferred_username: user.login,
        ...(user.name != null && { name: user.name }),
        ...(primary && { email: primary.email, email_verified: primary.verified }),
        ...(groupsClaim !== undefined && { [groupsClaim]: await this.#groups(token) }),
      };
      // GitHub states no time of the login, and cannot ask for another one.
      return { ...identityOf(claims, provider), provenAt: clock.epochMs() };
    } catch (error) {
      throw explained(error, provider);
    }
  }

  logoutUrl(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async #groups(token: string): Promise<string[]> {
    const organisations = await this.#readAll("/user/orgs", { token, schema: organisationsSchema });
    const teams = await this.#readAll("/user/teams", { token, schema: teamsSchema });
    return [
      ...organisations.map(({ login }) => login),
      ...teams.map(({ slug, organization }) => `${organization.login}/${slug}`),
    ];
  }

  async #readAll<Item>(
    path: string,
    { token, schema }: { readonly token: string; readonly schema: v.GenericSchema<unknown, Item[]> },
  ): Promise<Item[]> {
    const all: Item[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const items = await this.#read(`${path}?per_page=${PAGE_SIZE}&page=${page}`, { token, schema });
      all.push(...items);
      if (items.length < PAGE_SIZE) return all;
    }
    throw new SignInFailure(403, `${this.#parts.provider.title} lists more groups than the proxy reads.`);
  }

  async #read<Value>(
    path: string,
    { token, schema }: { readonly token: string; readonly schema: v.GenericSchema<unknown, Value> },
  ): Promise<Value> {
    const { send, provider: { title } } = this.#parts;
    const [plain = path] = path.split("?");
    const response = await send(this.#api + path, {
      headers: { authorization: `Bearer ${token}`, accept: "application/vnd.github+json" },
    });
    if (response.status === 403 || response.status === 404) {
      throw new SignInFailure(502, `${title} does not let the proxy read ${plain}: check "scopes".`, {
        detail: `status ${response.status}`,
      });
    }
    const value: unknown = response.status === 200 ? await response.json().catch(() => undefined) : undefined;
    const { success, output } = v.safeParse(schema, value);
    if (success) return output;
    throw new SignInFailure(502, `${title} sent a response to ${plain} that the proxy does not accept.`, {
      detail: `status ${response.status}`,
    });
  }
}
