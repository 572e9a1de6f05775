/** What changes of projects and tokens have in common: their entry in the audit log, and their conflicts. */

import { harmlessText, harmlessValue } from "../../text/harmless_text.ts";
import type { NewAuditEntry } from "../../storage/store.ts";
import type { ManageParts } from "./parts.ts";
import { Problem } from "./problem.ts";

/** How much of what a client sent is kept in an entry, in characters. */
const MAX_SOURCE = 64;
const MAX_TEXT = 200;

/** Makes entries of the audit log. */
export function auditor({ clock, actor }: Pick<ManageParts, "clock" | "actor">) {
  return (
    source: string,
    action: string,
    subjectId: string,
    changes: Readonly<Record<string, unknown>>,
  ): NewAuditEntry => ({
    at: clock.epochMs(),
    actor,
    source: harmlessText(source, MAX_SOURCE),
    action,
    subjectId: harmlessText(subjectId, MAX_TEXT),
    changes: Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [
        harmlessText(name, MAX_TEXT),
        harmlessValue(value, MAX_TEXT),
      ]),
    ),
  });
}

/** What the audit log may hold of a request: of keys only that they were set. */
export function auditable(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const keys = body["provider_keys"];
  return {
    ...body,
    ...(typeof keys === "object" && keys !== null && {
      provider_keys: Object.fromEntries(
        Object.entries(keys).map(([endpoint, key]) => [endpoint, key === null ? "removed" : "set"]),
      ),
    }),
  };
}

/** Throws `412` where the client saw another version. */
export function checkVersion({ version }: { version: number }, ifMatch: number | undefined): void {
  if (ifMatch !== undefined && ifMatch !== version) {
    throw new Problem(412, "It has been changed since you read it: read it again.", {
      headers: { etag: `"${version}"` },
    });
  }
}

/** Somebody else was faster. */
export function changedMeanwhile(): Problem {
  return new Problem(409, "It was changed by somebody else at the same moment: read it again.");
}
