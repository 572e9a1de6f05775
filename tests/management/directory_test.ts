import { assertEquals } from "@std/assert";
import { externalIdOf } from "../../src/management/directory.ts";

Deno.test("directory: the claim with the externalId is a text, and an address counts only if it is verified", () => {
  const claims = { oid: "0a21", email: "anna@example.com", level: 3, empty: "" };
  const of = (claim: string, emailIsVerified: boolean) =>
    externalIdOf({ claim }, { subject: "the subject", claims, email: "anna@example.com", emailIsVerified });
  assertEquals(of("sub", false), "the subject");
  assertEquals(of("oid", false), "0a21");
  assertEquals([of("email", true), of("email", false)], ["anna@example.com", undefined]);
  assertEquals(["level", "empty", "none"].map((claim) => of(claim, true)), [undefined, undefined, undefined]);
});
