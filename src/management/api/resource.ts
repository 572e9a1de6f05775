/** One kind of record of the API: how a route reads it, and how it changes it beside other requests. */

import type { NewAuditEntry } from "../../storage/audit_store.ts";
import { auditor } from "./audit_entry.ts";
import type { RouteParts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { json, type JsonReply, type RouteRequest } from "./route.ts";

/** A record that counts its changes. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
}

/**
 * Makes the audit log entry of a request: the action without the kind of record, and what the request
 * changes.
 */
export type Audit = (action: string, changes: Readonly<Record<string, unknown>>) => NewAuditEntry;

/** What a change needs of its request. */
type ChangeRequest = Pick<RouteRequest, "id" | "ifMatch" | "source">;

/**
 * Writes a change of the record that the store had. Resolves with false if the record has changed since, and
 * returns undefined if there is nothing to write.
 */
type Write<Item> = (before: Item, audit: Audit) => Promise<boolean> | undefined;

/** What the routes of one kind of record share. */
export interface Resource<Item extends Versioned> {
  /** Reads a record. Throws a `404` {@link Problem} if no record has the id. */
  readonly find: (id: string) => Promise<Item>;
  /** Responds with the current state of a record and its ETag. `extra` adds members to the body. */
  readonly respond: (id: string, extra?: Readonly<Record<string, unknown>>) => Promise<JsonReply>;
  readonly auditOf: (request: Pick<RouteRequest, "id" | "source">) => Audit;
  /**
   * Changes a record, and responds with its new state; `extra` adds members to the body. Throws a {@link
   * Problem}: `404` if no record has the id, `412` if `if-match` names another version, `409` if another
   * request changed the record at the same moment.
   */
  readonly update: (
    request: ChangeRequest,
    write: Write<Item>,
    extra?: Readonly<Record<string, unknown>>,
  ) => Promise<JsonReply>;
  /** Deactivates, revokes or deletes a record, and responds with a `204`. Throws like {@link update}. */
  readonly remove: (request: ChangeRequest, write: Write<Item>) => Promise<Response>;
}

/** Makes a {@link Resource}. `name` is the kind of record in messages and in the audit log. */
export function resource<Item extends Versioned>(
  parts: Pick<RouteParts, "clock" | "actor" | "changed">,
  { name, read, shown }: {
    readonly name: string;
    readonly read: (id: string) => Promise<Item | undefined>;
    readonly shown: (item: Item) => Readonly<Record<string, unknown>>;
  },
): Resource<Item> {
  const entry = auditor(parts);
  const auditOf = ({ source, id }: Pick<RouteRequest, "id" | "source">): Audit => (action, changes) =>
    entry(source, `${name}.${action}`, id, changes);
  async function find(id: string): Promise<Item> {
    const item = await read(id);
    if (item === undefined) throw new Problem(404, `There is no ${name} ${JSON.stringify(id)}.`);
    return item;
  }
  async function respond(id: string, extra: Readonly<Record<string, unknown>> = {}): Promise<JsonReply> {
    const item = await find(id);
    return json({ ...shown(item), ...extra }, { version: item.version });
  }
  async function change(request: ChangeRequest, write: Write<Item>): Promise<void> {
    const before = await find(request.id);
    if (request.ifMatch !== undefined && request.ifMatch !== before.version) {
      throw new Problem(412, `The ${name} has been changed since you read it. Read it again.`, {
        headers: { etag: `"${before.version}"` },
      });
    }
    const isWritten = await write(before, auditOf(request));
    if (isWritten === false) {
      throw new Problem(409, `Another request changed the ${name} at the same moment. Read it again.`);
    }
    if (isWritten) await parts.changed();
  }
  return {
    find,
    respond,
    auditOf,
    async update(request, write, extra) {
      await change(request, write);
      return await respond(request.id, extra);
    },
    async remove(request, write) {
      await change(request, write);
      return new Response(null, { status: 204 });
    },
  };
}
