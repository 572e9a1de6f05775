import { assertEquals, assertRejects } from "@std/assert";
import { askYes, type Prompt, terminalPrompt } from "../../src/cli/prompt.ts";
import { CommandError } from "../../src/cli/command_error.ts";

/** A terminal at which these pieces are typed, and a list of the calls that it gets. */
function terminal(...typed: string[]): { prompt: Prompt; events: string[] } {
  const events: string[] = [];
  const pieces = typed.map((text) => new TextEncoder().encode(text));
  const prompt = terminalPrompt({
    read(into) {
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      into.set(piece);
      return Promise.resolve(piece.length);
    },
    setRaw: (isRaw) => events.push(isRaw ? "raw" : "not raw"),
  }, (text) => events.push(text));
  return { prompt, events };
}

Deno.test("prompt: lines that were typed ahead answer one question each", async () => {
  const { prompt, events } = terminal("one\ntw", "o\n", "\n");
  assertEquals([await prompt.line("a? "), await prompt.line("b? "), await prompt.line("c? ")], [
    "one",
    "two",
    "",
  ]);
  assertEquals(events, ["a? ", "b? ", "c? "]);
});

Deno.test("prompt: a hidden line is never shown, and the terminal shows input again afterwards", async () => {
  const { prompt, events } = terminal("sk-", "123x\x7f", "\r");
  assertEquals(await prompt.hidden("key? "), "sk-123");
  assertEquals(events, ["raw", "key? ", "not raw", "\n"]);
});

Deno.test("prompt: arrow keys, paste brackets and deleted characters are not part of a key", async () => {
  for (
    const typed of [
      ["\x1b[200~sk-1\x1b[201~\r"],
      ["\x1b", "[200", "~sk-1\x1b[20", "1~\r"],
      ["wrong\x15sk-1\r\n"],
      ["\x1b[Ask\x1bOA-1\n"],
      ["  sk-1  \r"],
    ]
  ) {
    const { prompt } = terminal(...typed);
    assertEquals(await prompt.hidden(""), "sk-1", JSON.stringify(typed));
  }
});

Deno.test("prompt: text that was pasted after a key answers the next question", async () => {
  const { prompt } = terminal("sk-1\ryes\n");
  assertEquals([await prompt.hidden(""), await prompt.line("")], ["sk-1", "yes"]);
});

Deno.test("prompt: Ctrl-C, Ctrl-D and the end of the input cancel it and restore the terminal", async () => {
  for (const typed of [["ab\x03"], ["\x04"], ["ab"]]) {
    const { prompt, events } = terminal(...typed);
    await assertRejects(() => prompt.hidden(""), CommandError, "Nothing was written");
    assertEquals(events.includes("not raw"), true, JSON.stringify(typed));
  }
  await assertRejects(() => terminal("no line's end").prompt.line(""), CommandError);
});

Deno.test("askYes: Enter means the answer in capitals, and an invalid answer repeats the question", async () => {
  const { prompt } = terminal("\n", "maybe\nY\n", "No\n");
  assertEquals(await askYes(prompt, "a?", false), false);
  assertEquals(await askYes(prompt, "b?", false), true);
  assertEquals(await askYes(prompt, "c?", true), false);
});
