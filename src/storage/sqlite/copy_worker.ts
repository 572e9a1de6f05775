/**
 * A worker that copies a database while it is in use. SQLite copies without a pause: on the thread that serves requests
 * a large database would stop every stream for seconds.
 */

import { backup, DatabaseSync } from "node:sqlite";

declare const self: {
  onmessage: ((event: MessageEvent<{ from: string; to: string; identity: number }>) => void) | null;
  postMessage: (problem: string | null) => void;
};

// Imports nothing of the program: with the fewest rights, a worker may read the files of this folder alone.
self.onmessage = ({ data }) => {
  copy(data).then(
    () => self.postMessage(null),
    (error) => self.postMessage(error instanceof Error ? error.message : String(error)),
  );
};

async function copy({ from, to, identity }: { from: string; to: string; identity: number }): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // In one step: the copy would begin again after each change that another connection makes between two steps.
    await backup(source, to, { rate: -1 });
  } finally {
    source.close();
  }
  const target = new DatabaseSync(to);
  try {
    // One file without a log, which nobody takes for the original.
    target.exec(`PRAGMA journal_mode = DELETE; PRAGMA application_id = ${identity}`);
    const answer = target.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (answer !== "ok") throw new Error(`the database is damaged: ${answer}`);
  } finally {
    target.close();
  }
}
