/** Entries of the audit log in plain words. */

import type { AuditEntry } from "./api.ts";

const ACTIONS: Readonly<Record<string, string>> = {
  "admin.sign_in": "signed in",
  "admin.sign_out": "signed out",
  "access.refused": "refused",
  "backup.create": "made a backup",
  "system.reload": "reloaded the configuration",
  "system.stop": "stopped the proxy",
  "database.restore": "restored a backup",
};

/** What was done. Changes of projects and tokens keep the names that the API gives them. */
export function actionText({ action }: AuditEntry): string {
  return ACTIONS[action] ?? action;
}

/** What was set, what was taken away, and how often somebody was refused. */
export function changesText(changes: AuditEntry["changes"]): string {
  return Object.entries(changes).map(([name, value]): string => {
    if (value === null) return `${name} removed`;
    if (typeof value !== "object") return `${name}: ${value}`;
    return `${name}: ${Array.isArray(value) ? value.join(" ") || "nothing" : changesText({ ...value })}`;
  }).join(", ");
}
