/** What a directory gets if the store did not write. */

import {
  type DirectoryOutcome,
  MAX_CHANGED_MEMBERS,
  MAX_DIRECTORY_GROUPS,
  MAX_DIRECTORY_USERS,
} from "../../storage/directory_store.ts";
import { StoreError } from "../../storage/store.ts";
import { ScimError, wrong } from "./scim_error.ts";

/** How often a change is tried, because another request may change the record at the same time. */
const MAX_TRIES = 5;

/** A kind of record in messages. */
type Kind = "user" | "group";

/**
 * Whether a write was done. Resolves with `false` if the record has changed since it was read, so that the
 * write can be tried again. Throws a {@link ScimError} for other outcomes, and if a name is in use.
 */
export async function wasDone(kind: Kind, write: Promise<DirectoryOutcome>): Promise<boolean> {
  const outcome = await write.catch((error) => {
    if (!(error instanceof StoreError) || error.kind !== "taken") throw error;
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
 * Tries a change until it is done. `attempt` reads the record, and resolves with `undefined` if another
 * request has changed it before the write. Throws a {@link ScimError} after {@link MAX_TRIES}.
 */
export async function untilDone<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw new ScimError(503, "Other requests change the record at the same time: try again.", {
    headers: { "retry-after": "1" },
  });
}

/** The error for an id that no record of the directory has. */
export function notFound(kind: Kind): ScimError {
  return new ScimError(404, `The directory has no ${kind} with this id.`);
}
