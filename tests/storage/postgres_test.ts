import { KEPT_CHANGES } from "../../src/storage/postgres/access_changes.ts";
import { openStore } from "../../src/storage/open.ts";
import { postgres } from "../support/processes/shared_postgres.ts";
import { withoutPostgres } from "../support/processes/postgres_server.ts";
import { storeContract } from "./contract.ts";

storeContract("postgres", async () => {
  const name = await postgres().takeDatabase();
  return {
    isNotified: true,
    keptChanges: KEPT_CHANGES,
    open: () => openStore(postgres().url(name)),
    dispose: () => Promise.resolve(postgres().giveBack(name)),
  };
}, withoutPostgres());
