/** `deno task release`: checks that the tree can be released, tags it, and prints what a push will do. */

const root = new URL("../../", import.meta.url);

async function git(...args: string[]): Promise<{ ok: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: root }).output();
  return { ok: success, text: new TextDecoder().decode(success ? stdout : stderr).trim() };
}

const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const tag = `v${version}`;
const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", root));
const branch = await git("rev-parse", "--abbrev-ref", "HEAD");
const changes = await git("status", "--porcelain");
const tags = await git("tag", "--list", tag);

const problems = [
  ...(branch.text === "main" ? [] : [`The branch is ${branch.text}, not main.`]),
  ...(changes.text === "" ? [] : [`There are uncommitted changes:\n${changes.text}`]),
  ...(tags.text === "" ? [] : [`The tag ${tag} already exists: deno task bump sets the next version.`]),
  ...(changelog.includes(`## [${version}] - `)
    ? []
    : [`CHANGELOG.md has no heading [${version}]: deno task bump adds it.`]),
];
if (problems.length > 0) {
  console.error(`Cannot release ${version}.\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  Deno.exit(1);
}

const tagged = await git("tag", "--annotate", tag, "--message", `llm-proxy ${version}`);
if (!tagged.ok) {
  console.error(`Cannot tag: ${tagged.text}`);
  Deno.exit(1);
}
console.log(`Tagged ${tag}. Nothing has left this machine. Next, run:

  git push origin main ${tag}

The workflows then build the binaries of every platform, test each on its platform, and publish them with their
checksums as the release ${tag}. They also push the container image as ${version}, ${
  version.split(".").slice(0, 2).join(".")
} and latest. To undo the tag before the push: git tag --delete ${tag}`);
