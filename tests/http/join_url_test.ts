import { assertEquals } from "@std/assert";
import { joinPath, withoutParameter } from "../../src/http/join_url.ts";

const JOINS: readonly (readonly [base: string, rest: string, joined: string])[] = [
  ["", "/v1/models", "/v1/models"],
  ["", "", "/"],
  ["", "/", "/"],
  ["/v1", "/v1/models", "/v1/models"],
  ["/v1", "/v1", "/v1"],
  ["/v1", "/models", "/v1/models"],
  ["/v1", "/v1beta/models", "/v1/v1beta/models"],
  ["/v1", "/v10", "/v1/v10"],
  ["/v1", "", "/v1"],
  ["/v1beta", "/v1beta/models", "/v1beta/models"],
  ["/v2alpha1", "/v2alpha1/x", "/v2alpha1/x"],
  ["/v1", "/v1/v1/x", "/v1/v1/x"],
  ["/api/v1", "/v1/x", "/api/v1/x"],
  ["/openai/v1", "/openai/v1/models", "/openai/v1/models"],
  ["/openai/v1", "/openai/v1", "/openai/v1"],
  ["/openai/v1", "/v1/models", "/openai/v1/models"],
  ["/openai/v1", "/openai/v10/models", "/openai/v1/openai/v10/models"],
  ["/openai", "/openai/x", "/openai/openai/x"],
  ["/api", "//x", "/api//x"],
  ["/v1", "/%76%31/x", "/v1/%76%31/x"],
];
for (const [base, rest, joined] of JOINS) {
  Deno.test(`joinPath: ${base || "(bare host)"} and ${rest || "(nothing)"}`, () => {
    assertEquals(joinPath({ path: base }, rest), joined);
  });
}

const QUERIES: readonly (readonly [query: string, left: string])[] = [
  ["", ""],
  ["key=t", ""],
  ["key", ""],
  ["a=1&key=t&b=2", "a=1&b=2"],
  ["key=1&a=%zz&key=2", "a=%zz"],
  ["%6bey=t&a=1", "a=1"],
  ["k%65y=t", ""],
  ["k%65y", ""],
  ["monkey=1&keys=2", "monkey=1&keys=2"],
  ["a=key&b=%26key%3Dt", "a=key&b=%26key%3Dt"],
  ["a&&b", "a&&b"],
];
for (const [query, left] of QUERIES) {
  Deno.test(`withoutParameter: key removed from ${query || "(nothing)"}`, () => {
    assertEquals(withoutParameter(query, "key"), left);
  });
}
