/** Schemas of the responses about people, sessions and management tokens. */

import * as v from "valibot";
import { ROLES } from "../../people/role.ts";
import { id, moment } from "./common_schemas.ts";

const projects = v.union([v.literal("all"), v.array(id)]);

/** The response schema of who makes a request. */
export const self = v.object({
  kind: v.picklist(["person", "management token", "bootstrap", "command line"]),
  id: v.pipe(v.nullable(id), v.description("null unless you are a person")),
  name: v.pipe(v.string(), v.description("as in the audit log")),
  role: v.picklist(ROLES),
  projects,
  provider: v.pipe(
    v.nullable(v.string()),
    v.description("the provider that you sign in with; null for a passphrase, and unless you are a person"),
  ),
});

/** The response schema of a person. */
export const person = v.object({
  id,
  login: v.string(),
  name: v.string(),
  role: v.picklist(ROLES),
  projects,
  disabled: v.boolean(),
  provider: v.pipe(
    v.nullable(v.string()),
    v.description("the provider that the person signs in with; null for a passphrase"),
  ),
  created_at: moment,
  updated_at: moment,
});

/** The response schema of an invitation. */
export const invitation = v.object({
  path: v.pipe(v.string(), v.description("the link without the address of the proxy; it is shown only once")),
  urls: v.pipe(
    v.array(v.string()),
    v.description("the link at PUBLIC_URL, or else at each address of the proxy"),
  ),
  at_public_url: v.pipe(v.boolean(), v.description("whether the proxy has a PUBLIC_URL")),
  expires_at: moment,
});

/** The response schema of a session. */
export const session = v.object({
  id,
  person_id: v.pipe(v.nullable(id), v.description("null for MANAGEMENT_TOKEN")),
  person_name: v.nullable(v.string()),
  way: v.pipe(v.string(), v.description("how the person signed in")),
  current: v.pipe(v.boolean(), v.description("whether this request belongs to the session")),
  created_at: moment,
  last_used_at: v.pipe(moment, v.description("up to a minute ago")),
  confirmed_at: v.pipe(
    v.nullable(moment),
    v.description("when the person last proved who they are; null if the provider does not state it"),
  ),
  address: v.string(),
  browser: v.string(),
});

/** The response schema of a passkey. */
export const passkey = v.object({
  id,
  person_id: id,
  person_name: v.string(),
  name: v.string(),
  host: v.pipe(v.string(), v.description("the host name of the admin page where browsers offer the passkey")),
  synced: v.pipe(v.boolean(), v.description("whether there are copies of it, such as in an account")),
  state: v.pipe(
    v.picklist(["active", "blocked"]),
    v.description("blocked: its counter went back, so there may be a copy of the authenticator"),
  ),
  created_at: moment,
  last_used_at: v.nullable(moment),
});

const managementTokenEntries = {
  id,
  name: v.string(),
  role: v.picklist([...ROLES, "scim"]),
  projects,
  person_id: v.pipe(
    v.nullable(id),
    v.description("whose login on another machine it is: it may do what this person may do"),
  ),
  token_suffix: v.string(),
  state: v.pipe(
    v.picklist(["active", "suspended", "expired", "revoked"]),
    v.description("suspended: the directory says that the person who made the token is not active"),
  ),
  made_by: v.string(),
  expires_at: v.nullable(moment),
  last_used_at: v.pipe(v.nullable(moment), v.description("up to a minute ago")),
  revoked_at: v.nullable(moment),
  created_at: moment,
};
/** The response schema of a management token, without its value. */
export const managementToken = v.object(managementTokenEntries);
/** The response schema of a management token with its value, which is shown once. */
export const newManagementToken = v.object({ ...managementTokenEntries, token: v.string() });
