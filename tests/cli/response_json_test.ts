/** Tests of what commands read of the JSON of a proxy. */

import { assertEquals } from "@std/assert";
import { harmlessLines, responseJson } from "../../src/cli/response_json.ts";

Deno.test("responseJson: strings cannot change the terminal, and other values stay", () => {
  const value = { name: "a\x1b[2J\u202eb", lines: ["one\ntwo\r"], n: 1.5, none: null, emoji: "😀 é" };
  assertEquals(responseJson(JSON.stringify(value)), {
    name: "a\\x1b[2J\\u202eb",
    lines: ["one\ntwo\\x0d"],
    n: 1.5,
    none: null,
    emoji: "😀 é",
  });
  assertEquals(responseJson("<html>"), undefined);
});

Deno.test("harmlessLines: the ends of lines stay, and nothing else that changes the terminal", () => {
  assertEquals(harmlessLines("a,b\r\nc\rd\n\x1be\r\n"), "a,b\r\nc\\x0dd\n\\x1be\r\n");
  assertEquals(harmlessLines(""), "");
});
