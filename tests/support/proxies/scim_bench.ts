/** A proxy whose provider "Real" has a directory, which writes people with SCIM. */

import { assertEquals } from "@std/assert";
import type { ScimConfig, SignInProvider } from "../../../src/config/config.ts";
import { ProviderBench } from "./provider_bench.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

/** The answer to a request of a directory. */
export interface ScimAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export class ScimBench implements AsyncDisposable {
  readonly bench: ProviderBench;
  /** The token of the directory. */
  readonly token: string;

  private constructor(bench: ProviderBench, token: string) {
    this.bench = bench;
    this.token = token;
  }

  static async open(
    scim: Partial<ScimConfig> = {},
    { names = ["real"], table = {} }: { names?: readonly string[]; table?: Partial<SignInProvider> } = {},
  ): Promise<ScimBench> {
    const bench = await ProviderBench.open(names, table, undefined, {
      scim: { provider: "real", claim: "sub", groupsDecide: false, ...scim },
    });
    const made = await bench.proxy.api("POST", "/management-tokens", { name: "directory", role: "scim" });
    assertEquals(made.status, 201, JSON.stringify(made.body));
    return new ScimBench(bench, made.body.token);
  }

  /** Sends a request of the directory. */
  async ask(
    line: string,
    body?: unknown,
    { token = this.token, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
  ): Promise<ScimAnswer> {
    const [method = "", path = ""] = line.split(/ (.*)/);
    const response = await fetch(`${this.bench.proxy.url}/manage/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/scim+json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  /** Adds a user whom the provider knows as `login`. Gives the id. */
  async user(login: string, more: Record<string, unknown> = {}): Promise<string> {
    const { status, body } = await this.ask("POST /Users", {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
      userName: `${login}@example.com`,
      externalId: login,
      active: true,
      ...more,
    });
    assertEquals(status, 201, JSON.stringify(body));
    return body.id;
  }

  /** Adds a group with members. Gives the id. */
  async group(displayName: string, members: readonly string[] = []): Promise<string> {
    const { status, body } = await this.ask("POST /Groups", {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      displayName,
      members: members.map((value) => ({ value })),
    });
    assertEquals(status, 201, JSON.stringify(body));
    return body.id;
  }

  /** Sends operations. */
  async patch(path: string, ...operations: readonly unknown[]): Promise<ScimAnswer> {
    return await this.ask(`PATCH ${path}`, {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: operations,
    });
  }

  /** The person with a login name, as the API shows them. */
  async person(login: string): Promise<Json> {
    return (await this.bench.people()).find((one) => one.login === login);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }
}
