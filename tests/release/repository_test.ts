/** The repository's name: from one place into the program, the unit and the notes of a release. */

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { fillRepository, imageName, repositoryName } from "../../src/build/repository.ts";
import { systemdService } from "../../src/service/systemd.ts";
import { denoCommand } from "../support/processes/command.ts";

const ROOT = new URL("../../", import.meta.url);

async function deno(args: readonly string[], cwd: URL | string = ROOT): Promise<string> {
  const { success, stdout, stderr } = await denoCommand(args, { cwd }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("repository: the bundled program holds the name it was compiled with, and none without", () =>
  inFolder(async (folder) => {
    // The same bundle as the whole program's, of the module that holds the name.
    await Deno.writeTextFile(
      `${folder}/entry.ts`,
      `import { REPOSITORY } from "${new URL("src/release.ts", ROOT)}";\nconsole.log(REPOSITORY);\n`,
    );
    const out = `${folder}/bundle`;
    await deno([
      "bundle",
      "--quiet",
      "--platform",
      "deno",
      "--code-splitting",
      "--outdir",
      out,
      `${folder}/entry.ts`,
    ]);
    assertEquals(await deno(["run", "--no-config", `${out}/entry.js`]), "undefined\n");
    await fillRepository(out, "Some-Owner/llm-proxy");
    assertEquals(await deno(["run", "--no-config", `${out}/entry.js`]), "Some-Owner/llm-proxy\n");
    await assertRejects(() => fillRepository(out, "a/b"), Error, "has 0 places");
  }));

Deno.test("repositoryName: OWNER/NAME, or none; an image's name has small letters alone", () => {
  assertEquals([repositoryName(undefined), repositoryName("")], [undefined, undefined]);
  assertEquals(repositoryName("Some-Owner/llm.proxy"), "Some-Owner/llm.proxy");
  for (const wrong of ["llm-proxy", "a/b/c", "a b/c", 'a/"', "/llm-proxy"]) {
    assertThrows(() => repositoryName(wrong), Error, "OWNER/NAME");
  }
  assertEquals(imageName("Some-Owner/llm-proxy"), "ghcr.io/some-owner/llm-proxy");
});

Deno.test("repository: the unit names it, and a local build leaves the line out", () => {
  const facts = { program: "/x", variables: new Map(), config: undefined, user: "me" };
  const unit = (repository?: string) => systemdService({ ...facts, repository }).files[0]?.text ?? "";
  assertStringIncludes(unit("o/llm-proxy"), "\nDocumentation=https://github.com/o/llm-proxy\n");
  assert(!unit().includes("Documentation="));
});

Deno.test("release notes: the version's changes alone, and commands that can be copied as they stand", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/deno.json`, '{ "version": "1.2.3" }');
    await Deno.writeTextFile(
      `${folder}/CHANGELOG.md`,
      "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - 2020-01-01\n\n- now\n\n## [1.2.2] - 2019-01-01\n\n- before\n",
    );
    const script = new URL(".github/release/release_notes.ts", ROOT).href;
    const notes = await deno(
      ["run", "-A", "--no-config", script, "--repository", "Some-Owner/llm-proxy"],
      folder,
    );
    assert(notes.startsWith("- now\n") && !notes.includes("later") && !notes.includes("before"), notes);
    assertStringIncludes(
      notes,
      "\ngh attestation verify llm-proxy-1.2.3-linux-x86_64.tar.gz --repo Some-Owner/llm-proxy\n",
    );
    assertStringIncludes(
      notes,
      "\ncurl -fsSLO https://github.com/Some-Owner/llm-proxy/releases/download/v1.2.3/install.sh\n",
    );
    assertStringIncludes(notes, "sudo apt install ./llm-proxy_1.2.3_$(");
    assertStringIncludes(notes, "no build for musl");
    assertStringIncludes(notes, "\ndocker pull ghcr.io/some-owner/llm-proxy:1.2.3\n");
  }));

Deno.test("repository: nothing that users copy has a placeholder for the owner", async () => {
  for (
    const file of [
      "README.md",
      "docs/install.md",
      "docker-compose.yml",
      "Dockerfile",
      "src/service/systemd.ts",
    ]
  ) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    assert(!/\bOWNER\/llm-proxy|<owner>|github\.com\/OWNER/.test(text), file);
  }
});

Deno.test("Dockerfile: every file that it copies is let in by .dockerignore", async () => {
  const dockerfile = await Deno.readTextFile(new URL("Dockerfile", ROOT));
  const letIn = (await Deno.readTextFile(new URL(".dockerignore", ROOT))).split("\n");
  const copied = dockerfile.split("\n").filter((line) => /^COPY (?!--)/.test(line))
    .flatMap((line) => line.split(" ").slice(1, -1));
  assert(copied.length > 4, "the Dockerfile was read");
  assertEquals(copied.filter((file) => !letIn.includes(`!${file}`)), []);
});
