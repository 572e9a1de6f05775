/**
 * Watches files by checking them once a second. The notifications of the system do not work for folders that
 * a container or a network mounts, and files there are often replaced instead of written.
 */

const INTERVAL_MS = 1_000;

/**
 * Calls `onChange` when the text of a file has changed and then stayed the same for a second. Returns a stop
 * function.
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
      // Editors and configuration managers write a file in several steps, so one more check waits for the
      // last one.
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

/** Changes with the file, and with the target of a symbolic link; empty if there is no file. */
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
