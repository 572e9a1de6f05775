import { assert, assertEquals } from "@std/assert";
import { confinedCookie } from "../../src/forwarding/cookie_path.ts";

const CASES: readonly (readonly [path: string, cookie: string, confined: string | undefined])[] = [
  ["/openai/v1/x", "a=1; Path=/", "a=1; Path=/openai"],
  ["/openai/v1/x", "a=1;PATH = /admin;HttpOnly; path", "a=1;HttpOnly; Path=/openai"],
  ["/openai/v1/x", "a=1; Path=/openai; Path=/", "a=1; Path=/openai"],
  ["/openai/v1/x", "a=Path=/; Max-Age=9", "a=Path=/; Max-Age=9"],
  ["/openai/v1/x", "a=1; HttpOnly", "a=1; HttpOnly"],
  ["/openai", "a=1", "a=1; Path=/openai"],
  ["/v1/models", "a=1; Path=/", "a=1; Path=/v1"],
  ["//openai/x", "a=1; Path=/", "a=1; Path=//openai"],
  ["/openai;x/y", "a=1; Path=/", undefined],
  ["/", "a=1", undefined],
];

for (const [path, cookie, confined] of CASES) {
  Deno.test(`confinedCookie: ${JSON.stringify(cookie)} at ${path}`, () =>
    assertEquals(confinedCookie(cookie, path), confined));
}

Deno.test("confinedCookie: the last path of any cookie never applies to the admin page", () => {
  for (const path of ["/openai/x", "/openai", "//", "/openai/", "/;/x", "/a?b"]) {
    for (const cookie of ["a=1", "a=1; Path=/", "=; path=/admin", ";;Path=/", "Path=/"]) {
      const confined = confinedCookie(cookie, path);
      const last = confined?.split(/;\s*path=/i).at(-1) ?? "";
      assert(confined === undefined || last !== "/" && !last.startsWith("/admin"), `${confined} at ${path}`);
    }
  }
});
