/** A proxy with real providers in this process, with which people sign in. */

import { assert } from "@std/assert";
import type { ManagementConfig, SignInProvider } from "../../../src/config/config.ts";
import { Visitor } from "../clients/visitor.ts";
import { freePort } from "../processes/port.ts";
import { LaterClock } from "../time/later_clock.ts";
import { FakeUpstream } from "../upstreams/fake_upstream.ts";
import { RealProvider } from "../upstreams/real_provider.ts";
import { ManagedProxy } from "./managed_proxy.ts";

/** A proxy with providers named `names`, and the project "Lab". */
export class ProviderBench implements AsyncDisposable {
  readonly proxy: ManagedProxy;
  readonly clock: LaterClock;
  readonly providers: readonly RealProvider[];
  readonly #upstream: FakeUpstream;

  private constructor(
    { proxy, clock, providers, upstream }: {
      proxy: ManagedProxy;
      clock: LaterClock;
      providers: readonly RealProvider[];
      upstream: FakeUpstream;
    },
  ) {
    this.proxy = proxy;
    this.clock = clock;
    this.providers = providers;
    this.#upstream = upstream;
  }

  static async open(
    names: readonly string[] = ["real"],
    table: Partial<SignInProvider> = {},
    allowedIps?: readonly string[],
    management: Partial<ManagementConfig> = {},
  ): Promise<ProviderBench> {
    const port = freePort();
    const publicUrl = `http://127.0.0.1:${port}`;
    const providers = await Promise.all(names.map((name) => RealProvider.open(publicUrl, name)));
    const upstream = new FakeUpstream();
    const clock = new LaterClock();
    const proxy = await ManagedProxy.start(upstream, {
      clock,
      server: { port },
      management: {
        publicUrl,
        signIn: {
          publicUrl,
          providers: providers.map((one) => ({
            ...one.table(),
            roles: new Map([["llm-admins", "admin"], ["lab", "member"]] as const),
            projects: new Map([["lab", ["Lab", "Nowhere"]]]),
            ...table,
          })),
        },
        ...(allowedIps && { allowedIps }),
        ...management,
      },
    });
    return new ProviderBench({ proxy, clock, providers, upstream });
  }

  get provider(): RealProvider {
    const [first] = this.providers;
    assert(first !== undefined);
    return first;
  }

  /** The id of a new project. */
  async project(name: string): Promise<string> {
    return (await this.proxy.api("POST", "/projects", { name })).body.id;
  }

  /** Signs a person in with a new browser, or with one that the provider knows. */
  async signIn(login: string, { name = "real", query = "" } = {}) {
    const visitor = new Visitor();
    const page = await visitor.signIn(`${this.proxy.url}/admin/sign-in/${name}${query}`, login);
    return { visitor, page };
  }

  /** What `/admin/api/me` says to a browser. */
  async me(visitor: Visitor): Promise<{ status: number; me: Json }> {
    const { status, text } = await visitor.ask("GET", `${this.proxy.url}/admin/api/me`);
    return { status, me: JSON.parse(text) };
  }

  /** The status of a request with a managed token. */
  async chat(token: string): Promise<number> {
    const response = await this.proxy.chat(token);
    await response.text();
    return response.status;
  }

  async people(): Promise<Json[]> {
    return (await this.proxy.api("GET", "/people")).body.data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    for (const provider of this.providers) await provider[Symbol.asyncDispose]();
    await this.#upstream[Symbol.asyncDispose]();
  }
}

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;
