/** Files for the Windows package managers Scoop and winget. */

import { type Release, SUMMARY } from "./release.ts";

/** The version of the schemas of winget. */
const WINGET_SCHEMA = "1.6.0";

/** Returns a manifest for a Scoop bucket. With `autoupdate`, Scoop can create the next manifest. */
export function scoopManifest({ version, homepage, archives }: Release): string {
  const { url, sha256, folder } = archives["windows-x86_64"];
  const next = (text: string) => text.replaceAll(version, "$version");
  const manifest = {
    version,
    description: SUMMARY,
    homepage,
    license: "MIT",
    architecture: { "64bit": { url, hash: sha256, extract_dir: folder } },
    bin: "llm-proxy.exe",
    checkver: { github: homepage },
    autoupdate: {
      architecture: { "64bit": { url: next(url), extract_dir: next(folder) } },
      hash: { url: `${homepage}/releases/download/v$version/SHA256SUMS` },
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Returns the three manifests of winget by their file names. */
export function wingetManifests({ version, owner, homepage, archives }: Release): Record<string, string> {
  const id = `${owner}.llm-proxy`;
  const { url, sha256, folder } = archives["windows-x86_64"];
  const head = `PackageIdentifier: ${id}\nPackageVersion: "${version}"\n`;
  const end = (type: string) => `ManifestType: ${type}\nManifestVersion: ${WINGET_SCHEMA}\n`;
  return {
    [`${id}.yaml`]: `${head}DefaultLocale: en-US\n${end("version")}`,
    [`${id}.installer.yaml`]: `${head}InstallerType: zip
NestedInstallerType: portable
NestedInstallerFiles:
  - RelativeFilePath: ${folder}\\llm-proxy.exe
    PortableCommandAlias: llm-proxy
Installers:
  - Architecture: x64
    InstallerUrl: ${url}
    InstallerSha256: "${sha256.toUpperCase()}"
${end("installer")}`,
    [`${id}.locale.en-US.yaml`]: `${head}PackageLocale: en-US
Publisher: ${owner}
PublisherUrl: https://github.com/${owner}
PackageName: llm-proxy
PackageUrl: ${homepage}
License: MIT
ShortDescription: "${SUMMARY}"
ReleaseNotesUrl: ${homepage}/releases/tag/v${version}
${end("defaultLocale")}`,
  };
}
