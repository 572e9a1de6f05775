import { Pricer } from "../accounting/cost.ts";
import { loadPrices } from "../accounting/load_prices.ts";
import { Objects } from "../accounting/objects.ts";
import { openPrices } from "../accounting/published_prices.ts";
import { ManagedTokens } from "../auth/managed_tokens.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import { removeLeftBackups } from "../storage/backup_stream.ts";
import { keyFileOf, openStore } from "../storage/open.ts";
import { openBox } from "../storage/open_box.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { Management, type ManagementParts } from "./management.ts";
import { openLimiter } from "./spending.ts";

/**
 * Opens the management plane: the database, its key, the tokens, the prices and what was spent. Throws a `StoreError`
 * that says what is wrong with the database or its key.
 */
export async function openManagement(
  config: ManagementConfig,
  { log, clock, onSecrets }: Pick<ManagementParts, "log" | "clock" | "onSecrets">,
): Promise<Management> {
  const store = await openStore(config.databaseUrl);
  try {
    const { box, madeKeyFile } = await openBox(store, {
      encryptionKey: config.encryptionKey,
      keyFile: keyFileOf(config.databaseUrl),
    });
    if (madeKeyFile !== undefined) {
      log("info", "key_file_made", {
        file: madeKeyFile,
        detail: "it seals provider keys of projects; keep it with backups of the database",
      });
    }
    const tokens = new ManagedTokens(store, {
      box,
      clock,
      onUnreadable: (what) => log("error", "key_unreadable", { detail: what }),
    });
    await tokens.refresh();
    await removeLeftBackups(store);
    onSecrets(tokens.secrets);
    const pricer = new Pricer(await openPrices(await loadPrices(config.pricesFile, log)));
    // The limiter reads the clock before the plane can watch it.
    let onClock = (_event: ClockEvent): void => {};
    const { limiter, hasUndated } = await openLimiter(store, {
      clock,
      config,
      onClock: (event) => onClock(event),
    });
    let onSettled = (_row: ExchangeRow): void => {};
    const objects = await Objects.open({
      store,
      clock,
      ledgers: limiter,
      onRow: (row) => onSettled(row),
      onFailed: (reason) =>
        log("warn", "storage_failing", { detail: `objects that are awaited: ${reason}; it is tried again` }),
    });
    return new Management(config, {
      log,
      clock,
      onSecrets,
      store,
      box,
      tokens,
      pricer,
      limiter,
      hasUndated,
      watchClock: (watcher) => onClock = watcher,
      objects,
      watchSettled: (watcher) => onSettled = watcher,
    });
  } catch (error) {
    store.close();
    throw error;
  }
}
