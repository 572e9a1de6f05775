/** A real provider with OpenID Connect in this process: `oidc-provider`, with its pages for the login. */

import type { Server } from "node:http";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import Provider from "oidc-provider";
import type { SignInProvider } from "../../../src/config/config.ts";
import { Visitor } from "../clients/visitor.ts";
import { freePort } from "../processes/port.ts";
import { within } from "../time/deadline.ts";

const CLIENT_ID = "llm-proxy";
/** A program that uses the proxy. */
const APP_ID = "the-app";
/** The audience of access tokens. */
export const RESOURCE = "urn:llm-proxy";
const CLIENT_SECRET = "the-secret-of-the-proxy-1";

export class RealProvider implements AsyncDisposable {
  readonly issuer: string;
  /** The groups of people by their login. All others are in the group `others`. */
  readonly groups: Map<string, readonly string[]>;
  readonly #name: string;
  readonly #server: Server;

  private constructor(
    issuer: string,
    { server, name, groups }: { server: Server; name: string; groups: Map<string, readonly string[]> },
  ) {
    this.issuer = issuer;
    this.groups = groups;
    this.#name = name;
    this.#server = server;
  }

  /** Opens a provider on a free port. `publicUrl` is where the proxy is, `name` the provider's name there. */
  static async open(publicUrl: string, name = "real"): Promise<RealProvider> {
    const port = freePort();
    const groups = new Map<string, readonly string[]>([["anna", ["llm-admins"]]]);
    // Another site than 127.0.0.1, for cookies of browsers.
    const issuer = `http://localhost:${port}`;
    const provider = new Provider(issuer, {
      jwks: { keys: [await signingKey()] },
      cookies: { keys: ["a key of the tests"] },
      clients: [{
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${publicUrl}/admin/sign-in/${name}/callback`],
        post_logout_redirect_uris: [`${publicUrl}/admin`],
      }, {
        client_id: APP_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${issuer}/done`],
        grant_types: ["authorization_code", "client_credentials"],
      }],
      features: {
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: "llm", audience: RESOURCE, accessTokenFormat: "jwt" }),
        },
      },
      extraTokenClaims: (_: unknown, { accountId }: { accountId?: string }) => ({
        groups: groups.get(accountId ?? "") ?? ["others"],
      }),
      claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
      findAccount: (_: unknown, id: string) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          name: `Person ${id}`,
          email: `${id}@example.com`,
          email_verified: true,
          groups: groups.get(id) ?? ["others"],
        }),
      }),
    });
    const listening = Promise.withResolvers<void>();
    const server: Server = provider.listen(port, "127.0.0.1", () => listening.resolve());
    server.on("error", listening.reject);
    await within(listening.promise, "the provider's port");
    return new RealProvider(issuer, { server, name, groups });
  }

  /** The provider as a table of the configuration. */
  table(): SignInProvider {
    return {
      name: this.#name,
      title: `${this.#name.slice(0, 1).toUpperCase()}${this.#name.slice(1)}`,
      preset: "oidc",
      issuer: this.issuer,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      scopes: ["openid", "profile", "email", "groups"],
      groupsClaim: "groups",
      allow: { domains: [], groups: [], emails: [] },
      roles: new Map([["llm-admins", "admin"]]),
      projects: new Map([["llm-admins", ["Lab"]]]),
      outbound: {},
    };
  }

  /** The access token of a program, without a person. */
  async clientToken(): Promise<string> {
    const { access_token: token = "" } = await this.#tokens({ grant_type: "client_credentials" });
    return token;
  }

  /** The access token and the ID token of a person. */
  async userTokens(login: string): Promise<{ readonly access: string; readonly id: string }> {
    const verifier = "a-verifier-of-the-tests-with-at-least-43-characters";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const query = new URLSearchParams({
      client_id: APP_ID,
      response_type: "code",
      redirect_uri: `${this.issuer}/done`,
      scope: "openid",
      resource: RESOURCE,
      code_challenge: new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true }),
      code_challenge_method: "S256",
    });
    const { url } = await new Visitor().signIn(`${this.issuer}/auth?${query}`, login);
    const { access_token: access = "", id_token: id = "" } = await this.#tokens({
      grant_type: "authorization_code",
      redirect_uri: `${this.issuer}/done`,
      code: new URL(url).searchParams.get("code") ?? "",
      code_verifier: verifier,
    });
    return { access, id };
  }

  async #tokens(form: Record<string, string>): Promise<{ access_token?: string; id_token?: string }> {
    const response = await fetch(`${this.issuer}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${APP_ID}:${CLIENT_SECRET}`)}` },
      body: new URLSearchParams({ resource: RESOURCE, ...form }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    await within(closed.promise, "the end of the provider");
  }
}

let madeKey: Promise<JWK> | undefined;

/** The key of all providers of a test file. It is made once, because that takes a second. */
function signingKey(): Promise<JWK> {
  return madeKey ??= generateKeyPair("RS256", { extractable: true })
    .then(async ({ privateKey }) => ({
      ...await exportJWK(privateKey),
      kid: "real",
      alg: "RS256",
      use: "sig",
    }));
}
