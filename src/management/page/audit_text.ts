/** Texts for the entries of the audit log. */

import type { AuditEntry } from "./api.ts";

const ACTIONS: Readonly<Record<string, string>> = {
  "admin.sign_in": "signed in",
  "admin.sign_out": "signed out",
  "access.refused": "access rejected",
  "backup.create": "downloaded a backup",
  "system.reload": "reloaded the configuration",
  "system.stop": "stopped the proxy",
  "database.restore": "restored a backup",
};

/** The action of an entry. Changes of projects and tokens keep the API's names, such as `token.create`. */
export function actionText({ action }: AuditEntry): string {
  return ACTIONS[action] ?? action;
}

/** The changed settings with their new values; for rejected access, the number of attempts of each kind. */
export function changesText(changes: AuditEntry["changes"]): string {
  return Object.entries(changes).map(([name, value]): string => {
    if (value === null) return `${name} removed`;
    const text = Array.isArray(value) ? value.map(valueText).join("; ") || "none" : valueText(value);
    return `${name}: ${text}`;
  }).join(", ");
}

function valueText(value: unknown): string {
  return typeof value === "object" && value !== null ? changesText({ ...value }) : String(value);
}
