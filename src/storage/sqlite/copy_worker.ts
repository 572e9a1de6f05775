/**
 * A worker that copies a database while it is in use. SQLite's copy blocks its thread: on the thread that
 * serves requests, the copy of a large database would stop every stream for seconds.
 */

import { backup, DatabaseSync } from "node:sqlite";

declare const self: {
  onmessage: ((event: MessageEvent<{ from: string; to: string; identity: number }>) => void) | null;
  postMessage: (problem: string | null) => void;
};

// Imports no other module: with the narrowest permissions, a worker can only read the files of this folder.
self.onmessage = ({ data }) => {
  copy(data).then(
    () => self.postMessage(null),
    (error) => self.postMessage(error instanceof Error ? error.message : String(error)),
  );
};

async function copy({ from, to, identity }: { from: string; to: string; identity: number }): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // One step: if another connection commits between two steps, SQLite starts the copy again.
    await backup(source, to, { rate: -1 });
  } finally {
    source.close();
  }
  const target = new DatabaseSync(to);
  try {
    // A single file without a log, and with another identity than the original: see `identity.ts`.
    target.exec(`PRAGMA journal_mode = DELETE; PRAGMA application_id = ${identity}`);
    const answer = target.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (answer !== "ok") throw new Error(`the database is damaged: ${answer}`);
  } finally {
    target.close();
  }
}
