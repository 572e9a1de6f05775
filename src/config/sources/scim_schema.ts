/** The schema of the table `[management.scim]`. */

import * as v from "valibot";
import { nameSchema, textSchema } from "../values/values.ts";
import { text, toggle, wrongKind } from "./file_fields.ts";

/** The schema of `[management.scim]`, by which the file is checked. */
export const scimSchema = v.strictObject({
  provider: text(nameSchema, "the provider of sign_in whose people the directory writes, by its name"),
  claim: text(
    textSchema,
    "the claim of the provider that has the externalId of the directory; default: oid with the preset microsoft, else sub",
  ),
  groups: toggle(
    "the groups of the directory set roles and projects, by the tables roles and projects of the provider, " +
      "in place of the groups of a sign-in",
  ),
}, wrongKind("a table"));

/** The table, as it is in the file. */
export type ScimSettings = v.InferOutput<typeof scimSchema>;
