/** Models in paths, which a model override replaces. */

import { assertEquals } from "@std/assert";
import { modelInPath } from "../../src/payload/model_in_path.ts";

for (
  const [path, name, changed] of [
    ["/v1beta/models/a%3AgenerateContent", "a", "/v1beta/models/b%3AgenerateContent"],
    ["/v1beta/models/a:generateContent", "a", "/v1beta/models/b:generateContent"],
    ["/model/arn%3Aaws%3Ax%2Fa/converse", "arn:aws:x/a", "/model/b/converse"],
    ["/model/arn:aws:x/a/converse", "arn:aws:x/a", "/model/b/converse"],
  ] as const
) {
  Deno.test(`the model in a path is replaced: ${path}`, () => {
    const found = modelInPath(path);
    assertEquals([found?.name, found?.isOnly, found?.withModel("b")], [name, true, changed]);
  });
}
