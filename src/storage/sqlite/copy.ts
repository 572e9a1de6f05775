/** Copies a database in a worker, so that the program goes on. */

import { StoreError } from "../store.ts";
import { randomIdentity } from "./identity.ts";

/** The URL of the worker's source. In the compiled program it is an embedded file. */
export const COPY_WORKER = new URL("./copy_worker.ts", import.meta.url);

/** Copies the database file `from`, which may be in use, into the file `to`. Throws a {@link StoreError}. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const worker = new Worker(COPY_WORKER, { type: "module", name: "database copy" });
  try {
    const problem = await new Promise<string | null>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(event.message);
      };
      worker.postMessage({ from, to, identity: randomIdentity() });
    });
    if (problem !== null) {
      throw new StoreError("failed", `the backup to ${to} failed: ${problem}`);
    }
  } finally {
    worker.terminate();
  }
}
