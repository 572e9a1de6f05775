/** The audit log in a store. */

import type { Listed, Page } from "./page.ts";

/** The action of audit entries about rejected sign-ins and wrong management tokens. */
export const REFUSED_ACCESS = "access.refused";

/** An entry of the audit log: a change, a sign-in, or rejected sign-ins. */
export interface AuditEntry {
  readonly id: number;
  readonly at: number;
  /** Who made the change: `management token`, `admin page` or `command line`. */
  readonly actor: string;
  /** The IP address that the request came from. */
  readonly source: string;
  /** What happened: `token.create`, `project.update`, … */
  readonly action: string;
  readonly subjectId: string;
  /** The requested changes, or the number of rejected attempts. Never contains a secret. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** An audit entry to write. The store writes the entry of a change in the transaction of the change. */
export type NewAuditEntry = Omit<AuditEntry, "id">;

/** Writes and reads the audit log. Every method may throw a `StoreError`. */
export interface AuditStore {
  /** Writes an audit entry that belongs to no change. */
  readonly addAudit: (entry: NewAuditEntry) => Promise<void>;
  readonly listAudit: (page: Page) => Promise<Listed<AuditEntry>>;
}
