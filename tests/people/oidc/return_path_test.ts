/** Where a person may return to after a sign-in. */

import { assertEquals } from "@std/assert";
import { returnPath } from "../../../src/people/oidc/return_path.ts";

Deno.test("return path: pages of the admin page stay, with query and fragment", () => {
  for (
    const path of [
      "/admin",
      "/admin/",
      "/admin/docs/limits?x=1#budgets",
      "/admin?tab=usage",
      "/admin#/tokens",
    ]
  ) {
    assertEquals(returnPath(path), path);
  }
});

Deno.test("return path: everything else leads to the admin page", () => {
  const others = [
    null,
    "",
    "admin",
    "//evil.example",
    "//evil.example/admin",
    "/\\evil.example/admin",
    "\\\\evil.example/admin",
    "https://evil.example/admin",
    "https:evil.example/admin",
    "javascript:alert(1)",
    "data:text/html,1",
    "/\t/evil.example/admin",
    " //evil.example",
    "/admin.evil.example",
    "/administrator",
    "/admin/..//evil.example",
    "/admin/../openai/v1/models",
    "/admin/%2e%2e/openai",
    "/admin/%2E%2e%2fopenai",
    "/admin//evil.example",
    "/admin/%5c%5cevil.example",
    "/admin/sign-in/google",
    "/admin/sign-in/../sign-in/google",
    `/admin/${"a".repeat(500)}`,
    "/@evil.example/admin",
  ];
  for (const path of others) assertEquals(returnPath(path), "/admin", String(path));
});
