import { assert, assertEquals } from "@std/assert";
import { findHiddenToken } from "../../src/auth/hidden_token.ts";
import { fieldsOf } from "../support/fields.ts";

/** Its base64 has digits in which the two alphabets differ, wherever it begins. */
const TOKEN = "~~~???>>>~?>~?>";

Deno.test("findHiddenToken: both alphabets of base64, wherever the token begins within", () => {
  for (const before of ["", "x", "xy", "user:"]) {
    for (const alphabet of ["base64", "base64url"] as const) {
      const text = new TextEncoder().encode(`${before}${TOKEN}z`).toBase64({ alphabet });
      assert(alphabet === "base64" ? /[+/]/.test(text) : /[-_]/.test(text), text);
      const head = { method: "GET", target: "/", fields: fieldsOf(`X-Other: ${text}`) };
      assertEquals(findHiddenToken(head, [TOKEN]), "x-other", text);
    }
  }
});
