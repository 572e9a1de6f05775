/** Opens the management plane with the database behind it. */

import { Pricer } from "../accounting/prices/cost.ts";
import { loadPrices } from "../accounting/prices/load_prices.ts";
import { Objects } from "../accounting/settlement/objects.ts";
import { openPrices } from "../accounting/prices/published_prices.ts";
import { isPostgresUrl } from "../network/postgres_url.ts";
import { KnownObjects } from "../objects/known_objects.ts";
import { ManagedTokens } from "../auth/managed_tokens.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import type { SharedLimits } from "../limits/shared/shared_limits.ts";
import { removeStaleBackups } from "../storage/backup_stream.ts";
import { keyFileOf, openStore } from "../storage/open.ts";
import { openBox } from "../storage/open_box.ts";
import type { SecretBox } from "../storage/secret_box.ts";
import type { ExchangeRow, Store } from "../storage/store.ts";
import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";
import { type JoinedReplica, joinReplicas } from "./join_replicas.ts";
import { Management, type ManagementParts } from "./management.ts";
import { openLimiter } from "./spending.ts";

type Context = Pick<ManagementParts, "log" | "clock" | "onSecrets"> & {
  /** Shared counts that are open already, in the place of those of the configuration. */
  readonly sharedLimits?: SharedLimits | undefined;
};

/**
 * Opens the management plane: the database, its key, the tokens, the prices and the spending. Throws a
 * `StoreError` if the database or its key cannot be used.
 */
export async function openManagement(config: ManagementConfig, context: Context): Promise<Management> {
  const store = await openStore(config.databaseUrl, { usesThreads: true });
  try {
    return await openOn(store, { ...context, config });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openOn(
  store: Store,
  { config, sharedLimits, ...context }: Context & { config: ManagementConfig },
): Promise<Management> {
  const { log, clock } = context;
  const joined = config.sharedLimits &&
    await joinReplicas(store, { config: config.sharedLimits, clock, log, limits: sharedLimits });
  try {
    return await openJoined(store, { ...context, config, joined });
  } catch (error) {
    await joined?.replica.close();
    throw error;
  }
}

async function openJoined(
  store: Store,
  { config, joined, ...context }: Omit<Context, "sharedLimits"> & {
    config: ManagementConfig;
    joined: JoinedReplica | undefined;
  },
): Promise<Management> {
  const { log, clock, onSecrets } = context;
  const box = await openSecretBox(store, { config, log });
  const tokens = new ManagedTokens(store, {
    box,
    clock,
    onUnreadable: (what) => log("error", "key_unreadable", { detail: what }),
  });
  await tokens.refresh();
  if (store.copies !== undefined) await removeStaleBackups(store.copies);
  onSecrets(tokens.secrets);
  const pricer = new Pricer(await openPrices(await loadPrices(config.pricesFile, log)));
  // The limiter and the objects exist before the management plane. It sets these callbacks.
  let onClock = (_event: ClockEvent): void => {};
  let onSettled = (_row: ExchangeRow): void => {};
  let isDatabaseLost = (): boolean => false;
  const { limiter, hasUndated } = await openLimiter(store, {
    clock,
    config,
    onClock: (event) => onClock(event),
    replica: joined?.replica,
    isDatabaseLost: () => isDatabaseLost(),
  });
  if (joined !== undefined) joined.events.limiter = limiter;
  const objects = await Objects.open({
    store,
    clock,
    ledgers: limiter,
    onRow: (row) => onSettled(row),
    ...objectFailures("the usage of background objects", log),
  });
  const knownObjects = await KnownObjects.open({
    store,
    isShared: isPostgresUrl(config.databaseUrl),
    clock,
    ...objectFailures("the makers of stored objects", log),
  });
  return new Management(config, {
    ...context,
    store,
    box,
    tokens,
    pricer,
    limiter,
    joined,
    hasUndated,
    watchClock: (watcher) => onClock = watcher,
    setDatabaseLost: (test) => isDatabaseLost = test,
    objects,
    knownObjects,
    watchSettled: (watcher) => onSettled = watcher,
  });
}

/** Opens the box that encrypts provider keys. The log says where a new key is. */
async function openSecretBox(
  store: Store,
  { config, log }: { config: ManagementConfig; log: Log },
): Promise<SecretBox> {
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
  return box;
}

/** Logs what fails while objects are written in the background. `what` is what the database did not get. */
function objectFailures(what: string, log: Log) {
  return {
    onFailed: (reason: string) =>
      log("warn", "storage_failing", { detail: `${what}: ${reason}; the proxy tries again` }),
    onUnexpected: (error: unknown) => log("error", "unexpected", { detail: traceOf(error) }),
  };
}
