import { assertEquals } from "@std/assert";
import { csv } from "../../../src/management/api/csv.ts";

/** A text, and the cell that it becomes. */
const CELLS: readonly (readonly [string, string])[] = [
  ["gpt-4o", "gpt-4o"],
  ["a, b", '"a, b"'],
  ['say "x"', '"say ""x"""'],
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@x", "'@x"],
  [" =1", "' =1"],
  ["\t=1", "\"'\t'=1\""],
  // Where lists are separated by semicolons, what follows one begins a cell.
  ["x;=cmd|y", '"x;\'=cmd|y"'],
  ["x; -1", '"x;\' -1"'],
  ['x;"=1"', '"x;\'""=1"""'],
  ["x;y", '"x;y"'],
  ["x\r\n=1", '"x\r\n\'=1"'],
  ["x\ty", '"x\ty"'],
  ["\uff1d1+1", "'\uff1d1+1"],
  ["\u00a0=1", "'\u00a0=1"],
  ["\u3000=1", "'\u3000=1"],
];

for (const [text, cell] of CELLS) {
  Deno.test(`csv: ${JSON.stringify(text)}`, () => {
    assertEquals(csv([{ name: text, count: -1 }]), `name,count\r\n${cell},-1\r\n`);
  });
}
