import { assert, assertEquals } from "@std/assert";
import { pathAmbiguity, patternProblem } from "../../src/text/path_patterns.ts";
import { versionedPath } from "../../src/http/join_url.ts";
import { allowsPaths } from "../support/data/allows_paths.ts";
import { shortestRun } from "../support/time/shortest_run.ts";

/** The path of a base URL, the rest of the path of a request, and whether the patterns allow it. */
type Case = readonly [base: string, rest: string, isAllowed: boolean];

const RULES: readonly (readonly [patterns: readonly string[], cases: readonly Case[]])[] = [
  [["/v1/chat/completions", "/v1/models"], [
    ["/v1", "/v1/models", true],
    ["/v1", "/models", true],
    ["/v1", "/models/", true],
    ["/v1", "//models", true],
    ["/v1", "/v1//models", true],
    ["/v1", "/MODELS", true],
    ["/v1", "/V1/Models", false],
    ["/v1", "/%6dodels", true],
    ["/v1", "/models;a=b", true],
    ["/v1", "/models/gpt-4o", false],
    ["/v1", "/modelsx", false],
    ["/v1", "/v1/v1/models", false],
    ["/v1", "/files", false],
    ["/v1", "/v1", false],
    ["/v1", "/", false],
    ["/v1", "", false],
    ["", "/v1/models", true],
    ["", "/V1/models", true],
    ["", "/models", false],
    ["", "/v2/models", false],
    ["", "/v1beta/models", false],
    ["", "", false],
    ["/openai/v1", "/models", true],
    ["/openai", "/v1/models", true],
  ]],
  [["/models"], [
    ["/v1", "/models", true],
    ["/v1", "/v1/models", true],
    ["", "/v1/models", true],
    ["", "/v1beta/models", true],
    ["", "/models", true],
    ["", "/v1/v1/models", false],
  ]],
  [["!/v1/files*"], [
    ["/v1", "/chat/completions", true],
    ["/v1", "", true],
    ["/v1", "/files", false],
    ["/v1", "/v1/files", false],
    ["/v1", "/v1/files/file-1/content", false],
    ["/v1", "/files/", false],
    ["/v1", "//files", false],
    ["/v1", "/v1//files", false],
    ["/v1", "//v1/files", false],
    ["/v1", "/v1/v1/files", false],
    ["/v1", "/FILES", false],
    ["/v1", "/V1/Files", false],
    ["/v1", "/%66iles", false],
    ["/v1", "/%76%31/fil%65s", false],
    ["/v1", "/files;a=b", false],
    ["/v1", "/;x/files", false],
    ["/v1", "/v1;x/files", false],
    ["/v1", "/fi;x/les", true],
    ["/v1", "/files%3Bx", false],
    ["/v1", "/files%3Fx", false],
    ["/v1", "/my/files", true],
    ["", "/v1/files", false],
    ["", "/files", false],
    ["", "/v1beta/files", false],
    ["", "/v2/files", false],
    ["", "/upload/v1beta/files", true],
    ["/openai", "/files/x", false],
  ]],
  [["!/files"], [
    ["/v1", "/v1/files", false],
    ["/v1", "/files/", false],
    ["/v1", "/files/file-1", true],
    ["", "/v1beta/files", false],
  ]],
  [["!/v2/*"], [
    ["", "/v2/rerank", false],
    ["", "/v1/rerank", true],
    ["", "/rerank", true],
    ["/v2", "/rerank", false],
  ]],
  [["!*files*", "!*secret"], [
    ["", "/upload/v1beta/files", false],
    ["", "/v1/profiles", false],
    ["", "/v1/x;secret", false],
    ["", "/v1/x", true],
  ]],
  [["*", "!/v1/batches*"], [
    ["/v1", "/models", true],
    ["/v1", "/batches/b1", false],
  ]],
  [["/v1/responses*", "!/v1/responses/*"], [
    ["/v1", "/responses", true],
    ["/v1", "/responses/", true],
    ["/v1", "/responses/resp_1", false],
    ["/v1", "/files", false],
  ]],
  [["/v1/Files/*"], [
    ["/v1", "/files/x", true],
    ["/v1", "/files/x/content", true],
    ["/v1", "/files", false],
  ]],
  [["*"], [["/v1", "", true], ["", "", true], ["", "/a/b", true]]],
  [[], [["/v1", "/models", false], ["", "", false]]],
];

for (const [patterns, cases] of RULES) {
  Deno.test(`allowsPaths: ${patterns.join(" ") || "nothing"}`, () => {
    for (const [base, rest, isAllowed] of cases) {
      const path = versionedPath({ path: base }, rest);
      assertEquals(allowsPaths(patterns, [path]), isAllowed, `${base} and ${rest}`);
    }
  });
}

Deno.test("allowsPaths: requires that the path is allowed at every backend that could get the request", () => {
  assert(allowsPaths(["/v1/models"], ["/v1/models", "/v1/models"]));
  assert(!allowsPaths(["/v1/models"], ["/v1/models", "/models"]));
  assert(!allowsPaths(["!/v1/files"], ["/x/files", "/v1/files"]));
});

Deno.test("allowsPaths: a long path costs no more than its length", () => {
  const path = "/v1".repeat(2_600) + "/files";
  const patterns = Array.from({ length: 200 }, (_, index) => `!*a*a*a*a*${index}`);
  const took = shortestRun(() => assert(allowsPaths(patterns, [path, "/;a".repeat(2_600)])));
  assert(took < 500, `${took} ms`);
});

const UNCLEAR: readonly (readonly [path: string, words: string | undefined])[] = [
  ["/v1/files%2Fx", "encoded slash"],
  ["/v1%2ffiles", "encoded slash"],
  ["/v1/%2566iles", "encoded twice"],
  ["/v1/files%252fx", "encoded twice"],
  ["/v1/%zz", "invalid percent-encoding"],
  ["/v1/%c0%af", "invalid percent-encoding"],
  [`/${"a".repeat(8_000)}`, "longer than 8000"],
  ["/v1/100%25", undefined],
  ["/v1/a%20b", undefined],
  ["/v1/models", undefined],
  ["", undefined],
];
for (const [path, words] of UNCLEAR) {
  Deno.test(`pathAmbiguity: ${path.slice(0, 30) || "(nothing)"}`, () => {
    const found = pathAmbiguity(path);
    assertEquals(found?.includes(words ?? "") ?? undefined, words === undefined ? undefined : true, found);
  });
}

for (const pattern of ["/v1/models", "*", "*/files*", "!/v1/files*", "!*", "/v1/models/gpt:x"]) {
  Deno.test(`patternProblem: ${pattern} is a pattern`, () =>
    assertEquals(patternProblem(pattern), undefined));
}
for (
  const pattern of [
    "",
    "!",
    "v1/models",
    "!!/x",
    "/a b",
    "/v1/%66",
    "/x?y",
    "/x;y",
    "/x#",
    "/x\\y",
    "/\u0000",
  ]
) {
  Deno.test(`patternProblem: ${JSON.stringify(pattern)} is not a pattern`, () => {
    assertEquals(typeof patternProblem(pattern), "string");
  });
}
