/** A copy of the database as it is read. */

import type { Store } from "./store.ts";

const PREFIX = "llm-proxy-backup-";

/**
 * Copies everything into a file beside the original, and gives what is in it; the file is gone with the reader, or when
 * `ending` says that the program ends.
 */
export async function backupStream(
  store: Store,
  ending: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  // For its owner only. Beside the original there is room for as much again, or nowhere.
  const path = await Deno.makeTempFile({ dir: store.folder, prefix: PREFIX, suffix: ".db" });
  try {
    await store.backup(path);
    const file = await Deno.open(path);
    // Systems that can take the name away at once leave nothing behind, however the program ends.
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

/** Removes what a program that was killed in the middle of a copy has left. */
export async function removeLeftBackups(store: Store): Promise<void> {
  for await (const { name } of Deno.readDir(store.folder)) {
    if (name.startsWith(PREFIX)) await Deno.remove(`${store.folder}/${name}`).catch(() => {});
  }
}
