/** The users of a directory: `/Users`. */

import type { DirectoryUser, DirectoryUserData } from "../../people/directory.ts";
import { providerSubject } from "../../people/person.ts";
import type { UserInGroups } from "../../storage/directory_store.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { createId } from "../api/create_id.ts";
import type { Directory } from "../directory.ts";
import { freeLogin } from "../free_login.ts";
import { userConditions } from "./conditions.ts";
import { notFound, RecordChanges, wasDone } from "./outcomes.ts";
import { readOperations } from "./patch.ts";
import type { ScimParts } from "./scim_api.ts";
import { listResponse, type ScimRequest } from "./scim_request.ts";
import { MAX_MEMBERSHIPS } from "./service_documents.ts";
import { patchedUser } from "./user_patch.ts";
import { namesOf, readUser, shownUser } from "./user_resource.ts";

/** Answers requests at `/Users` and `/Users/ID`. */
export class Users {
  readonly #parts: ScimParts;
  readonly #directory: Directory;
  readonly #base: string;
  readonly #changes = new RecordChanges();

  constructor(parts: ScimParts, { directory, base }: { directory: Directory; base: string }) {
    this.#parts = parts;
    this.#directory = directory;
    this.#base = base;
  }

  /** Responds with a part of the users that fit a filter. */
  async list(request: ScimRequest): Promise<Response> {
    const slice = request.slice();
    const conditions = userConditions(request.query("filter"));
    const { items, total } = await this.#parts.store.listDirectoryUsers(this.#provider, conditions, {
      ...slice,
      memberships: MAX_MEMBERSHIPS,
    });
    const shown = items.map((item) => request.projection.of(shownUser(item, this.#base)));
    return listResponse(shown, { total, offset: slice.offset });
  }

  /** Adds a user, with a person if the directory tells the subject of the person. */
  async add(request: ScimRequest): Promise<Response> {
    const data = readUser(await request.body());
    const { at } = request.writer;
    const user: DirectoryUser = {
      ...data,
      id: createId("dru"),
      provider: this.#provider,
      personId: undefined,
      createdAt: at,
      updatedAt: at,
      version: 1,
    };
    await this.#changes.untilDone(
      user.id,
      async () => await this.#save(user, undefined, request) || undefined,
    );
    return await this.#respond(user.id, request, 201);
  }

  /** Responds with a user and the groups of the user. */
  async show(id: string, request: ScimRequest): Promise<Response> {
    return await this.#respond(id, request, 200);
  }

  /** Replaces the attributes of a user (PUT). Attributes that the body lacks are removed. */
  async replace(id: string, request: ScimRequest): Promise<Response> {
    const body = await request.body();
    return await this.#change(id, request, (before) => readUser(body, before));
  }

  /** Changes some attributes of a user (PATCH, RFC 7644, 3.5.2). */
  async patch(id: string, request: ScimRequest): Promise<Response> {
    const operations = readOperations(await request.body());
    return await this.#change(id, request, (before) => patchedUser(before, operations));
  }

  /** Removes a user with the person. */
  async remove(id: string, request: ScimRequest): Promise<Response> {
    const { store, onChanged } = this.#parts;
    return await this.#changes.untilDone(id, async () => {
      const { user: { version } } = await this.#find(id);
      request.checkVersion(version);
      const write = store.removeDirectoryUser({ provider: this.#provider, id, version }, request.writer);
      if (!await wasDone("user", write)) return undefined;
      await onChanged();
      return new Response(null, { status: 204 });
    });
  }

  get #provider(): string {
    return this.#directory.provider.name;
  }

  async #change(
    id: string,
    request: ScimRequest,
    changed: (before: DirectoryUserData) => DirectoryUserData,
  ): Promise<Response> {
    return await this.#changes.untilDone(id, async () => {
      const { user } = await this.#find(id);
      request.checkVersion(user.version);
      const { userName, active, emails, externalId, displayName, name } = changed(user);
      const next: DirectoryUser = {
        userName,
        active,
        emails,
        ...(externalId !== undefined && { externalId }),
        ...(displayName !== undefined && { displayName }),
        ...(name !== undefined && { name }),
        id,
        provider: user.provider,
        personId: user.personId,
        createdAt: user.createdAt,
        updatedAt: request.writer.at,
        version: user.version,
      };
      // A person can have been changed here meanwhile, so a user who is not active is always written.
      if (next.active && isSame(next, user)) return await this.#respond(id, request, 200);
      return await this.#save(next, user, request) ? await this.#respond(id, request, 200) : undefined;
    });
  }

  /**
   * Writes a user. Resolves with `false` if the user has changed since, or if someone else got the login name
   * of a new person first.
   */
  async #save(
    user: DirectoryUser,
    before: DirectoryUser | undefined,
    { writer }: ScimRequest,
  ): Promise<boolean> {
    const { store, onChanged } = this.#parts;
    const subject = this.#subjectOf(user);
    const isPersonNeeded = subject !== undefined && user.personId === undefined;
    const newPerson = isPersonNeeded || user.externalId !== before?.externalId
      ? await this.#newPerson(user)
      : undefined;
    const write = store.saveDirectoryUser(user, { version: before?.version, subject, newPerson, by: writer });
    const isLoginTaken = async () =>
      newPerson !== undefined && await store.findSignIn(newPerson.login) !== undefined;
    if (!await wasDone("user", write, isLoginTaken)) return false;
    await onChanged();
    return true;
  }

  /** The subject of the person at the provider, if the directory knows people by it. */
  #subjectOf({ externalId }: DirectoryUserData): string | undefined {
    const { claim, provider: { issuer } } = this.#directory;
    return claim === "sub" && externalId !== undefined
      ? providerSubject({ issuer, subject: externalId })
      : undefined;
  }

  async #newPerson(user: DirectoryUserData) {
    const { shown, wanted } = namesOf(user);
    return {
      id: createId("usr"),
      login: await freeLogin(this.#parts.store, wanted),
      name: harmlessText(shown, 100),
    };
  }

  async #find(id: string): Promise<UserInGroups> {
    const found = await this.#parts.store.findDirectoryUser(this.#provider, { id });
    if (found === undefined) throw notFound("user");
    return found;
  }

  async #respond(id: string, request: ScimRequest, status: 200 | 201): Promise<Response> {
    const found = await this.#find(id);
    return request.resource(shownUser(found, this.#base), { version: found.user.version, status });
  }
}

function isSame(one: DirectoryUserData, other: DirectoryUserData): boolean {
  const textOf = ({ userName, externalId, active, displayName, name, emails }: DirectoryUserData) =>
    JSON.stringify([userName, externalId, active, displayName, name, emails]);
  return textOf(one) === textOf(other);
}
