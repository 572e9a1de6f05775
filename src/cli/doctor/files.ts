/** The check of file modes. */

import { isPlainVariable } from "../../config/sources/variables.ts";
import { resolveBesideConfig } from "../../config/sources/sources.ts";
import { keyFileOf, sqlitePath } from "../../storage/open.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { shellWord } from "../../text/shell_word.ts";
import type { Subject } from "./subject.ts";

const { ok, warning, problem } = findingsOf("files");

const READABLE = 0o004;
const WRITABLE = 0o002;
/** In a folder with this bit, users can create files, but cannot remove files of other users. */
const STICKY = 0o1000;
/**
 * The folders into which container runtimes mount secrets. Only one container can see them, so their modes do
 * not matter.
 */
const CONTAINER_SECRETS = /^\/(?:var\/)?run\/secrets\//;

/** A path to check, and whether the file contains a secret. */
interface Place {
  readonly path: string;
  readonly isSecret: boolean;
}

/** Checks whether other users of this machine can read secrets, or change files that the proxy reads. */
export function checkFiles(subject: Subject): Finding[] {
  if (Deno.build.os === "windows") return [];
  const places = placesOf(subject);
  const existing = places.flatMap((place) => {
    const mode = modeOf(place.path);
    return mode === undefined ? [] : [{ ...place, mode }];
  });
  const findings = existing.flatMap(({ path, isSecret, mode }) => {
    if ((mode & WRITABLE) !== 0 && (mode & STICKY) === 0) {
      return [problem(`every user of this machine can change ${path}`, `chmod o-w ${shellWord(path)}`)];
    }
    if (isSecret && (mode & READABLE) !== 0) {
      return [warning(`every user of this machine can read ${path}`, `chmod o-rwx ${shellWord(path)}`)];
    }
    return [];
  });
  if (findings.length > 0 || existing.length === 0) return findings;
  const names = existing.map(({ path }) => path).filter((path) => path !== ".");
  if (names.length === 0) return [ok("there are no files with secrets")];
  return [ok(`other users can neither read secrets nor change files: ${names.join(", ")}`)];
}

function placesOf({ loaded, environment }: Subject): Place[] {
  const files = [...environment.values].flatMap(([name, { file }]) =>
    file === undefined || CONTAINER_SECRETS.test(file)
      ? []
      : [{ path: file, isSecret: !isPlainVariable(name) }]
  );
  const path = loaded?.path;
  const { management, server } = loaded?.config ?? {};
  const [certificate, key] = server?.tls?.files ?? [];
  const keyFile = management && keyFileOf(management.databaseUrl);
  // A PostgreSQL database is not a file, and has no key file.
  const database = keyFile === undefined ? undefined : management && sqlitePath(management.databaseUrl);
  const all: Place[] = [
    { path: ".", isSecret: false },
    { path: ".env", isSecret: true },
    ...(path === undefined ? [] : [{ path, isSecret: (loaded?.literalSecrets.length ?? 0) > 0 }]),
    ...files,
    ...(certificate === undefined
      ? []
      : [{ path: resolveBesideConfig(certificate, "ca-key.pem"), isSecret: true }]),
    ...(key === undefined ? [] : [{ path: key, isSecret: true }]),
    ...(database === undefined ? [] : [
      { path: database, isSecret: true },
      { path: `${database}-wal`, isSecret: true },
    ]),
    ...(keyFile === undefined ? [] : [{ path: keyFile, isSecret: true }]),
    ...(management?.signIn?.providers ?? []).flatMap(({ clientSecretFile: file }) =>
      file === undefined || CONTAINER_SECRETS.test(file) ? [] : [{ path: file, isSecret: true }]
    ),
    ...(management?.backup === undefined ? [] : [{ path: management.backup.folder, isSecret: true }]),
  ];
  return [...new Map(all.map((place) => [place.path, place])).values()];
}

/** Returns the mode of a file. `undefined` if the file is missing or not accessible. */
function modeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).mode ?? undefined;
  } catch {
    return undefined;
  }
}
