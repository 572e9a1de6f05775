/** Tables of access that many routes have, and the table of what is not a route of the management API. */

import type { Access } from "../../people/role.ts";

/** What concerns the whole proxy. */
export const ADMIN_ONLY: Access = { admin: "all", manager: "denied", member: "denied", viewer: "denied" };
/** What each person needs to use the proxy. */
export const ALL_ROLES: Access = { admin: "all", manager: "all", member: "all", viewer: "all" };
/** What people see and do of themselves, and administrators of all people. */
export const OWN_OR_ALL: Access = { admin: "all", manager: "own", member: "own", viewer: "own" };
/** What people see and do of themselves. */
export const OWN: Access = { admin: "own", manager: "own", member: "own", viewer: "own" };

/**
 * How far each role reaches in the parts of the management plane that are not routes of the API. Metrics are
 * sums of all projects, so a viewer needs all projects.
 */
export const SURFACES = {
  "the OpenAPI document": ALL_ROLES,
  // Without a credential: a person confirms what a command asks for.
  "/manage/device": ALL_ROLES,
  "/metrics": { admin: "all", manager: "denied", member: "denied", viewer: "projects" },
  "/admin/docs": ALL_ROLES,
  // Only a browser in a session of a person can add a passkey, for this person.
  "/admin/session/passkeys": OWN,
  // The person sends a request of a client, with a token of a client.
  "/admin/try": ALL_ROLES,
} as const satisfies Record<string, Access>;
