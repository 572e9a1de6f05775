/**
 * Notices that files have changed, by looking at them once a second. Notices of the file system do not come for folders
 * that a container or a network mounts, and files there are often replaced instead of written.
 */

const LOOK_MS = 1_000;

/** Calls `changed` when the text of one of the files is another one, and stays so for a second. Gives what ends it. */
export function watchFiles(paths: () => Iterable<string>, changed: (path: string) => void): () => void {
  const known = new Map<string, { stamp: string; text: string | undefined }>();
  const pending = new Map<string, string>();
  const look = (): void => {
    for (const path of paths()) {
      const stamp = stampOf(path);
      const before = known.get(path);
      if (before === undefined) {
        known.set(path, { stamp, text: readQuietly(path) });
        continue;
      }
      if (stamp === before.stamp) {
        pending.delete(path);
        continue;
      }
      // Editors and configuration managers write in several steps.
      if (pending.get(path) !== stamp) {
        pending.set(path, stamp);
        continue;
      }
      pending.delete(path);
      const text = readQuietly(path);
      known.set(path, { stamp, text });
      if (text !== before.text) changed(path);
    }
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

/** Differs after a change of the file or of what its name stands for; empty where there is no file. */
function stampOf(path: string): string {
  try {
    const { mtime, size, ino, dev } = Deno.statSync(path);
    return [mtime?.getTime(), size, ino, dev].join(" ");
  } catch {
    return "";
  }
}

function readQuietly(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
