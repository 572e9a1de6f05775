import { assertEquals, assertThrows } from "@std/assert";
import { fillTemplate } from "../../src/service/template.ts";

Deno.test("fillTemplate: replaces names within a line, and a line by no, one or several lines", () => {
  const template = "a {{ONE}} b {{ONE}}\n{{NONE}}\n{{SEVERAL}}\n  {{ONE}}\nend\n";
  assertEquals(
    fillTemplate(template, { ONE: "1", NONE: [], SEVERAL: ["x", "y"] }),
    "a 1 b 1\nx\ny\n  1\nend\n",
  );
});

Deno.test("fillTemplate: inserts a value as it is, with $& and {{ONE}} in it", () => {
  assertEquals(
    fillTemplate("{{ONE}}\n[{{TWO}}]\n", { ONE: "$& {{TWO}}", TWO: "{{ONE}}$1" }),
    "$& {{TWO}}\n[{{ONE}}$1]\n",
  );
});

Deno.test("fillTemplate: reads a template with CRLF line ends like one with LF", () => {
  assertEquals(fillTemplate("a\r\n{{NONE}}\r\nb\r\n", { NONE: [] }), "a\nb\n");
});

Deno.test("fillTemplate: throws for a name without a value", () => {
  assertThrows(() => fillTemplate("{{OTHER}}", { ONE: "1" }), Error, "{{OTHER}}");
});
