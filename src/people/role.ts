/** The roles of people and of management tokens, and how far each of them reaches. */

/**
 * What a person or a management token may do. `admin`: everything. `manager`: the tokens, the usage and the
 * requests of their projects. `member`: their own tokens and their own usage. `viewer`: read the tokens, the
 * usage and the requests of their projects, and change nothing.
 */
export const ROLES = ["admin", "manager", "member", "viewer"] as const;
/** A member of {@link ROLES}. */
export type Role = typeof ROLES[number];

/** The roles of management tokens for the API. A member has own things, which only a person can have. */
export const API_TOKEN_ROLES = ["admin", "manager", "viewer"] as const satisfies readonly Role[];
/** A member of {@link API_TOKEN_ROLES}. */
export type ApiTokenRole = typeof API_TOKEN_ROLES[number];

/**
 * The roles of management tokens. A token with the role `scim` is for a directory: it may write people and
 * groups with SCIM, and nothing else.
 */
export const TOKEN_ROLES = [...API_TOKEN_ROLES, "scim"] as const;
/** A member of {@link TOKEN_ROLES}. */
export type TokenRole = typeof TOKEN_ROLES[number];

/**
 * How far a role reaches at one route. `all`: everything. `projects`: what belongs to the projects of the
 * actor. `own`: what belongs to the actor. `denied`: the role may not use the route.
 */
export type Reach = "all" | "projects" | "own" | "denied";

/** How far each role reaches at one route. */
export type Access = Readonly<Record<Role, Reach>>;

/** The projects of a person or of a management token, by their ids. */
export type Projects = "all" | readonly string[];
