/** The schema of the tables `[[auth.jwt]]`. */

import * as v from "valibot";
import { issuerSchema, keysUrlSchema, proxyUrlSchema } from "../values/address_values.ts";
import { JWT_ALGORITHMS } from "../values/jwt_algorithms.ts";
import { clockSkewSchema, nameSchema, textSchema } from "../values/values.ts";
import { number, text, wrongKind } from "./file_fields.ts";

const ruleSchema = v.strictObject({
  claim: text(textSchema, "the claim; dots lead into tables, like realm_access.roles"),
  value: text(textSchema, "the value of the claim, or one value of its list"),
  project: text(textSchema, "the name of the project"),
}, wrongKind("a table"));

const algorithmSchema = v.picklist(
  JWT_ALGORITHMS,
  ({ input }) =>
    `${JSON.stringify(input)} is not one of ${
      JWT_ALGORITHMS.join(", ")
    }: only the provider has the private key of these`,
);

const audienceSchema = v.optional(v.pipe(
  v.union(
    [v.string(), v.array(v.string(wrongKind("a string")))],
    wrongKind("a string or a list of strings"),
  ),
  v.description("the name of this proxy in the tokens (aud), or a list of names"),
  v.transform((names) => typeof names === "string" ? [names] : names),
  v.check((names) => names.length > 0 && !names.includes(""), "is empty"),
));

/**
 * Makes the schema of one table. `limits` is the schema of the limits of a token, which each person has too.
 */
export function jwtSchemaWith<Limits extends v.GenericSchema>(limits: Limits) {
  return v.strictObject({
    name: text(nameSchema, "the name of the provider in the log"),
    issuer: text(issuerSchema, "the issuer of the tokens (iss), exactly as the provider writes it"),
    audience: audienceSchema,
    jwks_uri: text(keysUrlSchema, "the URL of the provider's public keys; default: from its metadata"),
    jwks_file: text(textSchema, "a file with the provider's public keys, in place of a URL"),
    algorithms: v.optional(v.pipe(
      v.array(algorithmSchema, wrongKind("a list")),
      v.description("the algorithms of signatures that are accepted; default: all that the proxy knows"),
    )),
    clock_skew: number(clockSkewSchema, "how much the clocks of the provider and the proxy may differ"),
    subject_claim: text(textSchema, "the claim that identifies a person; it must never change"),
    name_claim: text(
      textSchema,
      "the claim with the name of the person for the log and usage; default: subject_claim",
    ),
    projects: v.optional(v.pipe(
      v.array(ruleSchema, wrongKind("a list of tables")),
      v.description("the project by a claim; the first rule that matches counts"),
    )),
    default_project: text(
      textSchema,
      "the project of tokens that match no rule; unset: the proxy refuses them",
    ),
    limits,
    proxy_url: text(proxyUrlSchema, 'the URL of a forward proxy (http, https, socks5), or "direct"'),
    ca_file: text(textSchema, "a PEM file with certificates to trust besides those of the system"),
  }, wrongKind("a table"));
}

/** One rule of `projects`, as it is in the file. */
export type JwtRuleSettings = v.InferOutput<typeof ruleSchema>;
