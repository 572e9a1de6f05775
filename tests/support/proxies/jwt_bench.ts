/** Providers of tokens in memory, with a proxy's check of their tokens. */

import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { FakeClock } from "../time/fake_clock.ts";
import type { KnownPerson, VerifiedTokens } from "../../../src/auth/jwt/client_jwt.ts";
import { JwtTokens } from "../../../src/auth/jwt/jwt_tokens.ts";
import type { JwtIssuer, JwtKeySet } from "../../../src/config/config.ts";
import { JWT_ALGORITHMS } from "../../../src/config/values/jwt_algorithms.ts";
import type { OpenedProject } from "../../../src/auth/access_table.ts";
import type { Rules } from "../../../src/principal.ts";

/** A key pair of a provider. */
export interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** Makes a key pair. */
export async function testKey(kid: string, alg = "ES256"): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...await exportJWK(publicKey), kid, alg, use: "sig" } };
}

/** A table of the configuration. */
export function testIssuer(overrides: Partial<JwtIssuer> = {}): JwtIssuer {
  return {
    name: "sso",
    issuer: "https://sso.test",
    audiences: ["llm-proxy"],
    keys: { kind: "url", url: "https://sso.test/jwks" },
    algorithms: JWT_ALGORITHMS,
    clockSkewMs: 60_000,
    subjectClaim: "sub",
    nameClaim: "sub",
    projects: [{ claim: "groups", value: "lab", project: "Lab" }],
    defaultProject: "All",
    outbound: {},
    ...overrides,
  };
}

/** Tokens of providers, with a clock that stands. */
export class JwtBench implements Disposable {
  readonly clock = new FakeClock();
  readonly tokens: JwtTokens;
  /** What happens to the keys. */
  readonly events: string[] = [];
  /** How often keys were read, by the issuer. */
  readonly reads: string[] = [];
  /** The people by `ISSUER SUBJECT`. */
  readonly people = new Map<string, KnownPerson>();
  /** Why the database fails; `undefined` if it works. */
  databaseError: Error | undefined;
  /** Whether the database does not answer. */
  hangs = false;
  /** How often the database was asked for a person. */
  lookups = 0;
  readonly projects = new Map<string, OpenedProject>([
    ["Lab", testProject("Lab")],
    ["All", testProject("All")],
  ]);

  /** `load` gives the keys of a provider. */
  constructor(
    issuers: readonly JwtIssuer[],
    load: (issuer: JwtIssuer) => Promise<JwtKeySet> | JwtKeySet,
    { maxCharacters = 1_000_000 } = {},
  ) {
    this.tokens = new JwtTokens(issuers, {
      maxCharacters,
      clock: this.clock,
      load: async (issuer) => {
        this.reads.push(issuer.issuer);
        return await load(issuer);
      },
      onKeys: ({ name }, { kind }) => this.events.push(`${name} ${kind}`),
      onUnknownProject: ({ name }, project) => this.events.push(`${name} has no ${project}`),
      access: {
        projectNamed: (name) => this.projects.get(name),
        personOf: ({ issuer, subject }) => {
          this.lookups++;
          if (this.hangs) return new Promise(() => {});
          if (this.databaseError !== undefined) return Promise.reject(this.databaseError);
          return Promise.resolve(this.people.get(`${issuer} ${subject}`));
        },
        checkConfirmed() {},
      },
    });
  }

  /** A token of a provider. A claim that is `undefined` is left out. */
  async token(
    { kid, alg, privateKey }: TestKey,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    return await new SignJWT(this.claims(claims)).setProtectedHeader({ alg, kid, ...header }).sign(
      privateKey,
    );
  }

  /** The usual claims, with others in their place. */
  claims(claims: Record<string, unknown> = {}): Record<string, unknown> {
    const nowS = this.clock.epochMs() / 1000;
    const all = {
      iss: "https://sso.test",
      aud: "llm-proxy",
      sub: "anna",
      iat: nowS,
      exp: nowS + 300,
      ...claims,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /** What the proxy says of a token: the project and the name, or the code of the rejection. */
  async check(token: string): Promise<string> {
    return shown(await this.tokens.verify([token]), token);
  }

  /** Why a token is not one of the proxy. */
  async why(token: string): Promise<string | undefined> {
    return (await this.tokens.verify([token]))?.why;
  }

  [Symbol.dispose](): void {
    this.tokens.close();
  }
}

/** The project and the name of a client, or the code of the rejection; `foreign` for other tokens. */
export function shown(verified: VerifiedTokens | undefined, token: string): string {
  const result = verified?.results.get(token);
  if (result === undefined) return "foreign";
  if ("rejected" in result) return result.rejected;
  return `${result.principal.projectId} ${result.principal.name}`;
}

/** A project. */
export function testProject(name: string, { active = true, rules = {} as Rules } = {}): OpenedProject {
  const project = { id: name, name, active, rules, keys: [], createdAt: 0, updatedAt: 0, version: 1 };
  return { project, keys: new Map() };
}
