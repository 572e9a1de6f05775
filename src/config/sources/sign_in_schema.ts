/** The schema of the tables `[[management.sign_in]]`. */

import * as v from "valibot";
import { issuerSchema, proxyUrlSchema } from "../values/address_values.ts";
import { ROLES, SIGN_IN_PRESET_NAMES } from "../values/sign_in_presets.ts";
import { nameSchema, secretSchema, textSchema } from "../values/values.ts";
import { list, text, word, wrongKind } from "./file_fields.ts";

const allowSchema = v.optional(v.pipe(
  v.strictObject({
    domains: list(textSchema, "domains of verified email addresses, like example.com"),
    groups: list(textSchema, "groups of the provider"),
    emails: list(textSchema, "verified email addresses"),
  }, wrongKind("a table")),
  v.description("who may sign in: people who match one of the lists; default: everyone with a role"),
));

const roleSchema = v.picklist(
  ROLES,
  ({ input }) => `${JSON.stringify(input)} is not one of ${ROLES.join(", ")}`,
);

/** The schema of one table. */
export const signInSchema = v.strictObject({
  name: text(nameSchema, "the name of the provider in its URL: /admin/sign-in/NAME"),
  title: text(textSchema, "the name on the button; default: the name of the preset"),
  preset: word(SIGN_IN_PRESET_NAMES, "the kind of provider: sets the defaults of the other keys"),
  issuer: text(issuerSchema, "the URL that the provider has as issuer, exactly as the provider writes it"),
  client_id: text(textSchema, "the name that the provider gave to this proxy"),
  client_secret: text(
    secretSchema,
    "the secret that the provider gave to this proxy; unset: none, with PKCE alone",
  ),
  client_secret_file: text(textSchema, "a file with the secret, in place of client_secret"),
  scopes: list(
    textSchema,
    "what the proxy requests of the provider; openid is necessary, except with GitHub",
  ),
  groups_claim: text(
    textSchema,
    "the claim with the groups of a person; dots lead into tables, like realm_access.roles",
  ),
  allow: allowSchema,
  roles: v.optional(v.pipe(
    v.record(v.string(), roleSchema, wrongKind("a table")),
    v.description("roles by group; the highest counts: admin, manager, member, viewer"),
  )),
  projects: v.optional(v.pipe(
    v.record(v.string(), v.array(v.pipe(v.string(), textSchema), wrongKind("a list")), wrongKind("a table")),
    v.description("names of projects by group"),
  )),
  default_role: word(ROLES, "the role of people without a group in roles; unset: they cannot sign in"),
  proxy_url: text(proxyUrlSchema, 'the URL of a forward proxy (http, https, socks5), or "direct"'),
  ca_file: text(textSchema, "a PEM file with certificates to trust besides those of the system"),
}, wrongKind("a table"));

/** One table, as it is in the file. */
export type SignInSettings = v.InferOutput<typeof signInSchema>;
