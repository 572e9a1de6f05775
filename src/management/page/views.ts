/** Which role has which view of the page and which of its buttons. The API decides; a test compares both. */

import type { Role } from "../../people/role.ts";

const EVERY_ROLE: readonly Role[] = ["admin", "manager", "member", "viewer"];
const NOT_MEMBER: readonly Role[] = ["admin", "manager", "viewer"];
const ADMIN: readonly Role[] = ["admin"];

interface ViewSettings {
  readonly label: string;
  /** The label for a member, if a member sees only the own things in the view. */
  readonly memberLabel?: string;
  readonly roles: readonly Role[];
  /** The routes of the API that the view reads. */
  readonly reads: readonly string[];
}

/** The views in the order of the navigation, by the name in the address (`#tokens`). */
export const VIEWS = {
  dashboard: {
    label: "Dashboard",
    memberLabel: "My usage",
    roles: EVERY_ROLE,
    reads: ["get /usage", "get /projects", "get /tokens", "get /endpoints"],
  },
  requests: {
    label: "Requests",
    roles: NOT_MEMBER,
    reads: ["get /exchanges", "get /exchanges/live", "get /tokens"],
  },
  projects: { label: "Projects", roles: NOT_MEMBER, reads: ["get /projects"] },
  tokens: {
    label: "Tokens",
    memberLabel: "My tokens",
    roles: EVERY_ROLE,
    reads: ["get /tokens", "get /projects"],
  },
  connect: {
    label: "Connect",
    roles: EVERY_ROLE,
    reads: ["get /connect", "get /endpoints", "post /connect", "post /qr"],
  },
  endpoints: { label: "Endpoints", roles: NOT_MEMBER, reads: ["get /endpoints"] },
  people: { label: "People", roles: ADMIN, reads: ["get /people", "get /projects"] },
  audit: { label: "Audit log", roles: ADMIN, reads: ["get /audit"] },
  system: { label: "System", roles: ADMIN, reads: ["get /system", "get /health", "get /backup"] },
  account: {
    label: "My account",
    roles: EVERY_ROLE,
    reads: ["get /me", "get /sessions", "get /passkeys", "get /management-tokens"],
  },
} as const satisfies Record<string, ViewSettings>;
/** The name of a view in the address of the page. */
export type ViewName = keyof typeof VIEWS;

/** What the buttons of the page do, each with the routes that it calls. */
export const ACTIONS = {
  changeProjects: {
    roles: ADMIN,
    calls: [
      "post /projects",
      "get /projects/{id}",
      "patch /projects/{id}",
      "delete /projects/{id}",
      "post /projects/{id}/delete",
    ],
  },
  revokeProject: { roles: ["admin", "manager"], calls: ["post /projects/{id}/tokens/revoke"] },
  changeTokens: {
    roles: ["admin", "manager", "member"],
    calls: [
      "post /tokens",
      "get /tokens/{id}",
      "patch /tokens/{id}",
      "delete /tokens/{id}",
      "post /tokens/{id}/delete",
      "post /tokens/{id}/rotate",
    ],
  },
  probe: { roles: ADMIN, calls: ["post /endpoints/{id}/try"] },
  changePeople: {
    roles: ADMIN,
    calls: [
      "post /people",
      "get /people/{id}",
      "patch /people/{id}",
      "delete /people/{id}",
      "post /people/{id}/invitation",
    ],
  },
  changeWaysIn: {
    roles: EVERY_ROLE,
    calls: ["post /me/passphrase", "patch /passkeys/{id}", "delete /passkeys/{id}"],
  },
  endSessions: { roles: EVERY_ROLE, calls: ["delete /sessions/{id}"] },
  revokeLogins: { roles: EVERY_ROLE, calls: ["delete /management-tokens/{id}"] },
  decideAboutLogins: {
    roles: EVERY_ROLE,
    calls: [
      "post /device-logins/find",
      "post /device-logins/{id}/confirm",
      "post /device-logins/{id}/refuse",
    ],
  },
} as const satisfies Record<string, { roles: readonly Role[]; calls: readonly string[] }>;
/** A kind of change that buttons of the page make: a key of {@link ACTIONS}. */
export type Action = keyof typeof ACTIONS;

/** The views of a role, in the order of the navigation. The first one is the start page. */
export function viewsOf(role: Role): { readonly name: ViewName; readonly label: string }[] {
  return (Object.entries(VIEWS) as [ViewName, ViewSettings][])
    .filter(([, { roles }]) => roles.includes(role))
    .map(([name, { label, memberLabel = label }]) => ({
      name,
      label: role === "member" ? memberLabel : label,
    }));
}

/** Whether a role has the buttons of an action. */
export function roleMay(role: Role, action: Action): boolean {
  const { roles }: { roles: readonly Role[] } = ACTIONS[action];
  return roles.includes(role);
}
