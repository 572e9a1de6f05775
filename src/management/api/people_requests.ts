/** Schemas of the requests about people, sessions and management tokens. */

import * as v from "valibot";
import { MAX_PASSPHRASE, MIN_PASSPHRASE } from "../../people/passphrase_length.ts";
import { ROLES, TOKEN_ROLES } from "../../people/role.ts";
import { id, moment, shownText } from "./common_schemas.ts";

const MAX_NAME = 100;
const MAX_PROJECTS = 200;

/** The schema of a name that people see. */
export const name = v.pipe(
  shownText,
  v.trim(),
  v.nonEmpty("is empty"),
  v.maxLength(MAX_NAME, `is longer than ${MAX_NAME} characters`),
  v.description("any text, for people"),
);
const projects = v.pipe(
  v.union(
    [v.literal("all"), v.pipe(v.array(id), v.maxLength(MAX_PROJECTS))],
    'is not "all" or a list of ids of projects',
  ),
  v.description("the ids of the projects, or all"),
);

/** The schema of the body that adds a person. */
export const personCreation = v.strictObject({
  login: v.pipe(shownText, v.description("the name to sign in with, such as an e-mail address")),
  name: v.optional(name),
  role: v.picklist(ROLES),
  projects: v.optional(projects),
});

/** The schema of the body that changes a person. */
export const personChange = v.strictObject({
  name: v.optional(name),
  role: v.optional(v.picklist(ROLES)),
  projects: v.optional(projects),
  disabled: v.optional(v.boolean()),
});

/** The schema of the body that changes the own passphrase. */
export const passphraseChange = v.strictObject({
  current: v.pipe(v.string(), v.maxLength(1000)),
  new: v.pipe(
    v.string(),
    v.minLength(MIN_PASSPHRASE, `is shorter than ${MIN_PASSPHRASE} characters`),
    v.maxLength(MAX_PASSPHRASE, `is longer than ${MAX_PASSPHRASE} characters`),
  ),
});

/** The schema of the body that renames a passkey. */
export const passkeyChange = v.strictObject({ name });

/** The schema of the body that creates a management token. */
export const managementTokenCreation = v.strictObject({
  name,
  role: v.pipe(
    v.picklist(TOKEN_ROLES),
    v.description("scim: the token of a directory, which may use SCIM and nothing else"),
  ),
  projects: v.optional(projects),
  expires_at: v.nullish(moment),
});
