/** `deno task release`: looks whether the tree can be released, tags it, and says what pushing will do. */

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
  ...(changes.text === "" ? [] : [`There are changes that are not committed:\n${changes.text}`]),
  ...(tags.text === "" ? [] : [`The tag ${tag} is there already: deno task bump makes the next version.`]),
  ...(changelog.includes(`## [${version}] - `)
    ? []
    : [`CHANGELOG.md has no heading [${version}]: deno task bump makes it.`]),
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
console.log(`Tagged ${tag}. Nothing has left this machine. What follows:

  git push origin main ${tag}

builds the binaries of every platform, tests each where it runs, and publishes them with their checksums as the
release ${tag}; and pushes the container image as ${version}, ${
  version.split(".").slice(0, 2).join(".")
} and latest. To take it back before that: git tag --delete ${tag}`);
