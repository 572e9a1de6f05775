import { assert, assertEquals } from "@std/assert";
import { checkJsonStrings, checkQuotedTexts } from "../../src/objects/body_references.ts";
import { QuotedTexts } from "../../src/objects/quoted_texts.ts";
import { cases } from "../support/runner/cases.ts";
import { random } from "../support/data/random.ts";

const ID = "file-9pfqxjzktn2lbvw8hdrcys";
const encoder = new TextEncoder();

async function referencesIn(text: string, isFile = false): Promise<string[]> {
  const found: string[] = [];
  await (isFile ? checkQuotedTexts : checkJsonStrings)(encoder.encode(text), {
    pause: () => undefined,
    check: (references) => {
      found.push(...references.keys());
      return Promise.resolve();
    },
  });
  return found;
}

/** JSON of a random shape, with the id in one place. */
function jsonWith(id: string, { below, pick }: ReturnType<typeof random>): string {
  const noise = () =>
    JSON.stringify(pick(["", '"', "\\", '\\"', "a\nb", "ü😀", "x".repeat(below(90)), "\\\\"]));
  const nested = (depth: number): string => {
    if (depth === 0) {
      const escaped = [...id].map((letter) =>
        below(3) === 0 ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}` : letter
      ).join("");
      return `"${escaped}"`;
    }
    const inner = nested(depth - 1);
    return pick([
      `{${noise()}:${inner},${noise()}:${noise()}}`,
      `[${noise()}, ${inner}]`,
      `{"a":[${noise()}],"b" : ${inner}}`,
      `[1.5e3,null,${inner},true]`,
    ]);
  };
  return nested(below(8));
}

Deno.test("body references: an id is found in JSON of any shape, and in files around it", async () => {
  const source = random(23);
  const runs = cases({ few: 200, all: 2_000 });
  for (let run = 0; run < runs; run++) {
    const text = jsonWith(ID, source);
    JSON.parse(text);
    assert((await referencesIn(text)).includes(ID), text);
    // A file can have an odd number of quotes and backslashes before its JSON.
    const before = source.pick(["", '"', '\\"', "\\", 'x"y"z"', '\u0000\\\\"']);
    assert((await referencesIn(before + text + source.pick(["", '"']), true)).includes(ID), before + text);
  }
});

Deno.test("body references: many ids take no more memory than some of them", async () => {
  const sizes: number[] = [];
  const text = JSON.stringify(
    Array.from({ length: 5_000 }, (_, index) => `file-${String(index).padStart(20, "0")}`),
  );
  await checkJsonStrings(encoder.encode(text), {
    pause: () => undefined,
    check: (references) => {
      sizes.push(references.size);
      return Promise.resolve();
    },
  });
  assertEquals([Math.max(...sizes), sizes.reduce((sum, size) => sum + size, 0)], [500, 5_000]);
});

Deno.test("quoted texts: pieces of any size give the same texts, with the member that has them", () => {
  const file = encoder.encode('x"a" : ["files/b", "c\\u0064"],"e":"' + "f".repeat(70_000) + '","g');
  const read = (size: number): string[] => {
    const found: string[] = [];
    const texts = new QuotedTexts((text, member) => text.length > 2 && found.push(`${member}=${text}`));
    for (let at = 0; at < file.length; at += size) texts.write(file.subarray(at, at + size));
    texts.end();
    return found;
  };
  for (const size of [1, 2, 7, 16_384, 1_000_000]) assertEquals(read(size), ["a=files/b"], `${size}`);
});

Deno.test("quoted texts: what is unclear between a key and its value belongs to no member", () => {
  const read = (text: string): string[] => {
    const found: string[] = [];
    const texts = new QuotedTexts((one, member) => /^id\d/.test(one) && found.push(`${member}=${one}`));
    texts.write(encoder.encode(text));
    texts.end();
    return found;
  };
  const blanks = " ".repeat(70_000);
  assertEquals(read(`{"text":"x","previous":${blanks}"id1"}`), ["=id1"]);
  assertEquals(read(`{"text":"x","ids":[1,"id1",2,"id2"]}`), ["=id1", "=id2"]);
  assertEquals(read(`{"text":"x","ids":["id1","id2"]}`), ["ids=id1", "ids=id2"]);
});
