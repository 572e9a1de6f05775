/**
 * `deno run -A .github/release/release_notes.ts --repository OWNER/NAME`: prints the notes of the version in
 * `deno.json`: its section of the changelog, and commands that readers can copy without changes.
 */

import { parseArgs } from "node:util";
import { debianVersion } from "./debian/texts.ts";
import { imageName, repositoryName } from "../../src/build/repository.ts";

const { values } = parseArgs({ options: { repository: { type: "string" } } });
const repository = repositoryName(values.repository);
if (repository === undefined) throw new Error("--repository OWNER/NAME is missing");
const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
const changelog = await Deno.readTextFile("CHANGELOG.md");

console.log(`${changesOf(version)}
### Install

On Linux and macOS, without root:

\`\`\`sh
curl -fsSLO https://github.com/${repository}/releases/download/v${version}/install.sh
sh install.sh --version ${version}
\`\`\`

On Debian and Ubuntu, as a service, after you downloaded the package:

\`\`\`sh
sudo apt install ./llm-proxy_${debianVersion(version)}_$(dpkg --print-architecture).deb
\`\`\`

On Linux the program needs glibc, because its runtime has no build for musl (Alpine Linux). Use the container image there.

### Check what you downloaded

\`\`\`sh
sha256sum --check --ignore-missing SHA256SUMS
gh attestation verify llm-proxy-${version}-linux-x86_64.tar.gz --repo ${repository}
\`\`\`

The first command checks every downloaded file, \`install.sh\` included. The second command checks that an archive was
built from this repository; write the name of your archive there.

### Container image

\`\`\`sh
docker pull ${imageName(repository)}:${version}
\`\`\``);

/** Returns the text below the heading of a version. Throws if the changelog has no such heading. */
function changesOf(version: string): string {
  const lines = changelog.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`## [${version}]`));
  if (start === -1) throw new Error(`CHANGELOG.md has no heading [${version}]`);
  const end = lines.findIndex((line, index) => index > start && line.startsWith("## "));
  return lines.slice(start + 1, end === -1 ? undefined : end).join("\n").trim() + "\n";
}
