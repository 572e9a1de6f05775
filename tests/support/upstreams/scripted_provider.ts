/**
 * A provider with OpenID Connect whose every answer a test can replace, for those that no real provider
 * sends.
 */

import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import type { SignInProvider } from "../../../src/config/config.ts";
import type { Clock } from "../../../src/time/clock.ts";

/** What a test replaces: an answer for a path. */
export type Answer = (request: Request) => Response | Promise<Response>;

/** A key pair of a provider. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** Paths of the token endpoint, the second of them that of GitHub. */
const TOKEN_PATHS: readonly string[] = ["/token", "/login/oauth/access_token"];

const made = new Map<string, Promise<SigningKey>>();

/** The key pair of a name, for RS256. It is made once, because that takes a second. */
export function signingKey(kid: string): Promise<SigningKey> {
  const known = made.get(kid) ?? newSigningKey(kid);
  made.set(kid, known);
  return known;
}

/** Makes a key pair. */
export async function newSigningKey(kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { kid, privateKey, jwk: { ...await exportJWK(publicKey), kid, alg: "RS256", use: "sig" } };
}

export class ScriptedProvider implements AsyncDisposable {
  /** The paths that were requested, in their order. */
  readonly asked: string[] = [];
  /** Answers by path, in place of the usual ones. */
  readonly answers = new Map<string, Answer>();
  /** Members of the metadata, in place of the usual ones; `undefined` leaves one out. */
  metadata: Record<string, unknown> = {};
  /** Claims of the next ID tokens, in place of the usual ones; `undefined` leaves one out. */
  claims: Record<string, unknown> = {};
  /** Makes the next ID tokens from their claims. */
  makeToken: (claims: Record<string, unknown>) => string | Promise<string>;
  /** The keys that the provider publishes. */
  published: SigningKey[];
  /** The body of the last request to the token endpoint. */
  tokenRequest = new URLSearchParams();
  readonly #clock: Pick<Clock, "epochMs">;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** The nonce by the code. */
  readonly #codes = new Map<string, string>();

  private constructor(key: SigningKey, clock: Pick<Clock, "epochMs">) {
    this.#clock = clock;
    this.published = [key];
    this.makeToken = (claims) => signed(claims, key);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  static async open(clock: Pick<Clock, "epochMs">): Promise<ScriptedProvider> {
    return new ScriptedProvider(await signingKey("first"), clock);
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The provider as a table of the configuration. */
  table(overrides: Partial<SignInProvider> = {}): SignInProvider {
    return {
      name: "scripted",
      title: "Scripted",
      preset: "oidc",
      issuer: this.issuer,
      clientId: "the-proxy",
      clientSecret: "the-secret-of-the-proxy",
      scopes: ["openid", "email"],
      groupsClaim: "groups",
      allow: { domains: [], groups: [], emails: [] },
      roles: new Map([["llm-admins", "admin"], ["lab", "member"]]),
      projects: new Map([["lab", ["Lab project"]]]),
      outbound: {},
      ...overrides,
    };
  }

  /** Signs a person in: the query with which the browser returns from the URL of the sign-in. */
  authorize(url: URL): URLSearchParams {
    const code = crypto.randomUUID();
    this.#codes.set(code, url.searchParams.get("nonce") ?? "");
    return new URLSearchParams({ code, state: url.searchParams.get("state") ?? "", iss: this.issuer });
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.asked.push(pathname);
    if (TOKEN_PATHS.includes(pathname)) this.tokenRequest = new URLSearchParams(await request.clone().text());
    const own = this.answers.get(pathname);
    if (own !== undefined) return await own(request);
    switch (pathname) {
      case "/.well-known/openid-configuration":
        return Response.json(this.usualMetadata());
      case "/jwks":
        return Response.json({ keys: this.published.map(({ jwk }) => jwk) });
      case "/token":
        return await this.#token();
      case "/userinfo":
        return Response.json({ sub: "person-1" });
      default:
        return new Response("<h1>Not found</h1>", { status: 404, headers: { "content-type": "text/html" } });
    }
  }

  /** The metadata with what the test replaced. */
  usualMetadata(): Record<string, unknown> {
    return defined({
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      end_session_endpoint: `${this.issuer}/logout`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      authorization_response_iss_parameter_supported: true,
      ...this.metadata,
    });
  }

  async #token(): Promise<Response> {
    const code = this.tokenRequest.get("code") ?? "";
    const nonce = this.#codes.get(code);
    if (nonce === undefined) return Response.json({ error: "invalid_grant" }, { status: 400 });
    this.#codes.delete(code);
    const nowS = Math.floor(this.#clock.epochMs() / 1000);
    const claims = defined({
      iss: this.issuer,
      sub: "person-1",
      aud: "the-proxy",
      iat: nowS,
      exp: nowS + 300,
      nonce,
      name: "Anna Example",
      email: "anna@example.com",
      email_verified: true,
      groups: ["lab"],
      ...this.claims,
    });
    return Response.json({
      access_token: "an-access-token",
      token_type: "Bearer",
      id_token: await this.makeToken(claims),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A token of RS256 with a key. */
export function signed(claims: Record<string, unknown>, { kid, privateKey }: SigningKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
