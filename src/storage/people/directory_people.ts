/** What follows for people from a change of their directory, as work for any database. */

import type { DirectoryRules } from "../../people/directory.ts";
import { givenByGroups } from "../../people/group_rules.ts";
import type { Person } from "../../people/person.ts";
import { harmlessValue } from "../../text/harmless_text.ts";
import type { NewAuditEntry } from "../audit_store.ts";
import type { DirectoryWriter } from "../directory_store.ts";
import type { PersonChange } from "../people_store.ts";
import { text } from "../rows/row_values.ts";
import { ACTING_ADMIN, changePerson, findPerson } from "./people_work.ts";
import { all, first, type Work } from "./work.ts";

/** The longest text in an audit entry, in characters. */
const MAX_TEXT = 200;

/** A change of a person that follows from a change of the directory. */
export interface Consequence {
  readonly person: Person;
  readonly change: PersonChange;
}

/** The audit entry of a directory. */
export function entryOf(
  { actor, source, at }: DirectoryWriter,
  action: string,
  subjectId: string,
  changes: Readonly<Record<string, unknown>>,
): NewAuditEntry {
  const shown = Object.fromEntries(
    Object.entries(changes).filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, harmlessValue(value, MAX_TEXT)]),
  );
  return { actor, source, at, action, subjectId, changes: shown };
}

/** Reads the ids of projects by their names. Projects that do not exist are left out. */
export class ProjectIds {
  readonly #known = new Map<string, string | undefined>();

  /** The ids of named projects. */
  *of(names: readonly string[]): Work<string[]> {
    const ids: string[] = [];
    for (const name of names) {
      if (!this.#known.has(name)) {
        const row = yield* first("SELECT id FROM projects WHERE name = $1", name);
        this.#known.set(name, row && text(row, "id"));
      }
      const id = this.#known.get(name);
      if (id !== undefined) ids.push(id);
    }
    return ids.sort();
  }
}

/** What a person with these groups may do; `undefined` if it is what the person has. */
export function* givenTo(
  person: Person,
  groups: readonly string[],
  { rules, ids, isRecognised }: {
    readonly rules: DirectoryRules;
    readonly ids: ProjectIds;
    /** Whether the sign-in has let the person in, so that `allow` is satisfied. */
    readonly isRecognised: boolean;
  },
): Work<PersonChange | undefined> {
  const { role, projects } = givenByGroups(groups, rules);
  const change: Required<Pick<PersonChange, "role" | "projects">> =
    role === undefined || !isRecognised && !mayEnter(person, groups, rules)
      ? { role: "viewer", projects: [] }
      : { role, projects: role === "admin" ? "all" : yield* ids.of(projects) };
  return change.role === person.role && sameProjects(change.projects, person.projects) ? undefined : change;
}

/**
 * Whether the rules let a person in who is not here now. Only a sign-in knows verified addresses, so a person
 * whom they let in keeps the entry, and gets none from a group.
 */
function mayEnter(
  { role, projects }: Person,
  groups: readonly string[],
  { allowedGroups, allowedOthers }: DirectoryRules,
): boolean {
  if (allowedOthers === "all" || groups.some((group) => allowedGroups.includes(group))) return true;
  return allowedOthers === "recognised" && (role !== "viewer" || projects === "all" || projects.length > 0);
}

/** Whether no person could administer the proxy after the changes who can now. */
export function* losesLastAdmin(
  consequences: readonly Consequence[],
  removed: Person | undefined = undefined,
): Work<boolean> {
  const losing = new Set<string>(removed === undefined ? [] : [removed.id]);
  for (const { person, change } of consequences) {
    const isAdmin = (change.role ?? person.role) === "admin" && !(change.disabled ?? person.disabled);
    // All people of a directory can sign in.
    if (isAdmin) return false;
    losing.add(person.id);
  }
  if (losing.size === 0) return false;
  const admins = (yield* all(`SELECT id FROM people WHERE ${ACTING_ADMIN}`)).map((row) => text(row, "id"));
  return admins.length > 0 && admins.every((id) => losing.has(id));
}

/** Writes changes of people. */
export function* applyAll(consequences: readonly Consequence[], by: DirectoryWriter): Work<void> {
  const changed = new Set<string>();
  for (const { person, change } of consequences) {
    const now = changed.has(person.id) ? yield* findPerson(person.id) : person;
    if (now === undefined) continue;
    changed.add(person.id);
    const audit = entryOf(by, "person.update", person.id, { ...change });
    yield* changePerson(now, change, { audit, guard: { keepsAdmin: false } });
  }
}

function sameProjects(one: Person["projects"], other: Person["projects"]): boolean {
  const textOf = (projects: Person["projects"]) =>
    projects === "all" ? "all" : JSON.stringify([...projects].sort());
  return textOf(one) === textOf(other);
}
