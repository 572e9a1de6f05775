/**
 * Watches files by checking them once a second. The notifications of the system do not work in folders that a
 * container or a network mounts, where files are often replaced and not written.
 */

const INTERVAL_MS = 1_000;

/**
 * Calls `onChange` when the text of a file has changed and then stayed the same for a second. Returns a
 * function that ends the watch.
 */
export function watchFiles(paths: () => Iterable<string>, onChange: (path: string) => void): () => void {
  const known = new Map<string, { stamp: string; text: string | undefined }>();
  const pending = new Map<string, string>();
  const check = (): void => {
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
      // Editors and configuration managers write a file in several steps. So the change counts only if the
      // next check finds no further one.
      if (pending.get(path) !== stamp) {
        pending.set(path, stamp);
        continue;
      }
      pending.delete(path);
      const text = readQuietly(path);
      known.set(path, { stamp, text });
      if (text !== before.text) onChange(path);
    }
  };
  check();
  const timer = setInterval(check, INTERVAL_MS);
  return () => clearInterval(timer);
}

/**
 * Returns a text that changes with the file, and with the target of a symbolic link. Empty if there is no
 * file.
 */
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
