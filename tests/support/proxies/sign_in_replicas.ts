/** Proxies as processes behind one address with HTTPS, at which people sign in. */

import { assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { systemClock } from "../../../src/time/clock.ts";
import { Visitor } from "../clients/visitor.ts";
import { SECRETS } from "../data/secrets.ts";
import { startNginx } from "../processes/nginx.ts";
import { freePort } from "../processes/port.ts";
import type { ProxyProcess } from "../processes/proxy_process.ts";
import { openGithub } from "../upstreams/github_server.ts";
import { RealProvider } from "../upstreams/real_provider.ts";
import type { ScriptedProvider } from "../upstreams/scripted_provider.ts";
import { billedUpstream, status } from "./billed_requests.ts";
import { type TestKey, testKey } from "./jwt_bench.ts";
import { ObjectProxies } from "./object_proxy.ts";

const TLS = new URL("../tls", import.meta.url).pathname;
/** The authority of the certificate of the site. */
export const SITE_CA: string = `${TLS}/ca.pem`;

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

/** What {@link SignInReplicas} consists of. */
interface Parts {
  readonly url: string;
  readonly key: TestKey;
  readonly provider: RealProvider;
  readonly github: ScriptedProvider;
  readonly proxies: readonly ProxyProcess[];
  readonly client: Deno.HttpClient;
}

/** The proxies, with the providers "real" and "github", the directory of "real", and its tokens. */
export class SignInReplicas implements AsyncDisposable {
  readonly url: string;
  readonly provider: RealProvider;
  readonly proxies: readonly ProxyProcess[];
  readonly #key: TestKey;
  readonly #client: Deno.HttpClient;
  readonly #stack: AsyncDisposableStack;

  private constructor({ url, key, provider, proxies, client }: Parts, stack: AsyncDisposableStack) {
    this.url = url;
    this.#key = key;
    this.provider = provider;
    this.proxies = proxies;
    this.#client = client;
    this.#stack = stack;
  }

  /**
   * Starts the proxies, one for each environment. The last of them gets the callbacks of sign-ins, the first
   * of them their beginnings, and all share the other requests.
   */
  static async start(envs: readonly Readonly<Record<string, string>>[]): Promise<SignInReplicas> {
    await using stack = new AsyncDisposableStack();
    const port = freePort();
    const url = `https://localhost:${port}`;
    const key = await testKey("sso");
    const provider = stack.use(await RealProvider.open(url));
    const github = stack.use(await openGithub(systemClock));
    const upstream = stack.use(billedUpstream());
    const folder = stack.use(await ObjectProxies.at(upstream.origin));
    await Deno.writeTextFile(`${folder.folder}/keys.json`, JSON.stringify({ keys: [key.jwk] }));
    await folder.configure(upstream.origin, tables({ provider, github, folder: folder.folder }));
    const proxies: ProxyProcess[] = [];
    for (const env of envs) proxies.push(await folder.start({ PUBLIC_URL: url, ...env }));
    const hosts = proxies.map((proxy) => new URL(proxy.url).host);
    stack.use(await startNginx({ port, servers: () => servers(port, hosts) }));
    const caCerts = [await Deno.readTextFile(SITE_CA)];
    // Each request has its own connection, so that threads share them.
    const client = stack.adopt(
      Deno.createHttpClient({ caCerts, poolMaxIdlePerHost: 0 }),
      (one) => one.close(),
    );
    const parts = { url, key, provider, github, proxies, client };
    return new SignInReplicas(parts, stack.move());
  }

  /** A new browser. */
  browser(): Visitor {
    return new Visitor(this.#client);
  }

  /** Signs a person in with a new browser, which has to arrive at the page of the proxy. */
  async signIn(login: string, query = ""): Promise<Visitor> {
    const visitor = this.browser();
    const page = await visitor.signIn(`${this.url}/admin/sign-in/real${query}`, login);
    assertEquals(page.status, 200, page.text);
    return visitor;
  }

  /** What a page asks the proxy. */
  async asked(
    visitor: Visitor,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Json }> {
    const { status, text } = await visitor.ask(method, `${this.url}/admin${path}`, body);
    return { status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** Asks the management API of a proxy. */
  async api(
    method: string,
    path: string,
    { body, token = SECRETS.managementToken, proxy = this.proxies[0] }: {
      body?: unknown;
      token?: string;
      proxy?: ProxyProcess | undefined;
    } = {},
  ): Promise<{ status: number; body: Json }> {
    const response = await fetch(`${proxy?.url}/manage${path}`, {
      client: this.#client,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** A token of the provider for a person, which is valid for five minutes. */
  async jwt(sub: string): Promise<string> {
    const exp = Math.floor(Date.now() / 1000) + 300;
    return await new SignJWT({ iss: this.provider.issuer, aud: "llm-proxy", sub, exp })
      .setProtectedHeader({ alg: this.#key.alg, kid: this.#key.kid }).sign(this.#key.privateKey);
  }

  /** The status of a request with the token of a client. */
  async chat(proxy: ProxyProcess, value: string): Promise<number> {
    return await status(proxy, { value });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function tables(
  { provider, github, folder }: { provider: RealProvider; github: ScriptedProvider; folder: string },
): string {
  const { clientId, clientSecret } = provider.table();
  return `[[management.sign_in]]
name = "real"
issuer = "${provider.issuer}"
client_id = "${clientId}"
client_secret = "${clientSecret}"
scopes = ["openid", "profile", "email", "groups"]
roles = { "llm-admins" = "admin", "lab" = "member" }
projects = { "lab" = ["Lab"] }
[[management.sign_in]]
name = "github"
preset = "github"
issuer = "${github.issuer}"
client_id = "the-proxy"
client_secret = "the-secret-of-the-proxy"
roles = { "acme/llm" = "manager" }
projects = { "acme" = ["Lab"] }
[management.scim]
provider = "real"
[[auth.jwt]]
name = "sso"
issuer = "${provider.issuer}"
audience = "llm-proxy"
jwks_file = "${folder}/keys.json"
default_project = "Lab"
`;
}

function servers(port: number, hosts: readonly string[]): string {
  const location = (path: string, to: string): string =>
    `location ${path} {
      proxy_pass http://${to};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Connection close;
    }`;
  return `upstream all { ${hosts.map((host) => `server ${host};`).join(" ")} }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${TLS}/cert.pem;
    ssl_certificate_key ${TLS}/key.pem;
    ${location("~ /callback$", hosts.at(-1) ?? "")}
    ${location("/admin/sign-in/", hosts[0] ?? "")}
    ${location("/", "all")}
  }`;
}
