import { assert, assertEquals, assertMatch, assertNotMatch, assertRejects } from "@std/assert";
import { EDITS } from "../../src/build/edit_bundle.ts";
import { shrinkBundle } from "../../src/build/shrink_bundle.ts";
import { denoCommand } from "../support/processes/command.ts";

const ROOT = new URL("../../", import.meta.url);

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function deno(...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await denoCommand(args, { cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("shrunk bundle: packages that require built-in modules work, and nothing else loads node:module", () =>
  inFolder(async (folder) => {
    const out = `${folder}/bundle`;
    await Deno.writeTextFile(
      `${folder}/entry.ts`,
      `import { Counter, Registry } from "${new URL("src/observability/prom_client.js", ROOT)}";
      import { publishedPrices } from "${new URL("src/accounting/prices/published_prices.ts", ROOT)}";
      import { runCommandLine } from "${new URL("src/cli/command_line.ts", ROOT)}";
      const counter = new Counter({ name: "some", help: "Some.", registers: [new Registry()] });
      try {
        counter.inc("no number");
      } catch (error) {
        console.log(error.message);
      }
      const usage = { input_tokens: 1_000_000, output_tokens: 1_000_000, cache_read_tokens: 500_000 };
      console.log(publishedPrices().priceOf("gpt-4o", "openai").cost(usage, new Date()));
      await runCommandLine(["version", "--json"]);\n`,
    );
    await deno(
      ...["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", out],
      `${folder}/entry.ts`,
    );
    const plain = await deno("run", "--quiet", `${out}/entry.js`);
    assertMatch(plain, /^Value is not a valid number: no number\n\d/);
    await shrinkBundle(out);
    assertEquals(await deno("run", "--quiet", `${out}/entry.js`), plain);
    for await (const { name } of Deno.readDir(out)) {
      assertNotMatch(await Deno.readTextFile(`${out}/${name}`), /node:module/);
    }
  }));

Deno.test("shrunk bundle: the drivers of PostgreSQL and Redis get the built-in modules that they extend", () =>
  inFolder(async (folder) => {
    const out = `${folder}/bundle`;
    await Deno.writeTextFile(
      `${folder}/entry.ts`,
      `import { Pool } from "${new URL("src/storage/postgres/driver.ts", ROOT)}";
      import { RedisLimitsServer } from "${new URL("src/limits/shared/redis/redis_server.ts", ROOT)}";
      const pool = new Pool({ host: "127.0.0.1", port: 1, user: "u", database: "x" });
      console.log(await pool.query("SELECT 1").catch((error) => error.code));
      const server = await RedisLimitsServer.open({ at: { path: "${folder}/no.sock" } });
      await server.close();
      console.log("closed");\n`,
    );
    await deno(
      ...["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", out],
      `${folder}/entry.ts`,
    );
    await shrinkBundle(out, {
      edits: EDITS.filter(({ what }) => what === "the function require of the bundler"),
    });
    assertEquals(
      await deno("run", "--quiet", "-A", `${out}/entry.js`),
      "ECONNREFUSED\nclosed\n",
    );
  }));

Deno.test("shrunk bundle: names in stack traces and notices stay; other comments and bytes above ASCII go", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/main.js`,
      `/*! The notice of a library. */
      // A comment.
      function outerFunction() {
        class SomeError extends Error {}
        const innerFunction = () => {
          throw new SomeError("grüße ＝");
        };
        innerFunction();
      }
      try {
        outerFunction();
      } catch (error) {
        console.log(error.constructor.name, /[＝]/.test(error.message), error.stack);
      }\n`,
    );
    await shrinkBundle(folder, { edits: [] });
    const code = await Deno.readTextFile(`${folder}/main.js`);
    assertEquals([...code].filter((character) => character > "\x7f"), []);
    assertMatch(code, /The notice of a library/);
    assertNotMatch(code, /A comment/);
    const out = await deno("run", "--quiet", `${folder}/main.js`);
    assertMatch(out, /^SomeError true Error: grüße ＝\n +at innerFunction .*\n +at outerFunction /);
  }));

Deno.test("shrunk bundle: an edit that does not match and an unknown built-in module stop the build", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/main.js`, 'var vm = __require("node:vm");\n');
    const edit = { what: "the greeting", pattern: /hello/, instead: "" };
    await assertRejects(
      () => shrinkBundle(folder, { edits: [edit] }),
      Error,
      "the greeting was found 0 times",
    );
    await assertRejects(
      () => shrinkBundle(folder, { edits: [] }),
      Error,
      "A package in main.js loads node:vm",
    );
    await Deno.writeTextFile(`${folder}/main.js`, 'console.log("hello hello");\n');
    await assertRejects(
      () => shrinkBundle(folder, { edits: [edit] }),
      Error,
      "the greeting was found 2 times",
    );
  }));
