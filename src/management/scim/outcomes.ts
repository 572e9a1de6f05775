/** What a directory gets if the store did not write. */

import {
  type DirectoryOutcome,
  MAX_CHANGED_MEMBERS,
  MAX_DIRECTORY_GROUPS,
  MAX_DIRECTORY_USERS,
} from "../../storage/directory_store.ts";
import { StoreError } from "../../storage/store.ts";
import { Lines } from "../api/lines.ts";
import { ScimError, wrong } from "./scim_error.ts";

/** How often a change is tried, because another instance may change the record at the same time. */
const MAX_TRIES = 20;
/** The most changes of one record that wait for each other. */
const MAX_WAITING = 100;

/** A kind of record in messages. */
type Kind = "user" | "group";

/**
 * Whether a write was done. Resolves with `false` if the write can be tried again: the record has changed
 * since it was read, or `isOther` finds that a name is in use that is not of the directory. Throws a
 * {@link ScimError} for other outcomes, and if another record has a name of this one.
 */
export async function wasDone(
  kind: Kind,
  write: Promise<DirectoryOutcome>,
  isOther: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<boolean> {
  const outcome = await write.catch(async (error): Promise<DirectoryOutcome> => {
    if (!(error instanceof StoreError) || error.kind !== "taken") throw error;
    if (await isOther()) return { kind: "stale" };
    const names = kind === "user" ? "userName or externalId" : "displayName";
    throw new ScimError(409, `Another ${kind} has this ${names}.`, { scimType: "uniqueness" });
  });
  switch (outcome.kind) {
    case "done":
      return true;
    case "stale":
      return false;
    case "missing":
      throw notFound(kind);
    case "last admin":
      throw new ScimError(
        409,
        "The person is the last administrator, whom a directory can neither disable nor remove. Add another " +
          "administrator first, or disable the person in the proxy.",
        { scimType: "mutability" },
      );
    case "full": {
      const most = kind === "user" ? MAX_DIRECTORY_USERS : MAX_DIRECTORY_GROUPS;
      throw new ScimError(409, `The directory has ${most} ${kind}s, which is the limit.`, {
        scimType: "tooMany",
      });
    }
    case "too many":
      throw new ScimError(
        413,
        `The request changes more than ${MAX_CHANGED_MEMBERS} members of a group: use several requests.`,
        { scimType: "tooMany" },
      );
    case "unknown member":
      throw wrong("invalidValue", `No user has the id ${JSON.stringify(outcome.id)}.`);
    default:
      return outcome satisfies never;
  }
}

/**
 * The changes of records. Those of one record wait for each other, because a directory sends many at the same
 * time, such as one for each new member of a group. So only another instance can be faster than a change.
 */
export class RecordChanges {
  readonly #lines = new Lines({ atOnce: 1, mostWaiting: MAX_WAITING });

  /**
   * Tries a change until it is done. `attempt` reads the record, and resolves with `undefined` if another
   * instance has changed it before the write. Throws a {@link ScimError} after {@link MAX_TRIES}, and if too
   * many changes wait.
   */
  async untilDone<Result>(id: string, attempt: () => Promise<Result | undefined>): Promise<Result> {
    const done = this.#lines.run(id, () => tried(attempt));
    if (done === undefined) throw tooMany();
    return await done;
  }
}

async function tried<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw tooMany();
}

function tooMany(): ScimError {
  return new ScimError(503, "Other requests change the record at the same time: try again.", {
    headers: { "retry-after": "1" },
  });
}

/** The error for an id that no record of the directory has. */
export function notFound(kind: Kind): ScimError {
  return new ScimError(404, `The directory has no ${kind} with this id.`);
}
