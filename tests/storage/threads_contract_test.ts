/**
 * The SQLite store with threads passes the tests of every adapter. None of these measures time, so they run
 * beside others.
 */

import { openStore } from "../../src/storage/open.ts";
import { writeEmptyDatabase } from "../support/data/empty_database.ts";
import { storeContract } from "./contract.ts";

storeContract("sqlite with threads", async () => {
  const folder = await Deno.makeTempDir();
  await writeEmptyDatabase(`${folder}/test.db`);
  return {
    open: async () => {
      const store = await openStore(`sqlite:${folder}/test.db`, { usesThreads: true });
      // The first exchanges start the thread that writes.
      await store.addExchanges([]);
      return store;
    },
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
  // The tests of the adapter itself try more combinations.
}, { every: 9 });
