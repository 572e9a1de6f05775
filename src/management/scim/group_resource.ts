/** Groups as SCIM resources (RFC 7643, 4.2), and their PATCH. */

import type { DirectoryGroup, DirectoryGroupData } from "../../people/directory.ts";
import type { DirectoryMember, MemberChange } from "../../storage/directory_store.ts";
import { GROUP_SCHEMA } from "./conditions.ts";
import { type AttributePath, parsePath } from "./filter.ts";
import { entriesOf, isOfSchema, namedToRemove, type Operation } from "./patch.ts";
import { wrong } from "./scim_error.ts";
import { checkSchemas, metaOf } from "./user_resource.ts";
import { listOf, type Members, membersOf, requiredText, textOf } from "./values.ts";

/** What a request makes of a group: its attributes, and who joins and leaves. */
export interface GroupChange {
  readonly data: DirectoryGroupData;
  readonly members: MemberChange;
}

/** The group of a body, whose members are all members. With `before`, the body replaces a group. */
export function readGroup(body: Members, before?: DirectoryGroupData): GroupChange {
  checkSchemas(body, GROUP_SCHEMA);
  const externalId = textOf(body.get("externalid"), "externalId") ?? before?.externalId;
  return {
    data: {
      displayName: requiredText(body.get("displayname"), "displayName"),
      ...(externalId !== undefined && { externalId }),
    },
    members: { replaces: true, added: memberIds(body.get("members")), removed: [] },
  };
}

/** The group after operations. Throws an error for an operation that cannot be done. */
export function patchedGroup(
  { displayName, externalId }: DirectoryGroupData,
  operations: readonly Operation[],
): GroupChange {
  const draft = new GroupDraft({ displayName, ...(externalId !== undefined && { externalId }) });
  for (const { op, path, value } of operations) {
    if (path !== undefined) {
      draft.change(op, parsePath(path), value);
      continue;
    }
    for (const [name, one] of entriesOf(value)) {
      if (!["id", "meta", "schemas"].includes(name.toLowerCase())) draft.change(op, parsePath(name), one);
    }
  }
  return draft.result();
}

/**
 * A group while operations change it. It has only the members that join and leave, so that the cost of a
 * request does not grow with the group.
 */
class GroupDraft {
  #data: { displayName: string; externalId?: string };
  #replaces = false;
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();

  constructor(data: DirectoryGroupData) {
    this.#data = { ...data };
  }

  change(op: Operation["op"], { schema, attribute, sub, within }: AttributePath, value: unknown): void {
    if (schema !== undefined && !isOfSchema(schema, GROUP_SCHEMA)) return;
    const isSimple = sub === undefined && within.length === 0;
    const given = op === "remove" ? undefined : value;
    if (attribute === "members" && isSimple) {
      this.#changeMembers(op, value);
    } else if (attribute === "members" && op === "remove" && sub === undefined) {
      const [only, ...more] = within;
      if (only?.attribute !== "value" || typeof only.value !== "string" || more.length > 0) {
        throw wrong("invalidPath", 'Members are named like members[value eq "ID"].');
      }
      this.#remove([only.value]);
    } else if (attribute === "displayname" && isSimple) {
      this.#data.displayName = requiredText(given, "displayName");
    } else if (attribute === "externalid" && isSimple) {
      const externalId = textOf(given, "externalId");
      const { externalId: _, ...others } = this.#data;
      this.#data = { ...others, ...(externalId !== undefined && { externalId }) };
    } else if (["id", "meta", "schemas"].includes(attribute)) {
      throw wrong("mutability", `${attribute} cannot be changed.`);
    } else {
      throw wrong("invalidPath", `A group has no attribute ${JSON.stringify(attribute)} with this path.`);
    }
  }

  result(): GroupChange {
    return {
      data: this.#data,
      members: { replaces: this.#replaces, added: [...this.#added], removed: [...this.#removed] },
    };
  }

  #changeMembers(op: Operation["op"], value: unknown): void {
    const ids = memberIds(value);
    if (op === "add") {
      for (const id of ids) {
        this.#added.add(id);
        this.#removed.delete(id);
      }
    } else if (op === "remove" && namedToRemove(value) !== undefined) {
      this.#remove(ids);
    } else {
      this.#replaces = true;
      this.#added.clear();
      this.#removed.clear();
      for (const id of op === "remove" ? [] : ids) this.#added.add(id);
    }
  }

  #remove(ids: readonly string[]): void {
    for (const id of ids) {
      this.#added.delete(id);
      this.#removed.add(id);
    }
  }
}

/** The ids of members. Groups within groups are not supported: directories send all users of them. */
function memberIds(value: unknown): string[] {
  return listOf(value).map((item) => {
    if (typeof item === "string") return requiredText(item, "members.value");
    const members = membersOf(item, "members");
    const type = members.get("type");
    if (typeof type === "string" && type.toLowerCase() === "group") {
      throw wrong("invalidValue", "A member is a group: only users can be members.");
    }
    return requiredText(members.get("value"), "members.value");
  });
}

/** A group as a resource. `members` are `undefined` if they are left out. */
export function shownGroup(
  group: DirectoryGroup,
  { members, base }: { members: readonly DirectoryMember[] | undefined; base: string },
): Record<string, unknown> {
  const { id, displayName, externalId } = group;
  return {
    schemas: [GROUP_SCHEMA],
    id,
    ...(externalId !== undefined && { externalId }),
    displayName,
    ...(members !== undefined && {
      members: members.map((member) => ({
        value: member.id,
        display: member.userName,
        type: "User",
        $ref: `${base}/Users/${member.id}`,
      })),
    }),
    meta: metaOf("Group", group, base),
  };
}
