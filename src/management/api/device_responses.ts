/** Schemas of the requests and responses about logins of commands on other machines. */

import * as v from "valibot";
import { ROLES } from "../../people/role.ts";
import { id, moment } from "./common_schemas.ts";

/** The longest text that may be a user code, in characters. */
const MAX_CODE = 40;

/** The schema of the body that finds a login. */
export const userCode = v.strictObject({
  user_code: v.pipe(v.string(), v.maxLength(MAX_CODE), v.description("the code that the command shows")),
});

/** The response schema of a login that waits for a decision. */
export const deviceLogin = v.object({
  id,
  user_code: v.string(),
  machine: v.pipe(v.string(), v.description("as the command names it")),
  address: v.pipe(v.string(), v.description("the address that the request came from")),
  same_address: v.pipe(v.boolean(), v.description("whether you have this address too")),
  created_at: moment,
  expires_at: moment,
  role: v.pipe(v.picklist(ROLES), v.description("what the token may do: your role")),
  project_names: v.pipe(v.union([v.literal("all"), v.array(v.string())]), v.description("your projects")),
  token_expires_at: v.pipe(moment, v.description("the end of the token, if you confirm now")),
});

/** The response schema of a begun login (RFC 8628, 3.2). */
export const deviceCode = v.object({
  device_code: v.string(),
  user_code: v.string(),
  verification_uri: v.string(),
  expires_in: v.pipe(v.number(), v.description("seconds")),
  interval: v.pipe(v.number(), v.description("seconds between two polls")),
});

/** The response schema of a confirmed login (RFC 6749, 5.1), and what the token may do. */
export const deviceToken = v.object({
  access_token: v.pipe(v.string(), v.description("a management token")),
  token_type: v.string(),
  expires_in: v.pipe(v.number(), v.description("seconds")),
  token_id: id,
  name: v.string(),
  person: v.nullable(v.string()),
  role: v.picklist(ROLES),
  projects: v.union([v.literal("all"), v.array(id)]),
  expires_at: moment,
});

/** The response schema of an error (RFC 6749, 5.2 and RFC 8628, 3.5). */
export const deviceError = v.object({
  error: v.picklist([
    "authorization_pending",
    "slow_down",
    "access_denied",
    "expired_token",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "unsupported_grant_type",
  ]),
  error_description: v.optional(v.string()),
});
