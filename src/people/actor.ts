/** Who makes a request to the management plane. */

import type { Access, Projects, Role } from "./role.ts";
import type { Scope } from "./scope.ts";

/** Who makes a request to the management plane. */
export interface Actor {
  /**
   * How the actor came in. `person`: by a session of the admin page, or by the token of their login on
   * another machine. `management token`: by another token of `/manage/management-tokens`. `bootstrap`: by the
   * token of the configuration, in a session or in a header. `command line`: by a command on this machine.
   */
  readonly kind: "person" | "management token" | "bootstrap" | "command line";
  /** `usr_…` or `mgt_…`; for the others, the kind. What is the actor's own has this id. */
  readonly id: string;
  readonly role: Role;
  readonly projects: Projects;
  /** The name in the audit log, with the way in: `anna (passphrase)`. */
  readonly name: string;
  /**
   * When the actor last proved who they are, in milliseconds since 1970. `undefined` if each request proves
   * it again, as a token in a header does.
   */
  readonly provenAt: number | undefined;
  /** The session of the request, `ses_…`; `undefined` without a session. */
  readonly sessionId: string | undefined;
  /** The person who made the management token of the actor; `undefined` for other actors. */
  readonly makerId?: string | undefined;
}

const OF_ALL = { role: "admin", projects: "all", provenAt: undefined, sessionId: undefined } as const;

/** A command on the machine of the proxy. */
export const COMMAND_LINE: Actor = {
  ...OF_ALL,
  kind: "command line",
  id: "command line",
  name: "command line",
};

/** The holder of the token of the configuration, who sends it with each request. */
export const BOOTSTRAP: Actor = { ...OF_ALL, kind: "bootstrap", id: "bootstrap", name: "management token" };

/** What an actor reaches at a route; `undefined` if their role may not use the route. */
export function scopeOf({ id, role, projects }: Actor, access: Access): Scope | undefined {
  const reach = access[role];
  switch (reach) {
    case "all":
      return { kind: "all" };
    case "projects":
      return projects === "all" ? { kind: "all" } : { kind: "projects", projects };
    case "own":
      return { kind: "own", owner: id, projects };
    case "denied":
      return undefined;
    default:
      return reach satisfies never;
  }
}
