/** A copy of the database as it is read. */

import type { Store } from "./store.ts";

/** Copies everything into a file beside the original, and gives what is in it; the file is gone with the reader. */
export async function backupStream(store: Store): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  // For its owner only. Beside the original there is room for as much again, or nowhere.
  const path = await Deno.makeTempFile({ dir: store.folder, prefix: "llm-proxy-backup-", suffix: ".db" });
  const remove = () => Deno.remove(path);
  try {
    await store.backup(path);
    const file = await Deno.open(path);
    return file.readable.pipeThrough(new TransformStream({ flush: remove, cancel: remove }));
  } catch (error) {
    await remove();
    throw error;
  }
}
