/** The texts of the Debian package that depend on the release. */

/** The values for the fields of `control`. */
export interface ControlFacts {
  readonly version: string;
  readonly architecture: string;
  readonly repository: string | undefined;
  /** The size of the installed files. */
  readonly kibibytes: number;
  /**
   * The oldest version of glibc that the program can run with; undefined if the program is not an ELF file.
   */
  readonly glibc: string | undefined;
}

/** Returns the text of the file `control`. */
export function controlText({ version, architecture, repository, kibibytes, glibc }: ControlFacts): string {
  const libraries = glibc === undefined ? [] : [`libc6 (>= ${glibc})`, "libgcc-s1"];
  return `Package: llm-proxy
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer(repository)}
Installed-Size: ${kibibytes}
Depends: ${["adduser", ...libraries].join(", ")}
Section: net
Priority: optional
${
    repository === undefined
      ? ""
      : `Homepage: https://github.com/${repository}\n`
  }Description: transparent proxy for LLM APIs
 Clients on the network have a token of the proxy, and the keys of the
 providers stay on the proxy. Requests and responses pass unchanged and
 unbuffered.
 .
 The management plane adds tokens with limits and budgets, usage and cost, an
 admin page, and metrics.
`;
}

/** Returns Debian's changelog with one entry. NEWS.md has the changes. */
export function changelogText(
  { version, seconds, repository }: { version: string; seconds: number; repository: string | undefined },
): string {
  const date = new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
  return `llm-proxy (${version}) stable; urgency=medium

  * Release ${version}; NEWS.md.gz lists the changes.

 -- ${maintainer(repository)}  ${date}
`;
}

/** Returns the licence in Debian's machine-readable format. */
export function copyrightText(license: string, repository: string | undefined): string {
  const [, holder = ""] = /^Copyright \(c\) (.+)$/m.exec(license) ?? [];
  const terms = license.slice(license.indexOf("Permission is hereby")).trimEnd();
  const lines = terms.split("\n").map((line) => ` ${line === "" ? "." : line}\n`).join("");
  const source = repository === undefined ? "" : `Source: https://github.com/${repository}\n`;
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: llm-proxy
${source}Comment: The program contains the Deno runtime (MIT) and the packages of the
 bill of materials, which each release has.

Files: *
Copyright: ${holder}
License: Expat
${lines}`;
}

/** Converts a version so that Debian sorts `1.0.0-rc.1` before `1.0.0`. Throws if it is not a version. */
export function debianVersion(version: string): string {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`Cannot use the version ${version}`);
  return version.replace("-", "~");
}

/**
 * Returns the newest version of glibc that an ELF file needs (`2.x`); undefined if it needs none or is not an
 * ELF file.
 */
export function glibcOf(program: Uint8Array): string | undefined {
  const isElf = program[0] === 0x7f && program[1] === 0x45;
  if (!isElf) return undefined;
  const minors = [...new TextDecoder("latin1").decode(program).matchAll(/\bGLIBC_2\.(\d+)\0/g)]
    .map(([, minor]) => Number(minor));
  return minors.length === 0 ? undefined : `2.${Math.max(...minors)}`;
}

function maintainer(repository: string | undefined): string {
  const [owner] = repository?.split("/") ?? [];
  return owner === undefined
    ? "llm-proxy, a local build <root@localhost>"
    : `${owner} <${owner}@users.noreply.github.com>`;
}
