/** Audit log entries of changes. */

import { harmlessText, harmlessValue } from "../../text/harmless_text.ts";
import type { NewAuditEntry } from "../../storage/audit_store.ts";
import type { RouteParts } from "./parts.ts";

/** The longest texts of clients in an entry, in characters. Longer texts are cut. */
const MAX_SOURCE = 64;
const MAX_TEXT = 200;

/**
 * Makes the function that makes audit log entries: of an address, an action, the id of its subject, and
 * changes.
 */
export function auditor(
  { clock, actor }: {
    readonly clock: Pick<RouteParts["clock"], "epochMs">;
    readonly actor: Pick<RouteParts["actor"], "name">;
  },
) {
  return (
    source: string,
    action: string,
    subjectId: string,
    changes: Readonly<Record<string, unknown>>,
  ): NewAuditEntry => ({
    at: clock.epochMs(),
    actor: actor.name,
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

/** The body of a request for the audit log. Provider keys are replaced by `set` or `removed`. */
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
