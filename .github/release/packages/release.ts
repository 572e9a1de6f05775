/** Describes a release for the files of package managers. */

/** The platforms, as in the names of the archives. */
const PLATFORMS = [
  "linux-x86_64",
  "linux-aarch64",
  "macos-x86_64",
  "macos-aarch64",
  "windows-x86_64",
] as const;

/** The platform of an archive, as in its file name. */
export type Platform = (typeof PLATFORMS)[number];

/** A description of the program in one line, for package lists. */
export const SUMMARY =
  "Transparent proxy for LLM APIs: clients have one token, and the providers' keys stay on the proxy";

/** One archive of a release. */
export interface Archive {
  /** The name of the folder in the archive, and of the file without its extension. */
  readonly folder: string;
  readonly url: string;
  /** The checksum, in hexadecimal digits. */
  readonly sha256: string;
}

/** One release with the archives of all platforms. */
export interface Release {
  readonly version: string;
  /** The repository as `OWNER/NAME`. */
  readonly repository: string;
  readonly owner: string;
  /** The URL of the repository. */
  readonly homepage: string;
  readonly archives: Readonly<Record<Platform, Archive>>;
}

/**
 * Reads a release from its `SHA256SUMS`. Throws if an archive is missing or named twice, or if the version is
 * invalid.
 */
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
