/** People who sign in to the admin page with a provider. The first sign-in loads the library for it. */

import type { AuthorityPlaces, SignInConfig } from "../../config/config.ts";
import { createHttp1Transport } from "../../forwarding/transport/http1.ts";
import { SystemRoots } from "../../forwarding/transport/system_roots.ts";
import type { Transport } from "../../forwarding/transport/transport.ts";
import { addressGroup } from "../../network/ip_ranges.ts";
import type { Log } from "../../observability/log.ts";
import { SIGN_IN_PATH } from "../../people/oidc/return_path.ts";
import type { SignIn } from "../../people/oidc/sign_in.ts";
import type { Outcome, SignedIn, SignInFailure } from "../../people/oidc/signed_in.ts";
import type { Person } from "../../people/person.ts";
import type { SecretBox } from "../../storage/secret_box.ts";
import type { Clock } from "../../time/clock.ts";
import { Lines } from "../api/lines.ts";
import { Problem } from "../api/problem.ts";
import type { Directory } from "../directory.ts";
import { FewLines } from "./few_lines.ts";
import { ProviderPeople, type ProviderPeopleStore } from "./provider_people.ts";

/** The most lines in the log about failures in a minute. Any link can make a browser fail. */
const MAX_FAILURE_LINES = 10;

/** How many requests of one network wait for a provider, and for each other: strangers can send them too. */
const OF_NETWORK = { atOnce: 4, mostWaiting: 16 };

/** A session to begin for a person whom a provider has identified. */
export interface ProviderEntry {
  readonly person: Person;
  /** The title of the provider. */
  readonly way: string;
  /** When the person proved at the provider who they are, in milliseconds since 1970; 0 if unknown. */
  readonly provenAt: number;
  /** Whether browsers reach the page over HTTPS. */
  readonly isSecure: boolean;
}

/** A browser at the routes of the sign-in. */
export interface Visit {
  /** The address of the client. */
  readonly source: string;
  /** Begins a session. Resolves with the value of `set-cookie`. */
  readonly begin: (entry: ProviderEntry) => Promise<string>;
}

/** What {@link ProviderSignIn} needs. */
export interface ProviderSignInParts {
  readonly config: SignInConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly box: SecretBox;
  readonly store: ProviderPeopleStore;
  /** The directory that writes people with SCIM; `undefined` without one. */
  readonly directory: Directory | undefined;
  /** Called after a change of what a person may do. */
  readonly onChanged: () => Promise<void>;
  /** Where the authorities are that the operating system trusts. */
  readonly authorities: () => AuthorityPlaces | undefined;
}

/** The providers of the configuration, for the admin page. */
export class ProviderSignIn {
  readonly #parts: ProviderSignInParts;
  readonly #people: ProviderPeople;
  readonly #failures: FewLines;
  readonly #lines = new Lines(OF_NETWORK);
  /** Who sent the requests that are being answered. */
  readonly #visits = new WeakMap<Request, Visit>();
  #roots: SystemRoots | undefined;
  #transport: Transport | undefined;
  #loading: Promise<SignIn> | undefined;

  constructor(parts: ProviderSignInParts) {
    const { store, clock, log, config, directory, onChanged } = parts;
    this.#parts = parts;
    this.#people = new ProviderPeople({
      store,
      clock,
      directory,
      onChanged,
      titleOf: (provider) => config.providers.find(({ name }) => name === provider)?.title ?? provider,
      onUnknownProject: (detail) => log("warn", "sign_in_project_unknown", { detail }),
    });
    this.#failures = new FewLines(MAX_FAILURE_LINES, clock);
  }

  /** The providers for the form of the sign-in: their titles, and the paths where the sign-in begins. */
  get shown(): readonly { readonly title: string; readonly path: string }[] {
    return this.#parts.config.providers.map(({ name, title }) => ({
      title,
      path: `${SIGN_IN_PATH}/${name}`,
    }));
  }

  /**
   * Responds to a request at `/admin/sign-in` or below. Throws a {@link Problem} if too many of the same
   * network wait.
   */
  async answer(request: Request, visit: Visit): Promise<Response> {
    this.#visits.set(request, visit);
    const answered = this.#lines.run(
      addressGroup(visit.source),
      async () => await (await this.#loaded()).answer(request),
    );
    if (answered !== undefined) return await answered;
    throw new Problem(503, "Too many people of your network sign in at this moment. Try again in a minute.", {
      headers: { "retry-after": "60" },
    });
  }

  /** The URL where the session of a person at their provider ends; `undefined` without one. */
  async logoutUrl({ origin }: Person): Promise<string | undefined> {
    return origin.kind === "local" ? undefined : await (await this.#loaded()).logoutUrl(origin.provider);
  }

  /** Uses the present authorities for connections to providers. Call it after a reload. */
  useAuthorities(): void {
    this.#roots?.configure(this.#parts.authorities());
    this.#transport?.renew();
  }

  /** Closes the connections to providers. */
  close(): void {
    this.#transport?.close();
  }

  #loaded(): Promise<SignIn> {
    return this.#loading ??= this.#load();
  }

  async #load(): Promise<SignIn> {
    const { config, clock, box, authorities } = this.#parts;
    const { SignIn } = await import("../../people/oidc/sign_in.ts");
    this.#roots = new SystemRoots(authorities());
    this.#transport = createHttp1Transport(this.#roots);
    return new SignIn({
      config,
      clock,
      sealer: box,
      transport: this.#transport,
      onIdentified: (identity, provider) => this.#people.withGroups(identity, provider),
      onSignedIn: (person, request) => this.#signedIn(person, this.#visitOf(request)),
      onDenied: (identity, provider, request) =>
        this.#people.deny({ ...identity, provider }, this.#visitOf(request).source),
      onFailed: (provider, failure, request) => this.#failed(provider, failure, request),
    });
  }

  async #signedIn(signedIn: SignedIn, { source, begin }: Visit): Promise<Outcome> {
    const person = await this.#people.enter(signedIn, source);
    if (person.disabled) {
      return { kind: "refused", reason: "Your account here is disabled. Ask the administrator." };
    }
    const cookie = await begin({
      person,
      way: this.#people.titleOf(signedIn.provider),
      provenAt: signedIn.provenAt,
      isSecure: this.#parts.config.publicUrl.startsWith("https://"),
    });
    return { kind: "signed_in", cookies: [cookie] };
  }

  #visitOf(request: Request): Visit {
    const visit = this.#visits.get(request);
    if (visit === undefined) throw new Error("the request of a sign-in is unknown");
    return visit;
  }

  #failed(provider: string, { message, detail }: SignInFailure, request: Request | undefined): void {
    const leftOut = this.#failures.next();
    if (leftOut === undefined) return;
    const texts = [
      `${provider}: ${message}`,
      ...(detail === undefined ? [] : [`(${detail})`]),
      ...(leftOut === 0 ? [] : [`(${leftOut} failures before it are not in the log)`]),
    ];
    const client = request && this.#visits.get(request)?.source;
    this.#parts.log("warn", "sign_in_failed", { client, detail: texts.join(" ") });
  }
}
