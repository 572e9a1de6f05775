/** The release scripts, run on a copy of the files that they change, in a separate repository. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";

const ROOT = new URL("../../", import.meta.url);

async function withCopy(
  changelog: string,
  test: (
    run: (program: string, ...args: string[]) => Promise<string>,
    read: (name: string) => Promise<string>,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/.github/release`, { recursive: true });
  for (const name of ["deno.json", ".github/release/bump.ts", ".github/release/release.ts"]) {
    await Deno.copyFile(new URL(name, ROOT), `${folder}/${name}`);
  }
  const manifest = await Deno.readTextFile(`${folder}/deno.json`);
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    manifest.replace(/"version": "[^"]+"/, '"version": "1.2.3"'),
  );
  await Deno.writeTextFile(`${folder}/CHANGELOG.md`, changelog);
  const git = (args: string) => run("git", ...args.split(" "));
  const run = async (program: string, ...args: string[]): Promise<string> => {
    const identity = {
      GIT_AUTHOR_NAME: "t",
      GIT_AUTHOR_EMAIL: "t@t",
      GIT_COMMITTER_NAME: "t",
      GIT_COMMITTER_EMAIL: "t@t",
    };
    const isScript = program.endsWith(".ts");
    const { code, stdout, stderr } = await command(isScript ? Deno.execPath() : program, {
      args: isScript ? ["run", "-A", "--no-config", `.github/release/${program}`, ...args] : args,
      cwd: folder,
      env: identity,
    }).output();
    return `${code} ${new TextDecoder().decode(stdout)}${new TextDecoder().decode(stderr)}`;
  };
  await git("init --quiet --initial-branch main");
  await git("add .");
  await git("commit --quiet -m all");
  await test(run, (name) => Deno.readTextFile(`${folder}/${name}`));
  await Deno.remove(folder, { recursive: true });
}

const CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- something\n\n## [1.2.3] - 2020-01-01\n\n- before\n";

const missing = without("git");

Deno.test({
  ...unless(missing, "bump: version and heading change together; invalid arguments change nothing"),
  fn: () =>
    withCopy(CHANGELOG, async (run, read) => {
      for (const args of [[], ["1.2.3"], ["1.2.2"], ["2"], ["2.0.0-rc"], ["patch", "minor"]]) {
        assertStringIncludes(await run("bump.ts", ...args), "1 ");
      }
      assertEquals(JSON.parse(await read("deno.json")).version, "1.2.3");
      assertStringIncludes(await run("bump.ts", "minor"), "0 1.2.3 → 1.3.0");
      assertEquals(JSON.parse(await read("deno.json")).version, "1.3.0");
      const heading = /## \[Unreleased\]\n\n## \[1\.3\.0\] - \d{4}-\d\d-\d\d\n\n- something\n/;
      assertEquals(heading.test(await read("CHANGELOG.md")), true);
      assertStringIncludes(await run("bump.ts", "patch"), "has no text under [Unreleased]");
    }),
});

Deno.test({
  ...unless(missing, "release: names every reason against a release, and tags a tree without one"),
  fn: () =>
    withCopy(CHANGELOG, async (run) => {
      await run("bump.ts", "2.0.0");
      assertStringIncludes(await run("release.ts"), "There are uncommitted changes");
      await run("git", "commit", "--quiet", "-a", "-m", "chore: release 2.0.0");
      const tagged = await run("release.ts");
      assertStringIncludes(tagged, "0 Tagged v2.0.0. Nothing has left this machine.");
      assertStringIncludes(tagged, "git push origin main v2.0.0");
      await run("git", "checkout", "--quiet", "-b", "other");
      const refused = await run("release.ts");
      assertStringIncludes(refused, "The branch is other, not main.");
      assertStringIncludes(refused, "The tag v2.0.0 already exists");
    }),
});
