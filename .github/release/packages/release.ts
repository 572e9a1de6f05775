/** A release as the files of package managers need it. */

/** Names of archives behind the version. */
const PLATFORMS = [
  "linux-x86_64",
  "linux-aarch64",
  "macos-x86_64",
  "macos-aarch64",
  "windows-x86_64",
] as const;

/** The platform of an archive. */
export type Platform = (typeof PLATFORMS)[number];

/** One line about the program, for lists of packages. */
export const SUMMARY =
  "Transparent proxy for LLM APIs: clients hold one token, the providers' keys stay on the proxy";

/** An archive of a release. */
export interface Archive {
  /** The name of the file, and of the folder in it. */
  readonly folder: string;
  readonly url: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** A release with all its archives. */
export interface Release {
  readonly version: string;
  /** `OWNER/NAME`. */
  readonly repository: string;
  readonly owner: string;
  /** The page of the repository. */
  readonly homepage: string;
  readonly archives: Readonly<Record<Platform, Archive>>;
}

/** Reads a release out of its `SHA256SUMS`; throws where an archive is missing or named twice. */
export function releaseOf(
  sums: string,
  { version, repository }: { version: string; repository: string },
): Release {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`Cannot use the version ${version}`);
  const homepage = `https://github.com/${repository}`;
  const found = (platform: Platform): Archive => {
    const folder = `llm-proxy-${version}-${platform}`;
    const file = `${folder}.${platform.startsWith("windows") ? "zip" : "tar.gz"}`;
    const lines = sums.split("\n").filter((line) => line.endsWith(`  ${file}`));
    const [, sha256] = /^([0-9a-f]{64}) {2}/.exec(lines[0] ?? "") ?? [];
    if (sha256 === undefined || lines.length > 1) throw new Error(`The checksums do not name ${file} once`);
    return { folder, sha256, url: `${homepage}/releases/download/v${version}/${file}` };
  };
  return {
    version,
    repository,
    owner: repository.replace(/\/.*/, ""),
    homepage,
    archives: {
      "linux-x86_64": found("linux-x86_64"),
      "linux-aarch64": found("linux-aarch64"),
      "macos-x86_64": found("macos-x86_64"),
      "macos-aarch64": found("macos-aarch64"),
      "windows-x86_64": found("windows-x86_64"),
    },
  };
}
