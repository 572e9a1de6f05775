/** `deno task schema`: writes the JSON Schema of configuration files from the schema that validates them. */

import { toJsonSchema } from "@valibot/to-json-schema";
import { fileSchema } from "../config/sources/file_schema.ts";

const schema = toJsonSchema(fileSchema, { typeMode: "input", errorMode: "ignore" });
const path = new URL("../config/config.schema.json", import.meta.url);
await Deno.writeTextFile(path, `${JSON.stringify(schema, null, 2)}\n`);
