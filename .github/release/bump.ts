/**
 * `deno task bump patch|minor|major|X.Y.Z`: sets the next version and its date in `deno.json`, and adds its
 * heading to the changelog.
 */

const USAGE = "usage: deno task bump patch|minor|major|X.Y.Z";
const root = new URL("../../", import.meta.url);

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

const manifest = await Deno.readTextFile(new URL("deno.json", root));
const current: string = JSON.parse(manifest).version;
const next = nextVersion(current, Deno.args);
const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", root));
const [, unreleased] = /^## \[Unreleased\]\n([^]*?)(?=^## \[|$(?![^]))/m.exec(changelog) ??
  fail("CHANGELOG.md has no heading [Unreleased].");
if (unreleased?.trim() === "") {
  fail("CHANGELOG.md has no text under [Unreleased]: describe the changes first.");
}
if (changelog.includes(`## [${next}]`)) fail(`CHANGELOG.md already has a heading [${next}].`);

const today = new Date().toISOString().slice(0, 10);
await Deno.writeTextFile(
  new URL("CHANGELOG.md", root),
  changelog.replace("## [Unreleased]\n", `## [Unreleased]\n\n## [${next}] - ${today}\n`),
);
await Deno.writeTextFile(
  new URL("deno.json", root),
  manifest.replace(`"version": "${current}"`, `"version": "${next}"`)
    .replace(/"released": "[^"]*"/, `"released": "${today}"`),
);
console.log(`${current} → ${next}. Commit it as "chore: release ${next}", then run: deno task release`);

function nextVersion(version: string, args: readonly string[]): string {
  const [wanted] = args;
  if (args.length !== 1 || wanted === undefined) fail(USAGE);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  switch (wanted) {
    case "major":
      return `${major + 1}.0.0`;
    case "minor":
      return `${major}.${minor + 1}.0`;
    case "patch":
      return `${major}.${minor}.${patch + 1}`;
  }
  if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(wanted)) fail(USAGE);
  const [a = 0, b = 0, c = 0] = wanted.split(".").map(Number);
  const isGreater = (a - major || b - minor || c - patch) > 0;
  return isGreater ? wanted : fail(`${wanted} is not greater than ${version}.`);
}
