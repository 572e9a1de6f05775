/** The management plane: opens what managed tokens, usage, metrics and their API need, and closes it. */

import { type AddressTest, addressTest } from "../network/ip_ranges.ts";
import { lanAddresses, serverUrls } from "../config/server_urls.ts";
import type { RunningExchange } from "../accounting/account.ts";
import { Accounts } from "../accounting/accounts.ts";
import { Pricer } from "../accounting/cost.ts";
import { loadPrices } from "../accounting/load_prices.ts";
import { BUILT_IN_VERSION, openPrices } from "../accounting/published_prices.ts";
import { UnpricedModels } from "../accounting/unpriced_models.ts";
import { ManagedTokens } from "../auth/managed_tokens.ts";
import type { Recognised } from "../auth/shared_token.ts";
import type { Clock } from "../time/clock.ts";
import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Config, Endpoint, ManagementConfig } from "../config/config.ts";
import { configuredEndpoint } from "../connect/endpoints.ts";
import type { Balancer } from "../forwarding/balancer.ts";
import type { Management } from "../handler.ts";
import type { Handler } from "../http/message.ts";
import type { StorageHealth } from "../own_routes/health.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import type { Limiter } from "../limits/limiter.ts";
import { AccessAudit } from "./api/access_audit.ts";
import type { Controls, LiveEvent, ManageParts } from "./api/parts.ts";
import type { Log } from "../observability/log.ts";
import { Metrics } from "../observability/metrics.ts";
import { planeRoutes } from "./plane_routes.ts";
import { probeBackends } from "../forwarding/probe.ts";
import { match } from "../routing/match.ts";
import type { RoutingTable } from "../routing/table.ts";
import { exchangeTracer } from "../observability/tracing.ts";
import { clockWatcher, openLimiter } from "./spending.ts";
import { removeLeftBackups } from "../storage/backup_stream.ts";
import { backupOnSchedule } from "../storage/scheduled_backup.ts";
import { ExchangeWriter } from "../storage/exchange_writer.ts";
import { pruneHourly } from "../storage/pruner.ts";
import { openBox } from "../storage/open_box.ts";
import { SpendingDates } from "../storage/spending_dates.ts";
import { keyFileOf, openStore } from "../storage/open.ts";
import { type Store, StoreError } from "../storage/store.ts";
import { hasSelfSignedRoot } from "../tls/self_signed_root.ts";
import { VERSION } from "../release.ts";

const DAY_MS = 24 * 3_600_000;

/** What is served at the moment. */
export interface Served {
  readonly config: Config;
  readonly routes: RoutingTable;
  readonly balancers: ReadonlyMap<Endpoint, Balancer>;
  /** Answers requests by this configuration. */
  readonly handler: Handler;
}

/** The ports that a server listens at. */
export interface Ports {
  readonly port: number;
  /** Where HTTPS has a separate one. */
  readonly httpsPort?: number | undefined;
  /** Where the management plane has a separate one. */
  readonly adminPort?: number | undefined;
}

/** The plane as the composition root meets it. */
export interface Plane extends Management {
  readonly check: (candidate: string) => Recognised | undefined;
  readonly failedOver: (failure: { endpoint: string | undefined; backend: string }) => void;
  /** A request was refused before anybody knew whose it was. */
  readonly refused: (ending: string) => void;
  /** Another configuration is served from now on. */
  readonly serves: (served: Served) => void;
  /** Clients can connect. */
  readonly listens: (ports: Ports) => void;
  /** Who can reload the configuration and end the program. */
  readonly controlledBy: (controls: Controls) => void;
  /** What holds of the configuration while it runs. */
  readonly configure: (config: ManagementConfig) => void;
  /** Ends what would go on for ever. */
  readonly drain: () => void;
  /** Writes what is left and closes the store. */
  readonly close: () => Promise<void>;
}

/** What the plane tells the program around it. */
export interface PlaneOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** The provider keys of projects, which must not be logged. */
  readonly onSecrets: (secrets: readonly string[]) => void;
}

/** Opens it. Throws a `StoreError` that says what is wrong with the database or its key. */
export async function openPlane(
  config: ManagementConfig,
  { log, clock, onSecrets }: PlaneOptions,
): Promise<Plane> {
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
    const prices = await loadPrices(config.pricesFile, log);
    const pricer = new Pricer(await openPrices(prices));
    let onClock = (_event: ClockEvent): void => {};
    const opened = await openLimiter(store, { clock, config, onClock: (event) => onClock(event) });
    return runningPlane(config, {
      log,
      clock,
      onSecrets,
      store,
      box,
      tokens,
      pricer,
      ...opened,
      watchClock: (watcher) => onClock = watcher,
    });
  } catch (error) {
    store.close();
    throw error;
  }
}

function runningPlane(
  config: ManagementConfig,
  { log, clock, onSecrets, store, box, tokens, limiter, pricer, hasUndated, watchClock }:
    & PlaneOptions
    & Pick<ManageParts, "box">
    & {
      store: Store;
      tokens: ManagedTokens;
      limiter: Limiter;
      pricer: Pricer;
      /** Something was booked while the clock was wrong, and has no certain hour. */
      hasUndated: boolean;
      /** Has the limiter call this from now on. */
      watchClock: (watcher: (event: ClockEvent) => void) => void;
    },
): Plane {
  const startedAt = clock.now();
  const listeners = new Map<(event: LiveEvent) => void, () => void>();
  let served: Served | undefined;
  let ports: Ports | undefined;
  let controls: Controls | undefined;
  let { retentionDays, metricsPublic, adminIdleMs, backup } = config;
  let mayManage = addressTest(config.allowedIps);
  let mayCall: AddressTest = () => true;
  let dropped = 0;
  let readFails = false;

  const traced = exchangeTracer();
  const tell = (event: LiveEvent): void => {
    for (const listener of listeners.keys()) listener(event);
  };
  const storage = (): StorageHealth => readFails ? "failing" : writer.health;
  const endpoints = () =>
    (served?.config.endpoints ?? []).map((endpoint) => ({
      endpoint,
      backends: served?.balancers.get(endpoint)?.report() ?? [],
    }));
  const metrics = new Metrics({
    running: (): readonly RunningExchange[] => accounts.running(),
    backends: () =>
      endpoints().flatMap(({ endpoint, backends }) =>
        backends.map(({ backend, state }) => ({
          endpoint: endpoint.name,
          backend: backend.name,
          isAside: state !== "up",
        }))
      ),
    version: VERSION,
    target: Deno.build.target,
  });
  const writer = new ExchangeWriter(store, {
    clock,
    events: {
      onHealth(health, reason) {
        if (health === "ok") log("info", "storage_recovered");
        else log("error", "storage_failing", { detail: `${reason}; usage waits to be written` });
      },
      onDropped(reason) {
        // The first says enough; the metric counts the rest.
        if (dropped++ === 0) log("error", "usage_dropped", { detail: reason });
        metrics.dropped();
      },
    },
  });
  const unpriced = new UnpricedModels((advice) => log("warn", "unpriced", advice));
  const dates = new SpendingDates(store, {
    writer,
    clock,
    onFailed: (reason) =>
      log("warn", "storage_failing", { detail: `what was spent could not be dated: ${reason}` }),
  });
  watchClock(clockWatcher(log, { dates, hasUndated }));
  limiter.readClock();
  const accounts = new Accounts({
    clock,
    pricer,
    onOpen(account) {
      if (listeners.size > 0) tell({ kind: "started", exchange: account.running() });
    },
    onRow(ended) {
      const { row } = ended;
      writer.add(row);
      metrics.ended(row);
      const endpoint = served?.config.endpoints.find(({ name }) => name === row.endpoint);
      unpriced.ended(row, endpoint, pricer.library);
      traced?.(ended);
      if (listeners.size > 0) tell({ kind: "ended", exchange: row });
    },
  });

  let loading: Promise<void> = Promise.resolve();
  /** Reads come one after the other, so that the newest file stays in use. */
  const reloadPrices = ({ pricesFile }: ManagementConfig): void => {
    loading = loading.then(async () => {
      const list = await loadPrices(pricesFile, log);
      if ((list?.version ?? BUILT_IN_VERSION) !== pricer.library.version) pricer.use(await openPrices(list));
    }).catch((error) => log("error", "unexpected", { detail: String(error) }));
  };
  const refresh = async (): Promise<void> => {
    try {
      await tokens.refresh();
      onSecrets(tokens.secrets);
      readFails = false;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!readFails) log("error", "storage_failing", { detail: `${error.message}; known tokens go on` });
      readFails = true;
    }
  };
  const isStale = (): boolean => {
    try {
      return tokens.isStale || readFails;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return true;
    }
  };
  const access = new AccessAudit(store, {
    clock,
    onFailed: (reason) =>
      log("warn", "storage_failing", { detail: `an entry of the audit is lost: ${reason}` }),
  });
  const ending = new AbortController();
  const parts: ManageParts = {
    store,
    ending: ending.signal,
    box,
    clock,
    actor: "management token",
    changed: refresh,
    flushed: async () => {
      await accounts.settled();
      await writer.flush();
    },
    spent: (key) => limiter.spent(key),
    endpointNames: () => served?.config.endpoints.map(({ name }) => name),
    proxy: {
      running: () => accounts.running(),
      subscribe(listener, onEnd) {
        listeners.set(listener, onEnd);
        return () => listeners.delete(listener);
      },
      endpoints,
      storage,
      dropped: () => dropped,
      uptimeMs: () => clock.now() - startedAt,
      connectable: () => ({
        endpoints: served?.config.endpoints.map(configuredEndpoint) ?? [],
        defaultEndpoint: served?.routes.defaultEndpoint?.name,
        asksToken: served?.config.auth.mode !== "none",
        hasSelfSignedRoot: served?.config.server.tls !== undefined &&
          hasSelfSignedRoot(served.config.server.tls.cert),
      }),
      controls: () => controls,
      hasAdminPort: () => ports?.adminPort !== undefined,
      urls() {
        if (served === undefined) return [];
        const { server } = served.config;
        return serverUrls(server, { port: server.port, ...ports, lanAddresses: lanAddresses() });
      },
      probe: (endpoint) => probeBackends({ endpoints: [endpoint] }),
    },
  };
  const isAllowed = (address: string): boolean => mayCall(address) && mayManage(address);
  const answer = planeRoutes({
    parts,
    metrics,
    managementToken: config.token,
    metricsPublic: () => metricsPublic,
    adminIdleMs: () => adminIdleMs,
    isAllowed,
    isSecure: () =>
      served?.config.server.tls !== undefined &&
      (served.config.server.httpsPort === undefined || ports?.adminPort !== undefined),
    ports: () => ports,
    answerClient: () => served?.handler,
    dialectAt: (path) => served && match(served.routes, path)?.endpoint.provider,
    onRefused({ source: client, attempt, waitMs }) {
      access.refused(client, attempt);
      if (attempt === "rate_limited") return;
      log("warn", "management_refused", {
        client,
        detail: waitMs === 0
          ? "a wrong token"
          : `a wrong token; the address waits ${Math.ceil(waitMs / 1000)} s`,
      });
    },
    async onSignedIn(client) {
      log("info", "admin_signed_in", { client });
      await access.signedIn(client);
    },
    onSignedOut: (client) => access.signedOut(client),
    onUnexpected: (error) =>
      log("error", "unexpected", {
        detail: error instanceof Error ? error.stack ?? error.message : String(error),
      }),
  });
  const stopPruning = pruneHourly(store, {
    clock,
    retentionMs: () => retentionDays * DAY_MS,
    onPruned: (exchanges) => log("info", "usage_pruned", { detail: `${exchanges} exchanges` }),
    onFailed: (reason) =>
      log("warn", "storage_failing", { detail: `old usage could not be removed: ${reason}` }),
  });
  const stopBackups = backupOnSchedule(store, {
    clock,
    schedule: () => backup,
    onDone(file) {
      log("info", "backup_made", { file });
      metrics.backedUp(clock.epochMs());
    },
    onFailed: (reason) => log("error", "backup_failed", { detail: reason }),
  });

  return {
    accounts,
    limiter,
    storage,
    adminPlace(entry, address) {
      if (!isAllowed(address)) return { kind: "closed" };
      switch (entry) {
        case "all":
          return { kind: "here" };
        case "admin":
          return { kind: "own_port" };
        case "clients":
          return { kind: "other_port", port: ports?.adminPort };
        default:
          return entry satisfies never;
      }
    },
    check: (candidate) => tokens.check(candidate),
    refreshed: () => isStale() ? refresh() : undefined,
    failedOver: ({ endpoint, backend }) => metrics.failedOver(endpoint, backend),
    refused: (ending) => metrics.refused(ending),
    serves(next) {
      served = next;
      mayCall = addressTest(next.config.server.allowedIps);
      for (const { name, priceProvider } of next.config.endpoints) {
        if (
          priceProvider === undefined || priceProvider === LOCAL_PRICES || pricer.library.knows(priceProvider)
        ) continue;
        const detail = `endpoints.${name}.price_provider ${
          JSON.stringify(priceProvider)
        } is not known: nothing has a price`;
        log("warn", "configuration", { detail });
      }
    },
    controlledBy: (given) => void (controls = given),
    listens: (listening) => void (ports = listening),
    configure(next) {
      ({ retentionDays, metricsPublic, adminIdleMs, backup } = next);
      mayManage = addressTest(next.allowedIps);
      reloadPrices(next);
      limiter.configure(next.budgetPeriods);
    },
    answer,
    drain() {
      ending.abort();
      for (const onEnd of listeners.values()) onEnd();
    },
    async close() {
      stopPruning();
      await stopBackups();
      await loading;
      await accounts.settled();
      await dates.close();
      await writer.close();
      await access.close();
      store.close();
    },
  };
}
