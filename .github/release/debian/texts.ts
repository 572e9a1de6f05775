/** The texts of the Debian package that depend on the release. */

/** What the fields of `control` are made of. */
export interface ControlFacts {
  readonly version: string;
  readonly architecture: string;
  readonly repository: string | undefined;
  /** The size when installed. */
  readonly kibibytes: number;
  /** The newest version of the C library that the program asks for; undefined: it is no ELF file. */
  readonly glibc: string | undefined;
}

/** `control` of the package. */
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
 Clients on the network hold one proxy token, and the keys of the providers
 stay on the proxy. Requests and answers pass through unchanged, streamed as
 they come.
 .
 With the management plane it also makes tokens with limits and budgets, shows
 usage and cost at an admin page, and serves metrics.
`;
}

/** The one entry of Debian's changelog; what changed stands in NEWS.md. */
export function changelogText(
  { version, seconds, repository }: { version: string; seconds: number; repository: string | undefined },
): string {
  const date = new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
  return `llm-proxy (${version}) stable; urgency=medium

  * Release ${version}; NEWS.md.gz says what changed.

 -- ${maintainer(repository)}  ${date}
`;
}

/** Debian's machine-readable form around the licence. */
export function copyrightText(license: string, repository: string | undefined): string {
  const [, holder = ""] = /^Copyright \(c\) (.+)$/m.exec(license) ?? [];
  const terms = license.slice(license.indexOf("Permission is hereby")).trimEnd();
  const lines = terms.split("\n").map((line) => ` ${line === "" ? "." : line}\n`).join("");
  const source = repository === undefined ? "" : `Source: https://github.com/${repository}\n`;
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: llm-proxy
${source}Comment: The program holds the Deno runtime (MIT) and the packages of the bill of
 materials that is published beside each release.

Files: *
Copyright: ${holder}
License: Expat
${lines}`;
}

/** A version in Debian's order: `1.0.0-rc.1` comes before `1.0.0`. Throws where it is none. */
export function debianVersion(version: string): string {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`Cannot use the version ${version}`);
  return version.replace("-", "~");
}

/** The newest `GLIBC_2.…` that an ELF file names. */
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
