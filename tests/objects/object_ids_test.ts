import { assertEquals } from "@std/assert";
import { random } from "../support/data/random.ts";
import { addReferences, keptId, type References } from "../../src/objects/object_ids.ts";
import { shortestRun } from "../support/time/shortest_run.ts";

function referencesOf(text: string, isPath = false): string[] {
  const found: References = new Map();
  addReferences(text, found, { isPath });
  return [...found.keys()];
}

Deno.test("object ids: those of providers, and no words of clients", () => {
  const ids = [
    "file-9pFqXjZkTn2LbVw8HdRcYs",
    "file_011CNha8iCJcU1wXNR6q4V8w",
    "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "batch_abc1234567890",
    "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF",
    "vs_68a1b2c3d4e5f60718293a4b5c6d7e8f",
    "thread_abcdefghijklmnopqrstuvwx",
    "cntr_682e0e7318108198aa783fd921ff305e08e78805b9fdbb04",
    "ftjob-abc123456789",
    "asst_abc123456789",
    "8f3c9a4e-1b2d-4c5e-9f6a-7b8c9d0e1f2a",
    "chatcmpl-9pFqXjZkTn2LbVw8HdRcYs",
  ];
  for (const id of ids) assertEquals(keptId(id), id.toLowerCase(), id);
  for (const name of ["files/report", "files/abc-123xyz", "cachedContents/8kgpzdm2", "batches/123456"]) {
    assertEquals(keptId(name), name.toLowerCase(), name);
  }
  assertEquals(keptId("projects/p/locations/l/cachedContents/123"), "cachedcontents/123");
  const words = [
    "",
    "user",
    "input_text",
    "function_call_output",
    "code_interpreter_call",
    "gpt-4o-mini",
    "file-short",
    "call_9pFqXjZkTn2LbVw8HdRcYs",
    "toolu_01A09q90qw90lq917835lq9",
    "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "x".repeat(600),
    "models/gemini",
  ];
  for (const word of words) assertEquals(keptId(word), undefined, word);
});

Deno.test("object ids: an address or a path refers to all ids in it, and prose to none", () => {
  const id = "file-9pfqxjzktn2lbvw8hdrcys";
  assertEquals(referencesOf(`https://api.example.com/v1/files/${id.toUpperCase()}/content?x=1`), [
    `files/${id}`,
    id,
  ]);
  assertEquals(referencesOf("https://generativelanguage.googleapis.com/v1beta/files/abc?alt=media"), [
    "files/abc",
  ]);
  assertEquals(referencesOf("/v1beta/files/abc:download", true), ["files/abc"]);
  assertEquals(referencesOf("files%2Fabc"), ["files/abc"]);
  assertEquals(referencesOf(`${id},${id.replace("9", "8")}`).length, 2);
  for (const text of ["src/files/report", "read files/report", "./files/report", `What is ${id}?`]) {
    assertEquals(referencesOf(text), [], text);
  }
});

Deno.test("object ids: the time for a text is in proportion to its length", () => {
  const { pick } = random(19);
  const alphabet = "files/abc-_%25.:~ \u00e9\uff46".split("");
  for (let run = 0; run < 200; run++) {
    const text = Array.from({ length: 1_000 }, () => pick(alphabet)).join("");
    referencesOf(text, true);
  }
  for (const unit of ["files/", "a-", "%25", "-", "_a", "file-a1", ".", "..x", "-.", " ."]) {
    const text = unit.repeat(100_000);
    const took = shortestRun(() => referencesOf(text, true), { runs: 2 });
    // A quadratic scan of 600 KB takes minutes.
    assertEquals(took < 2_000, true, `${unit}: ${took} ms`);
  }
});
