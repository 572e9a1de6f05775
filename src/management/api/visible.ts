/** Removes the members of a response that a role may not see, by its schema. */

import * as v from "valibot";
import type { Role } from "../../people/role.ts";

type Schema = v.GenericSchema;
/** The mark of a hidden member in the metadata of its schema. */
interface Hidden {
  readonly hiddenFrom: readonly Role[];
}

/** The roles that are not `admin`. */
export const ALL_BUT_ADMIN = ["manager", "member", "viewer"] as const satisfies readonly Role[];

/**
 * A member of a response that some roles may not see. Their responses do not have the member, so that its
 * type is optional.
 */
export function hiddenFrom<const Of extends Schema>(roles: readonly Role[], schema: Of) {
  const mark: Hidden = { hiddenFrom: roles };
  return v.optional(v.pipe(schema, v.metadata({ ...mark })));
}

/** The roles that may not see a member with a schema. */
export function hiddenRoles(schema: Schema): readonly Role[] {
  const { pipe = [], wrapped } = partsOf(schema);
  const own = pipe.flatMap(({ type, metadata }) => type === "metadata" ? metadata?.hiddenFrom ?? [] : []);
  return wrapped === undefined ? own : [...own, ...hiddenRoles(wrapped)];
}

/**
 * The value of a response as a role sees it. An object keeps the members of its schema, so that a member that
 * no schema declares is not shown.
 */
export function visible(schema: Schema, value: unknown, role: Role): unknown {
  const { type, item, value: ofValues } = inside(schema);
  const members = membersOf(schema);
  if (value === null || value === undefined) return value;
  if (Array.isArray(value)) {
    return item === undefined ? value : value.map((one) => visible(item, one, role));
  }
  if (typeof value !== "object") return value;
  if (members !== undefined) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, one]) => {
        const of = members[name];
        // Only a loose object has members that its schema does not name.
        if (of === undefined) return type === "loose_object" ? [[name, one]] : [];
        return hiddenRoles(of).includes(role) ? [] : [[name, visible(of, one, role)]];
      }),
    );
  }
  if (type !== "record" || ofValues === undefined) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, visible(ofValues, one, role)]));
}

/** The schemas of the members of an object; `undefined` for another schema. */
export function membersOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return inside(schema).entries;
}

/** The schema of the items of an array or of the values of a record. */
export function itemOf(schema: Schema): Schema | undefined {
  const { item, value } = inside(schema);
  return item ?? value;
}

/** What schemas of objects, arrays, records, optional values and pipes have, in the terms of valibot. */
interface Parts {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly value?: Schema;
  readonly wrapped?: Schema;
  readonly pipe?: readonly { readonly type: string; readonly metadata?: Partial<Hidden> }[];
}

function partsOf(schema: Schema): Parts {
  // The types of valibot do not relate a generic schema to the members of its kinds.
  return schema as unknown as Parts;
}

/** The schema within optional and nullable ones. */
function inside(schema: Schema): Parts {
  const parts = partsOf(schema);
  return parts.wrapped === undefined ? parts : inside(parts.wrapped);
}
