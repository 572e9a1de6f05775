/** People who sign in to the admin page of a proxy, as the page does it. */

import { hashOf } from "../../../src/auth/token_value.ts";
import { hashPassphrase } from "../../../src/people/passphrase.ts";
import type { Person } from "../../../src/people/person.ts";
import type { Store } from "../../../src/storage/store.ts";
import { personRow, sessionRow } from "../../storage/people_contract.ts";
import { lateBody } from "../clients/late_body.ts";
import { auditRow } from "../data/rows.ts";
import { LaterClock } from "../time/later_clock.ts";
import { FakeUpstream } from "../upstreams/fake_upstream.ts";
import { type ManagedOptions, ManagedProxy } from "./managed_proxy.ts";

export const PASSPHRASE = "correct horse battery staple";
/** A hash that takes no time, for tests that sign in often. */
const CHEAP = { logN: 4, r: 8, p: 1 };

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

export class SignInBench implements AsyncDisposable {
  readonly clock = new LaterClock();
  readonly proxy: ManagedProxy;
  readonly #upstream: FakeUpstream | undefined;
  /** The cookie of the session, from the last sign-in. */
  cookie = "";
  /** The cookie of the challenge of a passkey. */
  challenge = "";
  /** The origin of the page. */
  url: string;

  private constructor(proxy: ManagedProxy, upstream: FakeUpstream | undefined, clock: LaterClock) {
    this.proxy = proxy;
    this.#upstream = upstream;
    this.clock = clock;
    this.url = proxy.url;
  }

  static async start(options: ManagedOptions = {}): Promise<SignInBench> {
    const upstream = new FakeUpstream();
    const clock = new LaterClock();
    return new SignInBench(await ManagedProxy.start(upstream, { ...options, clock }), upstream, clock);
  }

  /** People at the proxy of another bench, which closes it. */
  static at(proxy: ManagedProxy, clock: LaterClock): SignInBench {
    return new SignInBench(proxy, undefined, clock);
  }

  /** Adds an administrator with {@link PASSPHRASE}. */
  async addAdmin(login: string, more: Partial<Person> = {}): Promise<void> {
    await this.addPerson(login, { role: "admin", projects: "all", ...more });
  }

  /** Adds a person with {@link PASSPHRASE}. The id is `usr_` and the login name. */
  async addPerson(login: string, more: Partial<Person> = {}): Promise<void> {
    const audit = auditRow("person.create", login);
    const hash = await hashPassphrase(PASSPHRASE, CHEAP);
    await this.inStore(async (store) => {
      await store.addPerson(personRow(`usr_${login}`, { login, projects: "all", ...more }), audit);
      await store.setPassphrase(`usr_${login}`, { hash, keptSession: undefined }, audit);
    });
  }

  /** Begins a session of a person who came in by a provider, for the requests from now on. */
  async addSession(personId: string, way: string): Promise<void> {
    const value = crypto.randomUUID();
    const now = this.clock.epochMs();
    const times = { createdAt: now, usedAt: now, provenAt: now };
    await this.inStore(async (store) => {
      await store.addSession(sessionRow(`ses_${value}`, personId, { hash: hashOf(value), way, ...times }));
    });
    this.cookie = `llm_proxy_session_${new URL(this.proxy.url).port}=${value}`;
  }

  /** Works with the database of the proxy as another program does. */
  async inStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
    const store = await this.proxy.otherStore();
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  /** Asks as the page does, with the cookie of the last sign-in. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Json; text: string }> {
    const response = await fetch(`${this.url}/admin${path}`, {
      method,
      headers: {
        origin: this.url,
        cookie: [this.cookie, this.challenge].filter((one) => one !== "").join("; "),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      if (pair.includes("_passkey")) this.challenge = pair;
      else this.cookie = pair;
    }
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : undefined, text };
  }

  /** Asks as the page does, with a body that comes late: see `lateBody`. */
  askLate(path: string, body: unknown) {
    const cookie = [this.cookie, this.challenge].filter((one) => one !== "").join("; ");
    return lateBody(`${this.url}/admin${path}`, { headers: { origin: this.url, cookie }, body });
  }

  signIn(name: string, passphrase = PASSPHRASE) {
    return this.ask("POST", "/session", { name, passphrase });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#upstream === undefined) return;
    await this.proxy[Symbol.asyncDispose]();
    await this.#upstream[Symbol.asyncDispose]();
  }
}
