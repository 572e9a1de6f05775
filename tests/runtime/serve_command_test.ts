/** Why `deno serve` has the module src/fetch.ts beside src/main.ts. A test fails when its reason is gone. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoCommand } from "../support/processes/command.ts";

const MODULE = `
console.log("main", import.meta.main);
export default { fetch: () => new Response(), onListen: () => Deno.exit(0) };
`;
const GONE = "src/main.ts can have the default export of src/fetch.ts now, and src/fetch.ts can be deleted: ";

async function inFolder(test: (module: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/module.ts`, MODULE);
    await test(`${folder}/module.ts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("deno serve: import.meta.main is true, as it is for the command line", () =>
  inFolder(async (module) => {
    const { stdout } = await denoCommand(["serve", "--port", "0", "--host", "127.0.0.1", module]).output();
    assertEquals(
      new TextDecoder().decode(stdout),
      "main true\n",
      `${GONE}import.meta.main is false under deno serve`,
    );
  }));

Deno.test("deno run: a main module with a default export for deno serve causes a warning", () =>
  inFolder(async (module) => {
    const { stderr } = await denoCommand(["run", "--quiet", module], { env: { NO_COLOR: "1" } }).output();
    assertStringIncludes(
      new TextDecoder().decode(stderr),
      "Detected export default { fetch }",
      `${GONE}deno run does not warn of it`,
    );
  }));
