import { assert, assertEquals } from "@std/assert";
import { findHiddenToken } from "../../src/auth/hidden_token.ts";
import { fieldsOf } from "../support/data/fields.ts";

/** At each offset, the base64 of this token has digits in which the two alphabets differ. */
const TOKEN = "~~~???>>>~?>~?>";

Deno.test("findHiddenToken: base64 in both alphabets, at each offset of the token", () => {
  for (const before of ["", "x", "xy", "user:"]) {
    for (const alphabet of ["base64", "base64url"] as const) {
      const text = new TextEncoder().encode(`${before}${TOKEN}z`).toBase64({ alphabet });
      assert(alphabet === "base64" ? /[+/]/.test(text) : /[-_]/.test(text), text);
      const head = { method: "GET", target: "/", fields: fieldsOf(`X-Other: ${text}`) };
      assertEquals(findHiddenToken(head, [TOKEN]), "x-other", text);
    }
  }
});

const MIXED = "a?>?>~~o?>b-_c";
const bytes = new TextEncoder().encode(MIXED);

function found(value: string): string | undefined {
  return findHiddenToken(
    { method: "POST", target: "/v1", fields: [{ name: "X-A", lower: "x-a", value }] },
    [MIXED],
  );
}

Deno.test("findHiddenToken: base64 in both alphabets, and in a mixture that many decoders accept", () => {
  const standard = bytes.toBase64();
  const mixed = standard.replace("+", "-").replace("/", "_");
  assertEquals(
    [standard, bytes.toBase64({ alphabet: "base64url" }), mixed].map(found),
    ["x-a", "x-a", "x-a"],
  );
  assertEquals(mixed.includes("+") && mixed.includes("-"), true, "it is a mixture");
});

Deno.test("findHiddenToken: a token with the characters of base64 is found as plain text", () => {
  assertEquals(found(`Basic ${MIXED}`), "x-a");
  assertEquals(found(MIXED.replaceAll("-", "+").replaceAll("_", "/")), undefined);
});
