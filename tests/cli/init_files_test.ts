import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../src/cli/command_error.ts";
import { writeDrafts } from "../../src/cli/init/files.ts";

Deno.test("init: a file that another program created meanwhile stays, and init leaves no other file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/config.toml`, "somebody's");
    const drafts = [".env", "config.toml", "data/tls/key.pem"].map((path) => ({
      path,
      text: "new",
      mode: 0o600,
    }));
    assertThrows(
      () => writeDrafts(drafts, folder),
      CommandError,
      "another program created one of these files at the same time",
    );
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["config.toml"]);
    assertEquals(await Deno.readTextFile(`${folder}/config.toml`), "somebody's");
    await Deno.remove(`${folder}/config.toml`);
    assertEquals(writeDrafts(drafts, folder).length, 3);
    assertEquals(await Deno.readTextFile(`${folder}/data/tls/key.pem`), "new");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
