/** Copies a database into a file without stopping the program. */

import { StoreError } from "../store.ts";
import { randomIdentity } from "./identity.ts";

/** The worker's source; read in the compiled program too, where it is an embedded file. */
export const COPY_WORKER = new URL("./copy_worker.ts", import.meta.url);

/** Copies the database at `from`, which may be in use, into `to`. Throws a {@link StoreError}. */
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
