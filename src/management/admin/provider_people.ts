/** The people whom providers identify: who they are here, and what they may do. */

import type { DirectoryUser } from "../../people/directory.ts";
import { type Person, providerSubject } from "../../people/person.ts";
import type { Projects } from "../../people/role.ts";
import type { Identity, SignedIn } from "../../people/oidc/signed_in.ts";
import type { NewAuditEntry } from "../../storage/audit_store.ts";
import type { UserInGroups } from "../../storage/directory_store.ts";
import type { PersonChange } from "../../storage/people_store.ts";
import { type Store, StoreError } from "../../storage/store.ts";
import type { Clock } from "../../time/clock.ts";
import { auditor } from "../api/audit_entry.ts";
import { createId } from "../api/create_id.ts";
import { type Directory, externalIdOf } from "../directory.ts";
import { freeLogin } from "../free_login.ts";

/** How often a change is tried, because another program may change the person at the same time. */
const MAX_TRIES = 5;
const PAGE_SIZE = 200;
/** What a person may do whom nothing lets in. */
const NOTHING = { role: "viewer", projects: [] } as const;

/** The part of a store that {@link ProviderPeople} uses. */
export type ProviderPeopleStore = Pick<
  Store,
  | "findPersonOf"
  | "addPerson"
  | "changePerson"
  | "findSignIn"
  | "listProjects"
  | "findDirectoryUser"
  | "joinDirectoryUser"
>;

/** What {@link ProviderPeople} needs. */
export interface ProviderPeopleParts {
  readonly store: ProviderPeopleStore;
  readonly clock: Pick<Clock, "epochMs">;
  /** The title of a provider, for the audit log. */
  readonly titleOf: (provider: string) => string;
  /** The directory that writes people with SCIM; `undefined` without one. */
  readonly directory: Directory | undefined;
  /** Called after a change of what a person may do, so that the proxy reads the tokens again. */
  readonly onChanged: () => Promise<void>;
  /** Called with a sentence about a project of the configuration that does not exist, once for each name. */
  readonly onUnknownProject: (detail: string) => void;
}

/** A person at a provider of the configuration. */
type Known = Identity & Pick<SignedIn, "provider">;

/**
 * Finds and makes the people of providers. A person is known by the provider, its URL and its subject, and
 * never by an email address: a provider's account must not become the account of a local person.
 */
export class ProviderPeople {
  readonly #parts: ProviderPeopleParts;
  readonly #reported = new Set<string>();

  constructor(parts: ProviderPeopleParts) {
    this.#parts = parts;
  }

  /** The title of a provider. */
  titleOf(provider: string): string {
    return this.#parts.titleOf(provider);
  }

  /** The person with the groups of the directory, if they decide. Throws a `StoreError`. */
  async withGroups(identity: Identity, provider: string): Promise<Identity> {
    const { directory } = this.#parts;
    if (directory === undefined || !directory.rules.groupsDecide) return identity;
    const found = await this.#inDirectory({ ...identity, provider });
    return found === undefined ? identity : {
      ...identity,
      groups: found.groups.map(({ displayName }) => displayName),
      hasDirectoryGroups: true,
    };
  }

  /**
   * The person of a sign-in, with the role and the projects of the present groups. Makes the person at the
   * first sign-in. A disabled person is not changed. Throws a `StoreError`.
   */
  async enter(signedIn: SignedIn, source: string): Promise<Person> {
    const { role, name } = signedIn;
    const { directory } = this.#parts;
    const projects = role === "admin" ? "all" : await this.#projectsNamed(signedIn.projects);
    const allowed = { name, role, projects };
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = (await this.#inDirectory(signedIn))?.user;
      // The role is one of groups that the person does not have any more.
      if (user === undefined && signedIn.hasDirectoryGroups === true) break;
      const groupsDecide = user !== undefined && directory?.rules.groupsDecide === true;
      // The directory may remove the user meanwhile, so only the join gives what its groups give.
      const first = groupsDecide ? { name, ...NOTHING } : allowed;
      const person = await this.#find(signedIn) ?? await this.#add(signedIn, { source, allowed: first });
      if (person === undefined) continue;
      const joined = user === undefined ? person : await this.#joined(user, person, { signedIn, source });
      if (joined === undefined) continue;
      if (joined.disabled) return joined;
      // The groups of the directory have given the role and the projects.
      const change = groupsDecide ? { name } : allowed;
      if (!await this.#change(joined, change, { signedIn, source })) continue;
      // The session begins only for the present version of the person.
      const changed = await this.#find(signedIn);
      if (changed !== undefined) return changed;
    }
    throw new StoreError("busy", "the person was changed by others at the same time: try again");
  }

  /**
   * Takes the role and the projects of a person whom the configuration does not let in any more. So the
   * tokens and the open sessions of the person lose access too, until a sign-in gives it back.
   */
  async deny(known: Known, source: string): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const person = await this.#find(known);
      if (person === undefined || person.disabled) return;
      if (await this.#change(person, NOTHING, { signedIn: known, source })) return;
    }
    throw new StoreError("busy", "the person was changed by others at the same time: try again");
  }

  #find(known: Known): Promise<Person | undefined> {
    return this.#parts.store.findPersonOf(known.provider, providerSubject(known));
  }

  /** The user of the directory whom a person of the provider is. */
  async #inDirectory(known: Known): Promise<UserInGroups | undefined> {
    const { directory, store } = this.#parts;
    if (directory === undefined || directory.provider.name !== known.provider) return undefined;
    const externalId = externalIdOf(directory, known);
    return externalId === undefined
      ? undefined
      : await store.findDirectoryUser(known.provider, { externalId });
  }

  /**
   * Joins the user of the directory to the person, who then is what the directory says. `undefined` if the
   * person or the user was removed meanwhile, or if the user is of another person now.
   */
  async #joined(
    user: DirectoryUser,
    person: Person,
    { signedIn, source }: { signedIn: Known; source: string },
  ): Promise<Person | undefined> {
    const { store, directory, clock, onChanged } = this.#parts;
    const isSettled = user.personId === person.id && user.active && directory?.rules.groupsDecide !== true;
    if (directory === undefined || isSettled) return person;
    const by = { actor: this.#actor(person, signedIn), source, at: clock.epochMs() };
    const of = { userId: user.id, personId: person.id, externalId: user.externalId };
    if (!await store.joinDirectoryUser(of, { rules: directory.rules, by })) return undefined;
    await onChanged();
    return await this.#find(signedIn);
  }

  #actor({ login }: Person, { provider }: Known): string {
    return `${login} (${this.titleOf(provider)})`;
  }

  /** Adds a person. `undefined` if another program has taken the login name or added the person meanwhile. */
  async #add(
    signedIn: SignedIn,
    { source, allowed }: { source: string; allowed: Pick<Person, "name" | "role" | "projects"> },
  ): Promise<Person | undefined> {
    const { store, clock } = this.#parts;
    const now = clock.epochMs();
    const person: Person = {
      id: createId("usr"),
      login: await this.#freeLogin(signedIn),
      ...allowed,
      disabled: false,
      origin: { kind: "provider", provider: signedIn.provider, subject: providerSubject(signedIn) },
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
    const { login } = person;
    const audit = this.#audit("person.create", { person, signedIn, source, changes: { login, ...allowed } });
    try {
      await store.addPerson(person, audit);
      return person;
    } catch (error) {
      if (error instanceof StoreError && error.kind === "taken") return undefined;
      throw error;
    }
  }

  /** Makes the person what the groups say. Resolves with `false` if the person was changed meanwhile. */
  async #change(
    person: Person,
    allowed: PersonChange,
    { signedIn, source }: { signedIn: Known; source: string },
  ): Promise<boolean> {
    const { name = person.name, role = person.role, projects = person.projects } = allowed;
    const hasSameProjects = sortedText(projects) === sortedText(person.projects);
    if (name === person.name && role === person.role && hasSameProjects) return true;
    const change: PersonChange = { name, role, projects };
    const audit = this.#audit("person.update", { person, signedIn, source, changes: { ...change } });
    // The provider decides who is an administrator. The commands of the machine work without one.
    const guard = { keepsAdmin: false };
    const outcome = await this.#parts.store.changePerson(person, change, { audit, guard });
    if (outcome === "done") await this.#parts.onChanged();
    return outcome === "done";
  }

  #audit(
    action: string,
    { person, signedIn, source, changes }: {
      person: Person;
      signedIn: Known;
      source: string;
      changes: Readonly<Record<string, unknown>>;
    },
  ): NewAuditEntry {
    const name = this.#actor(person, signedIn);
    return auditor({ clock: this.#parts.clock, actor: { name } })(source, action, person.id, changes);
  }

  /** A free login name: that of the provider, with a number if others have it. */
  #freeLogin({ email, claims, name, subject }: SignedIn): Promise<string> {
    return freeLogin(this.#parts.store, [
      email,
      claims["preferred_username"],
      name.replace(/\s+/g, "."),
      subject,
      "person",
    ]);
  }

  /** The ids of projects. A project that does not exist is left out, and reported. */
  async #projectsNamed(names: readonly string[]): Promise<Projects> {
    const missing = new Set(names);
    const ids: string[] = [];
    let before: number | undefined;
    while (missing.size > 0) {
      const { items, next } = await this.#parts.store.listProjects({
        limit: PAGE_SIZE,
        before,
        activeOnly: false,
      });
      ids.push(...items.filter(({ name }) => missing.delete(name)).map(({ id }) => id));
      if (next === undefined) break;
      before = next;
    }
    for (const name of missing) this.#report(name);
    return ids.sort();
  }

  #report(project: string): void {
    if (this.#reported.has(project)) return;
    this.#reported.add(project);
    this.#parts.onUnknownProject(
      `there is no project ${JSON.stringify(project)}, which [[management.sign_in]] names`,
    );
  }
}

function sortedText(projects: Projects): string {
  return projects === "all" ? "all" : JSON.stringify([...projects].sort());
}
