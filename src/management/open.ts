import { Pricer } from "../accounting/cost.ts";
import { loadPrices } from "../accounting/load_prices.ts";
import { Objects } from "../accounting/objects.ts";
import { openPrices } from "../accounting/published_prices.ts";
import { KnownObjects } from "../objects/known_objects.ts";
import { ManagedTokens } from "../auth/managed_tokens.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import { removeStaleBackups } from "../storage/backup_stream.ts";
import { keyFileOf, openStore } from "../storage/open.ts";
import { openBox } from "../storage/open_box.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { traceOf } from "../text/error_text.ts";
import { Management, type ManagementParts } from "./management.ts";
import { openLimiter } from "./spending.ts";

/**
 * Opens the management plane: the database, its key, the tokens, the prices and the spending. Throws a
 * `StoreError` if the database or its key cannot be used.
 */
export async function openManagement(
  config: ManagementConfig,
  { log, clock, onSecrets }: Pick<ManagementParts, "log" | "clock" | "onSecrets">,
): Promise<Management> {
  const store = await openStore(config.databaseUrl, { usesThreads: true });
  try {
    const { box, createdKeyFile } = await openBox(store, {
      encryptionKey: config.encryptionKey,
      keyFile: keyFileOf(config.databaseUrl),
    });
    if (createdKeyFile !== undefined) {
      log("info", "key_file_made", {
        file: createdKeyFile,
        detail: "it encrypts the provider keys of projects; keep it with the backups of the database",
      });
    }
    const tokens = new ManagedTokens(store, {
      box,
      clock,
      onUnreadable: (what) => log("error", "key_unreadable", { detail: what }),
    });
    await tokens.refresh();
    await removeStaleBackups(store);
    onSecrets(tokens.secrets);
    const pricer = new Pricer(await openPrices(await loadPrices(config.pricesFile, log)));
    // The limiter and the objects exist before the management plane. It sets these callbacks.
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
        log("warn", "storage_failing", {
          detail: `the usage of background objects: ${reason}; the proxy tries again`,
        }),
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
    });
    const knownObjects = await KnownObjects.open({
      store,
      clock,
      onFailed: (reason) =>
        log("warn", "storage_failing", {
          detail: `the makers of stored objects: ${reason}; the proxy tries again`,
        }),
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
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
      knownObjects,
      watchSettled: (watcher) => onSettled = watcher,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}
