/**
 * `deno run -A .github/release/packages.ts --version 1.2.3 --checksums SHA256SUMS --owner NAME --out
 * dist/packages`: writes the files of package managers for a release. `--repository OWNER/NAME` is for a
 * repository that is not named `llm-proxy`.
 */

import { parseArgs } from "node:util";
import { casaosCompose, unraidTemplate } from "./packages/containers.ts";
import { releaseOf } from "./packages/release.ts";
import { homebrewFormula, nixPackage, pkgbuild } from "./packages/unix.ts";
import { scoopManifest, wingetManifests } from "./packages/windows.ts";
import { repositoryName } from "../../src/build/repository.ts";

const { values } = parseArgs({
  options: {
    version: { type: "string" },
    checksums: { type: "string" },
    owner: { type: "string" },
    repository: { type: "string" },
    out: { type: "string", default: "dist/packages" },
  },
});
const { version, checksums, owner, out } = values;
const repository = repositoryName(values.repository ?? (owner && `${owner}/llm-proxy`));
if (version === undefined || checksums === undefined || repository === undefined) {
  throw new Error("--version, --checksums and --owner are needed");
}
const release = releaseOf(await Deno.readTextFile(checksums), { version, repository });
const winget = Object.entries(wingetManifests(release)).map(([name, text]) =>
  [`winget/${name}`, text] as const
);
const files: readonly (readonly [string, string])[] = [
  ["homebrew/llm-proxy.rb", homebrewFormula(release)],
  ["scoop/llm-proxy.json", scoopManifest(release)],
  ...winget,
  ["aur/PKGBUILD", pkgbuild(release)],
  ["nix/llm-proxy.nix", nixPackage(release)],
  ["unraid/llm-proxy.xml", unraidTemplate(release)],
  ["casaos/docker-compose.yml", casaosCompose(release)],
];
for (const [name, text] of files) {
  const path = `${out}/${name}`;
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, text);
}
console.log(`${files.length} files are in ${out}.`);
