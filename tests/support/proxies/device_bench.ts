/** A proxy with people who confirm the logins of commands, and a command that a test plays. */

import { assertEquals } from "@std/assert";
import { hashPassphrase } from "../../../src/people/passphrase.ts";
import type { Person } from "../../../src/people/person.ts";
import { personRow } from "../../storage/people_contract.ts";
import { auditRow } from "../data/rows.ts";
import { SECRETS } from "../data/secrets.ts";
import { LaterClock } from "../time/later_clock.ts";
import { FakeUpstream } from "../upstreams/fake_upstream.ts";
import { type ManagedOptions, ManagedProxy } from "./managed_proxy.ts";

const PASSPHRASE = "correct horse battery staple";
/** A hash that takes no time. */
const CHEAP = { logN: 4, r: 8, p: 1 };
const GRANT = "urn:ietf:params:oauth:grant-type:device_code";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

export interface DeviceAnswer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
}

/** A browser that is signed in. */
export type Browser = (method: string, path: string, body?: unknown) => Promise<DeviceAnswer>;

export class DeviceBench implements AsyncDisposable {
  private constructor(
    readonly proxy: ManagedProxy,
    readonly clock: LaterClock,
    readonly upstream: FakeUpstream,
  ) {}

  static async start(options: ManagedOptions = {}): Promise<DeviceBench> {
    const upstream = new FakeUpstream();
    const clock = new LaterClock();
    return new DeviceBench(await ManagedProxy.start(upstream, { ...options, clock }), clock, upstream);
  }

  /** Adds a person with a passphrase, and signs them in. */
  async person(login: string, more: Partial<Person> = {}): Promise<Browser> {
    const store = await this.proxy.otherStore();
    const audit = auditRow("person.create", login);
    const person = personRow(`usr_${login}`, { login, role: "admin", projects: "all", ...more });
    await store.addPerson(person, audit);
    const hash = await hashPassphrase(PASSPHRASE, CHEAP);
    await store.setPassphrase(person.id, { hash, keptSession: undefined }, audit);
    await store.close();
    return await this.browser({ name: login, passphrase: PASSPHRASE });
  }

  /** A browser that signs in: with the token of the configuration, unless `credentials` say otherwise. */
  async browser(credentials: unknown = { token: SECRETS.managementToken }): Promise<Browser> {
    return await signedIn(this.proxy.adminUrl, credentials);
  }

  /** Begins a login as a command does, and keeps its codes out of the database and the log. */
  async begin(form: Record<string, string> = {}, from: ManagedProxy = this.proxy): Promise<DeviceAnswer> {
    const begun = await this.post(
      "/device/code",
      { client_id: "llm-proxy", machine: "laptop", ...form },
      from,
    );
    if (begun.status === 200) from.plant(begun.body.device_code);
    return begun;
  }

  /** Polls as a command does. */
  async poll(device_code: string, from: ManagedProxy = this.proxy): Promise<DeviceAnswer> {
    const form = { client_id: "llm-proxy", grant_type: GRANT, device_code };
    const polled = await this.post("/device/token", form, from);
    if (polled.status === 200) from.plant(polled.body.access_token);
    return polled;
  }

  async post(
    path: string,
    form: Record<string, string> | URLSearchParams,
    from: ManagedProxy = this.proxy,
    headers: Record<string, string> = {},
  ): Promise<DeviceAnswer> {
    const init = { method: "POST", body: new URLSearchParams(form), headers };
    return await answerOf(await fetch(`${from.adminUrl}/manage${path}`, init));
  }

  /** The id of the login that a person finds by the code. */
  async found(browser: Browser, user_code: string): Promise<string> {
    const { status, body } = await browser("POST", "/api/device-logins/find", { user_code });
    assertEquals(status, 200, JSON.stringify(body));
    return body.id;
  }

  /** A person confirms a login. */
  async confirm(browser: Browser, user_code: string): Promise<void> {
    const id = await this.found(browser, user_code);
    assertEquals((await browser("POST", `/api/device-logins/${id}/confirm`)).status, 204);
  }

  /** Logs in as a person, and gives the answer with the token. */
  async login(browser: Browser, form: Record<string, string> = {}): Promise<Json> {
    const { body: { device_code, user_code } } = await this.begin(form);
    await this.confirm(browser, user_code);
    const { status, body } = await this.poll(device_code);
    assertEquals(status, 200, JSON.stringify(body));
    return body;
  }

  /** Asks the management API with a token. */
  async ask(token: string, method: string, path: string, body?: unknown): Promise<DeviceAnswer> {
    return await answerOf(
      await fetch(`${this.proxy.adminUrl}/manage${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** Signs a browser in at the admin page of a proxy. */
export async function signedIn(url: string, credentials: unknown): Promise<Browser> {
  let cookie = "";
  const browser: Browser = async (method, path, body) => {
    const response = await fetch(`${url}/admin${path}`, {
      method,
      headers: {
        origin: url,
        ...(cookie !== "" && { cookie }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return await answerOf(response);
  };
  const { status, body } = await browser("POST", "/session", credentials);
  assertEquals(status, 200, JSON.stringify(body));
  return browser;
}

async function answerOf(response: Response): Promise<DeviceAnswer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
}
