/** A view of the store that has only what the actor of a request reaches. */

import type { Actor } from "../../people/actor.ts";
import type { Person } from "../../people/person.ts";
import { hasProject, isWithin, type Scope } from "../../people/scope.ts";
import type {
  Project,
  ProjectFilter,
  ProjectStore,
  Token,
  TokenChange,
  TokenFilter,
  TokenStore,
} from "../../storage/access_store.ts";
import type { NewAuditEntry } from "../../storage/audit_store.ts";
import type { Listed, Page } from "../../storage/page.ts";
import type { DeviceLoginStore } from "../../storage/device_login_store.ts";
import type { ListedPasskey, RemovedPasskey } from "../../storage/passkey_store.ts";
import type { ManagementTokenOf, SessionOf } from "../../storage/people_store.ts";
import type { ExchangeFilter, ExchangeRow, Store } from "../../storage/store.ts";
import type { UsageFilter, UsageGrouping, UsageRow } from "../../storage/usage_store.ts";
import { Problem } from "./problem.ts";

/** A version of a record, which a change names. */
type Version = Parameters<TokenStore["changeToken"]>[0];

/**
 * The store as an actor reaches it. What is out of reach does not exist here: lists and sums leave it out,
 * and its ids are unknown. So a handler cannot forget a filter.
 */
export class ScopedStore {
  readonly #store: Store;
  readonly #actor: Actor;
  readonly #scope: Scope;

  constructor(store: Store, { actor, scope }: { actor: Actor; scope: Scope }) {
    this.#store = store;
    this.#actor = actor;
    this.#scope = scope;
  }

  /**
   * The whole store, for what concerns the whole proxy. Throws a {@link Problem} unless for an
   * administrator.
   */
  whole(): Store {
    if (this.#actor.role === "admin") return this.#store;
    throw new Problem(403, "Your role does not reach the whole proxy.");
  }

  /** Writes an audit entry that belongs to no change. */
  addAudit(entry: NewAuditEntry): Promise<void> {
    return this.#store.addAudit(entry);
  }

  /** Finds a project, whose settings a member sees too. */
  async findProject(id: string): Promise<Project | undefined> {
    return hasProject(this.#scope, id) ? await this.#store.findProject(id) : undefined;
  }

  /** Lists the projects that the actor reaches, newest first. */
  listProjects(page: Page & Omit<ProjectFilter, "within">): Promise<Listed<Project>> {
    return this.#store.listProjects({ ...page, within: this.#scope });
  }

  /** Adds a project. Throws a {@link Problem} unless for an administrator, and `taken` for a used name. */
  addProject(...args: Parameters<ProjectStore["addProject"]>): ReturnType<ProjectStore["addProject"]> {
    return this.whole().addProject(...args);
  }

  /**
   * Changes a project. Throws a {@link Problem} unless for an administrator. Resolves with `false` if the
   * project has another version by now.
   */
  changeProject(
    ...args: Parameters<ProjectStore["changeProject"]>
  ): ReturnType<ProjectStore["changeProject"]> {
    return this.whole().changeProject(...args);
  }

  /** Deletes a project. Throws a {@link Problem} unless for an administrator. */
  deleteProject(
    ...args: Parameters<ProjectStore["deleteProject"]>
  ): ReturnType<ProjectStore["deleteProject"]> {
    return this.whole().deleteProject(...args);
  }

  /** Finds a token; `undefined` if the actor does not reach it. */
  async findToken(id: string): Promise<Token | undefined> {
    const token = await this.#store.findToken(id);
    return token !== undefined && isWithin(this.#scope, token) ? token : undefined;
  }

  /** Lists the tokens that the actor reaches. */
  listTokens(page: Page & Omit<TokenFilter, "within">): Promise<Listed<Token>> {
    return this.#store.listTokens({ ...page, within: this.#scope });
  }

  /** Whether a token of the project has a name, and is not revoked. */
  async isTokenNameUsed(projectId: string, name: string): Promise<boolean> {
    return hasProject(this.#scope, projectId) && await this.#store.isTokenNameUsed(projectId, name);
  }

  /** Whether a person is not disabled and belongs to a project that the actor reaches. */
  async mayOwn(personId: string, projectId: string): Promise<boolean> {
    if (!hasProject(this.#scope, projectId)) return false;
    const person = await this.#store.findPerson(personId);
    return person !== undefined && !person.disabled &&
      (person.projects === "all" || person.projects.includes(projectId));
  }

  /** Adds a token, in a project that the actor reaches. A member adds only own tokens. */
  async addToken(token: Token, audit: NewAuditEntry): Promise<void> {
    if (!isWithin(this.#scope, token)) {
      throw new Problem(403, "The token would belong to a project or a person that you do not reach.");
    }
    await this.#store.addToken(token, audit);
  }

  /** Changes a token. Resolves with `false` if the actor does not reach it. */
  async changeToken(of: Version, change: TokenChange, audit: NewAuditEntry): Promise<boolean> {
    if (await this.findToken(of.id) === undefined) return false;
    return await this.#store.changeToken(of, change, audit);
  }

  /** Deletes a token. Resolves with `false` if the actor does not reach it. */
  async deleteToken(of: Version, audit: NewAuditEntry): Promise<boolean> {
    if (await this.findToken(of.id) === undefined) return false;
    return await this.#store.deleteToken(of, audit);
  }

  /** Revokes all tokens of a project, also those of its members. */
  async revokeTokens(
    projectId: string,
    audit: NewAuditEntry,
  ): Promise<{ total: number; before: number }> {
    if (this.#scope.kind === "own" || !hasProject(this.#scope, projectId)) {
      throw new Problem(403, "Your role does not reach the tokens of the project.");
    }
    return await this.#store.revokeTokens(projectId, audit);
  }

  /** Reads sums of the usage that the actor reaches. */
  usage(grouping: UsageGrouping, filter: Omit<UsageFilter, "within">): Promise<UsageRow[]> {
    return this.#store.usage(grouping, { ...filter, within: this.#scope });
  }

  /** Lists the exchanges that the actor reaches, newest first. */
  listExchanges(
    page: Page & Omit<ExchangeFilter, "within">,
  ): Promise<Listed<ExchangeRow & { id: number }>> {
    return this.#store.listExchanges({ ...page, within: this.#scope });
  }

  /** The person who makes the request; `undefined` for a token and for a command. */
  async self(): Promise<Person | undefined> {
    return this.#actor.kind === "person" ? await this.#store.findPerson(this.#actor.id) : undefined;
  }

  /**
   * Sets the hash of the passphrase of the person who makes the request. All sessions of the person but that
   * of the request end. Resolves with `false` if the person has changed since `checked`.
   */
  async setOwnPassphrase(hash: string, checked: Person, audit: NewAuditEntry): Promise<boolean> {
    if (this.#actor.kind !== "person" || this.#actor.id !== checked.id) {
      throw new Problem(403, "The passphrase is that of another person.");
    }
    const passphrase = { hash, keptSession: this.#actor.sessionId, checked };
    return await this.#store.setPassphrase(checked.id, passphrase, audit);
  }

  /** Lists the sessions of the actor, or all of them. */
  async listSessions(page: Page & { usedSince: number }): Promise<Listed<SessionOf>> {
    return await this.#store.listSessions({ ...page, personId: this.#personId() });
  }

  /** Ends a session. Resolves with `false` if the actor does not reach it. */
  async endSession(id: string, audit: NewAuditEntry): Promise<boolean> {
    return await this.#store.endSession(id, { at: audit.at, personId: this.#personId() }, audit);
  }

  /** Lists the management tokens of the actor, or all of them. */
  async listManagementTokens(page: Page): Promise<Listed<ManagementTokenOf>> {
    return await this.#store.listManagementTokens({ ...page, personId: this.#personId() });
  }

  /** Revokes a management token. Resolves with `false` if the actor does not reach it. */
  async revokeManagementToken(id: string, audit: NewAuditEntry): Promise<boolean> {
    const personId = this.#personId();
    const found = await this.#store.findManagementToken({ id });
    if (found === undefined || personId !== undefined && found.token.personId !== personId) return false;
    await this.#store.revokeManagementToken(id, audit);
    return true;
  }

  /** Finds the login of a command. Knowing its code, or the id that the code gave, is the right to decide. */
  findDeviceLogin(
    ...args: Parameters<DeviceLoginStore["findDeviceLogin"]>
  ): ReturnType<DeviceLoginStore["findDeviceLogin"]> {
    return this.#store.findDeviceLogin(...args);
  }

  /** Confirms the login of a command. */
  confirmDeviceLogin(
    ...args: Parameters<DeviceLoginStore["confirmDeviceLogin"]>
  ): ReturnType<DeviceLoginStore["confirmDeviceLogin"]> {
    return this.#store.confirmDeviceLogin(...args);
  }

  /** Refuses the login of a command. */
  refuseDeviceLogin(
    ...args: Parameters<DeviceLoginStore["refuseDeviceLogin"]>
  ): ReturnType<DeviceLoginStore["refuseDeviceLogin"]> {
    return this.#store.refuseDeviceLogin(...args);
  }

  /** Lists the passkeys of the actor, or all of them. */
  async listPasskeys(page: Page): Promise<Listed<ListedPasskey>> {
    return await this.#store.listPasskeys({ ...page, personId: this.#personId() });
  }

  /** Renames a passkey. Resolves with `false` if the actor does not reach it. */
  async renamePasskey(id: string, name: string, audit: NewAuditEntry): Promise<boolean> {
    return await this.#store.renamePasskey(id, { name, personId: this.#personId() }, audit);
  }

  /** Removes a passkey. `unknown` if the actor does not reach it. */
  async removePasskey(id: string, audit: NewAuditEntry): Promise<RemovedPasskey> {
    return await this.#store.removePasskey(id, { personId: this.#personId() }, audit);
  }

  /** The person whose sessions, tokens and passkeys the actor reaches; `undefined` for all people. */
  #personId(): string | undefined {
    if (this.#scope.kind === "all") return undefined;
    if (this.#scope.kind === "own") return this.#scope.owner;
    throw new Problem(403, "Sessions and passkeys belong to people, not to projects.");
  }
}
