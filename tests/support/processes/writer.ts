/**
 * Writes exchanges without end, ten at a time, and a byte to standard output after each commit. The second
 * argument `threads` writes on a thread, as the proxy does.
 */

import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { exchangeRow } from "../data/rows.ts";

const store = openSqlite(Deno.args[0] ?? "", { usesThreads: Deno.args[1] === "threads" });
const rows = Array.from({ length: 10 }, () => exchangeRow());
while (true) {
  await store.addExchanges(rows);
  Deno.stdout.writeSync(Uint8Array.of(0x2e));
}
