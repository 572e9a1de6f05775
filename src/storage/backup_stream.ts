/** Streams a copy of the database. */

import type { DatabaseCopies } from "./store.ts";

const PREFIX = "llm-proxy-backup-";

/**
 * Copies the database into a temporary file in its folder, and streams the file. The file is removed
 * when the stream ends or is cancelled. `ending` aborts the stream when the program ends. Throws a
 * `StoreError`.
 */
export async function backupStream(
  copies: DatabaseCopies,
  ending: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  // makeTempFile creates a file that only its owner can read. The file system of the database is the most
  // likely one to have room for a copy.
  const path = await Deno.makeTempFile({ dir: copies.folder, prefix: PREFIX, suffix: ".db" });
  try {
    await copies.backup(path);
    const file = await Deno.open(path);
    // POSIX systems can remove an open file. Then nothing is left behind if the program is killed.
    const isRemoved = await Deno.remove(path).then(() => true, () => false);
    const remove = () => isRemoved ? undefined : Deno.remove(path);
    return file.readable.pipeThrough(new TransformStream({ flush: remove, cancel: remove }), {
      signal: ending,
    });
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Removes temporary copies that a killed program left behind. */
export async function removeStaleBackups({ folder }: DatabaseCopies): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(PREFIX)) await Deno.remove(`${folder}/${name}`).catch(() => {});
  }
}
