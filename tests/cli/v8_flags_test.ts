import { assert, assertEquals } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { V8_FLAGS } from "../../src/cli/v8_flags.ts";
import { denoCommand } from "../support/processes/command.ts";

Deno.test("flags of V8: each task that serves has the flags of the compiled program", () => {
  const serving = Object.values(manifest.tasks).map(({ command }: { command?: string }) => command ?? "")
    .filter((command) => command.includes("src/main.ts"));
  assert(serving.length >= 3);
  for (const command of serving) {
    assertEquals(command.match(/--v8-flags=\S+(?= .*src\/main\.ts)/g), [V8_FLAGS], command);
  }
});

Deno.test("flags of V8: the runtime knows each of them", async () => {
  const { stdout, stderr } = await denoCommand(["eval", V8_FLAGS, "console.log('runs')"]).output();
  assertEquals(new TextDecoder().decode(stdout), "runs\n");
  assertEquals(new TextDecoder().decode(stderr), "");
});
