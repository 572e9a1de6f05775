/** A real provider with OpenID Connect in this process: `oidc-provider`, with its pages for the login. */

import type { Server } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import type { SignInProvider } from "../../../src/config/config.ts";
import { within } from "../time/deadline.ts";

const CLIENT_ID = "llm-proxy";
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
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const provider = new Provider(issuer, {
      jwks: { keys: [{ ...await exportJWK(privateKey), kid: "real", alg: "RS256", use: "sig" }] },
      cookies: { keys: ["a key of the tests"] },
      clients: [{
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${publicUrl}/admin/sign-in/${name}/callback`],
        post_logout_redirect_uris: [`${publicUrl}/admin`],
      }],
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

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    await within(closed.promise, "the end of the provider");
  }
}

/** A port of this machine that nothing uses now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
