/** The groups of a directory: `/Groups`. */

import type { DirectoryGroup, DirectoryGroupData } from "../../people/directory.ts";
import { createId } from "../api/create_id.ts";
import type { Directory } from "../directory.ts";
import { groupConditions } from "./conditions.ts";
import { type GroupChange, patchedGroup, readGroup, shownGroup } from "./group_resource.ts";
import { notFound, RecordChanges, wasDone } from "./outcomes.ts";
import { readOperations } from "./patch.ts";
import type { ScimParts } from "./scim_api.ts";
import { listResponse, type ScimRequest } from "./scim_request.ts";
import { MAX_MEMBERSHIPS } from "./service_documents.ts";

/** Answers requests at `/Groups` and `/Groups/ID`. */
export class Groups {
  readonly #parts: ScimParts;
  readonly #directory: Directory;
  readonly #base: string;
  readonly #changes = new RecordChanges();

  constructor(parts: ScimParts, { directory, base }: { directory: Directory; base: string }) {
    this.#parts = parts;
    this.#directory = directory;
    this.#base = base;
  }

  /** Lists groups. A list has members only if the request names them, because groups may have thousands. */
  async list(request: ScimRequest): Promise<Response> {
    const { offset, limit } = request.slice();
    const hasMembers = request.projection.wants("members", { isByDefault: false });
    const { items, total } = await this.#parts.store.listDirectoryGroups(
      this.#provider,
      groupConditions(request.query("filter")),
      { offset, limit },
    );
    const shown: Record<string, unknown>[] = [];
    let memberships = 0;
    for (const group of items) {
      const members = hasMembers ? await this.#parts.store.listDirectoryMembers(group.id) : undefined;
      memberships += members?.length ?? 0;
      if (memberships > MAX_MEMBERSHIPS && shown.length > 0) break;
      shown.push(request.projection.of(shownGroup(group, { members, base: this.#base })));
    }
    return listResponse(shown, { total, offset });
  }

  /** Adds a group with its members. */
  async add(request: ScimRequest): Promise<Response> {
    const change = readGroup(await request.body());
    const { at } = request.writer;
    const group: DirectoryGroup = {
      ...change.data,
      id: createId("drg"),
      provider: this.#provider,
      createdAt: at,
      updatedAt: at,
      version: 1,
    };
    await this.#save(group, { ...change, version: undefined }, request);
    return await this.#respond(group.id, request, 201);
  }

  /** Responds with a group and its members. */
  async show(id: string, request: ScimRequest): Promise<Response> {
    return await this.#respond(id, request, 200);
  }

  /** Replaces a group with its members. */
  async replace(id: string, request: ScimRequest): Promise<Response> {
    const body = await request.body();
    await this.#change(id, request, (before) => readGroup(body, before));
    return await this.#respond(id, request, 200);
  }

  /** Changes a group. The response has no body, because the group may have thousands of members. */
  async patch(id: string, request: ScimRequest): Promise<Response> {
    const operations = readOperations(await request.body());
    await this.#change(id, request, (before) => patchedGroup(before, operations));
    // RFC 7644 (3.5.2) wants a body if the request names attributes.
    return request.projection.isNamed
      ? await this.#respond(id, request, 200)
      : new Response(null, { status: 204 });
  }

  /** Removes a group, whose people get the role and the projects of their other groups. */
  async remove(id: string, request: ScimRequest): Promise<Response> {
    const { store, onChanged } = this.#parts;
    return await this.#changes.untilDone(id, async () => {
      const { version } = await this.#find(id);
      request.checkVersion(version);
      const write = store.removeDirectoryGroup({ provider: this.#provider, id, version }, {
        rules: this.#directory.rules,
        by: request.writer,
      });
      if (!await wasDone("group", write)) return undefined;
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
    changed: (before: DirectoryGroupData) => GroupChange,
  ): Promise<void> {
    await this.#changes.untilDone(id, async () => {
      const before = await this.#find(id);
      request.checkVersion(before.version);
      const { data, members } = changed(before);
      const { provider, createdAt, version } = before;
      const group = { ...data, id, provider, createdAt, updatedAt: request.writer.at, version };
      return await this.#save(group, { members, version }, request) || undefined;
    });
  }

  async #save(
    group: DirectoryGroup,
    { members, version }: Pick<GroupChange, "members"> & { version: number | undefined },
    { writer }: ScimRequest,
  ): Promise<boolean> {
    const { store, onChanged } = this.#parts;
    const { rules } = this.#directory;
    const write = store.saveDirectoryGroup(group, { version, members, rules, by: writer });
    if (!await wasDone("group", write)) return false;
    await onChanged();
    return true;
  }

  async #find(id: string): Promise<DirectoryGroup> {
    const found = await this.#parts.store.findDirectoryGroup(this.#provider, id);
    if (found === undefined) throw notFound("group");
    return found;
  }

  async #respond(id: string, request: ScimRequest, status: 200 | 201): Promise<Response> {
    const group = await this.#find(id);
    const hasMembers = request.projection.wants("members", { isByDefault: true });
    const members = hasMembers ? await this.#parts.store.listDirectoryMembers(group.id) : undefined;
    return request.resource(shownGroup(group, { members, base: this.#base }), {
      version: group.version,
      status,
    });
  }
}
