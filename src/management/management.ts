/** The running management plane: managed tokens, usage, metrics, the management API and the admin page. */

import { Accounts } from "../accounting/accounts.ts";
import type { RunningExchange } from "../accounting/running_exchange.ts";
import type { Pricer } from "../accounting/prices/cost.ts";
import type { Objects } from "../accounting/settlement/objects.ts";
import { UnpricedModels } from "../accounting/prices/unpriced_models.ts";
import type { FailureGate } from "../auth/failure_gate.ts";
import type { JwtAccess } from "../auth/jwt/client_jwt.ts";
import type { ManagedTokens } from "../auth/managed_tokens.ts";
import type { TokenCheckResult } from "../auth/shared_token.ts";
import type { ModelListStore } from "../catalogue/catalogue.ts";
import type { ModelFacts } from "../catalogue/merged_list.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { KnownObjects } from "../objects/known_objects.ts";
import { probeBackends } from "../forwarding/probe.ts";
import type { Management as ManagementPort } from "../handler/proxy_parts.ts";
import type { Entry, IncomingRequest } from "../http/message.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import type { Limiter } from "../limits/limiter.ts";
import type { Log } from "../observability/log.ts";
import { Metrics } from "../observability/metrics.ts";
import { exchangeTracer } from "../observability/tracing.ts";
import type { StorageHealth } from "../own_routes/health.ts";
import type { AdminPlace } from "../own_routes/page_html.ts";
import { ExchangeWriter } from "../storage/exchange_writer.ts";
import { type OwnRunFile, writeRunFile } from "../storage/run_files.ts";
import type { SecretBox } from "../storage/secret_box.ts";
import { SpendingDates } from "../storage/spending_dates.ts";
import { isPostgresUrl } from "../network/postgres_url.ts";
import { type ExchangeRow, type Store, StoreError } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";
import type { Controls, RunningProxy } from "./api/parts.ts";
import { AccessAudit, REFUSED_TEXTS } from "./api/access_audit.ts";
import { type ControlAccess, textOfAccess } from "./control/control_access.ts";
import { createControlSecret } from "./control/signatures.ts";
import { Replicas } from "./replicas.ts";
import { DatabaseLoss, unconfirmedToken } from "./database_loss.ts";
import { AccountPeople } from "./account_people.ts";
import { ProviderSignIn } from "./admin/provider_sign_in.ts";
import { adminPlaceAt } from "./admin_place.ts";
import type { JoinedReplica } from "./join_replicas.ts";
import { directoryOf } from "./directory.ts";
import { ExchangeRecorder } from "./exchange_recorder.ts";
import { LiveFeed } from "./live_feed.ts";
import { ModelFactsTable } from "./model_facts.ts";
import { PeriodicWork } from "./periodic_work.ts";
import { PriceReload } from "./price_reload.ts";
import { managementRoutes, type ManagementRoutesParts } from "./routes.ts";
import { type Ports, Served, type ServedConfig } from "./served.ts";
import { ManagementSettings } from "./settings.ts";
import { clockWatcher } from "./spending.ts";
import { storedModelLists } from "./stored_model_lists.ts";
import { TokenRefresh } from "./token_refresh.ts";
import { ManagedThreads } from "./threads/managed_threads.ts";
import { mergedReports } from "./threads/merged_reports.ts";
import { watchForThreads } from "./threads/watch_for_threads.ts";
import { traceOf } from "../text/error_text.ts";

/** Other replicas get only this part of the hash of a wrong token, which can be a mistyped one. */
const SHARED_GUESS_CHARACTERS = 8;

/** The parts that `openManagement` opens. */
export interface ManagementParts {
  readonly log: Log;
  readonly clock: Clock;
  /** Gets the provider keys of all projects, so that the log can redact them. */
  readonly onSecrets: (secrets: readonly string[]) => void;
  readonly store: Store;
  readonly box: SecretBox;
  readonly tokens: ManagedTokens;
  readonly pricer: Pricer;
  readonly limiter: Limiter;
  /** This process as one of several replicas. `undefined` if it counts alone. */
  readonly joined: JoinedReplica | undefined;
  /** Whether the database holds spending that was booked while the clock was wrong. */
  readonly hasUndated: boolean;
  /** Sets the callback of the limiter for changes of the clock. */
  readonly watchClock: (watcher: (event: ClockEvent) => void) => void;
  /** Sets the test whether requests under a budget must not begin. */
  readonly setDatabaseLost: (test: () => boolean) => void;
  readonly objects: Objects;
  /** Who made which objects at the providers. */
  readonly knownObjects: KnownObjects;
  /** Sets the callback for the exchange rows of settled objects. */
  readonly watchSettled: (watcher: (row: ExchangeRow) => void) => void;
}

/** The management plane. It owns the store and closes it. */
export class Management implements ManagementPort {
  readonly accounts: Accounts;
  readonly limiter: Limiter;
  /** Who made which objects at the providers. */
  readonly objects: KnownObjects;
  readonly answer: ManagementPort["answer"];
  readonly #parts: ManagementParts;
  readonly #startedAt: number;
  readonly #served = new Served();
  readonly #feed = new LiveFeed();
  readonly #settings: ManagementSettings;
  readonly #refresh: TokenRefresh;
  readonly #prices: PriceReload;
  readonly #metrics: Metrics;
  readonly #writer: ExchangeWriter;
  readonly #loss: DatabaseLoss;
  /** The proxies on the database. `undefined` if the database is a file, which other machines cannot open. */
  readonly #replicas: Replicas | undefined;
  readonly #dates: SpendingDates;
  readonly #audit: AccessAudit;
  /** The providers with which people sign in; `undefined` without one. */
  readonly #providers: ProviderSignIn | undefined;
  readonly #recorder: ExchangeRecorder;
  readonly #people: AccountPeople;
  readonly #modelFacts: ModelFactsTable;
  readonly #ending = new AbortController();
  readonly #periodic: PeriodicWork;
  readonly #databaseUrl: string;
  readonly #controlSecret = createControlSecret();
  #runFile: OwnRunFile | undefined;
  /** The serving threads. `undefined` if the proxy serves with one thread. */
  #threads: ManagedThreads | undefined;
  #stopWatching = (): void => {};
  #controls: Controls | undefined;

  constructor(config: ManagementConfig, parts: ManagementParts) {
    const { log, clock, store, tokens, pricer, limiter, joined, hasUndated, watchClock } = parts;
    const { objects, watchSettled } = parts;
    this.#parts = parts;
    this.#databaseUrl = config.databaseUrl;
    this.#startedAt = clock.now();
    this.#settings = new ManagementSettings(config);
    const { onSecrets } = parts;
    const onRefreshed = (): void => this.#threads?.state.changed();
    this.#refresh = new TokenRefresh(tokens, { log, clock, onSecrets, onRefreshed });
    this.#prices = new PriceReload(pricer, log);
    this.#metrics = new Metrics(this.#served.metricsSources({
      running: () => this.#running(),
      endpoints: () => this.#endpoints(),
    }));
    this.#writer = this.#openWriter();
    this.#loss = new DatabaseLoss(
      { tokens: this.#refresh, writer: this.#writer, log },
      config.onDatabaseLoss,
    );
    parts.setDatabaseLost(() => this.#loss.refusesBudgets());
    this.#people = new AccountPeople(
      store,
      (reason) => this.#storageFailed(`the name of an account is not kept: ${reason}`),
    );
    this.#modelFacts = new ModelFactsTable(pricer);
    this.#recorder = new ExchangeRecorder({
      log,
      writer: this.#writer,
      metrics: this.#metrics,
      feed: this.#feed,
      trace: exchangeTracer(),
      unpriced: new UnpricedModels((advice) => log("warn", "unpriced", advice)),
      pricer,
      endpointNamed: (name) => this.#served.endpointNamed(name),
    });
    this.#dates = new SpendingDates(store, {
      writer: this.#writer,
      clock,
      onFailed: (reason) =>
        this.#storageFailed(`spending could not be moved after a change of the clock: ${reason}`),
    });
    this.#audit = new AccessAudit(store, {
      clock,
      onFailed: (reason) => this.#storageFailed(`an audit entry is lost: ${reason}`),
    });
    this.#providers = config.signIn && new ProviderSignIn({
      ...parts,
      config: config.signIn,
      directory: directoryOf(config),
      onChanged: () => this.#refresh.refresh(),
      authorities: () => this.#served.authorities,
    });
    this.limiter = limiter;
    this.objects = parts.knownObjects;
    watchClock(clockWatcher(log, { dates: this.#dates, hasUndated }));
    limiter.readClock();
    this.accounts = new Accounts({
      onUnexpected: (error, id) => log("error", "unexpected", { id, detail: traceOf(error) }),
      clock,
      pricer,
      objects,
      endpointNamed: (name) => this.#served.endpointNamed(name),
      onOpen: (account) => {
        if (this.#feed.hasListeners) this.#feed.send({ kind: "started", exchange: account.running() });
      },
      onContradiction: ({ id, endpoint, detail }) => {
        this.#metrics.contradicted(endpoint);
        log("debug", "usage_contradictory", { id, endpoint, detail });
      },
    });
    watchSettled((row) => this.#recorder.publish(row));
    if (joined !== undefined) joined.events.flushed = () => this.#flushAll();
    const limitsVersion = joined?.limitsVersion;
    this.#replicas = store.copies === undefined
      ? new Replicas(store, { clock, log, limitsVersion })
      : undefined;
    if (joined !== undefined) joined.events.hasOtherLimits = () => this.#replicas?.hasOtherLimits ?? false;
    this.answer = this.#openRoutes(config);
    this.#periodic = new PeriodicWork(store, {
      clock,
      log,
      settings: this.#settings,
      confirmTokens: () => this.#refresh.refreshIfChanged(),
      onBackup: () => this.#metrics.backedUp(clock.epochMs()),
      onPruneFailed: (reason) => this.#storageFailed(`old usage could not be deleted: ${reason}`),
      onUnexpected: (error) => this.#unexpected(error),
    });
  }

  /**
   * Looks up a managed token. Returns `undefined` if the value is not a managed token. Throws `overloaded`
   * for a valid token that the database could not confirm for too long.
   */
  checkToken(candidate: string): TokenCheckResult | undefined {
    const result = this.#parts.tokens.check(candidate);
    if (result !== undefined && "principal" in result && this.#loss.refusesTokens()) throw unconfirmedToken();
    return result;
  }

  /** The projects and people, for tokens of providers. */
  get jwtAccess(): JwtAccess {
    return {
      projectNamed: (name) => this.#parts.tokens.projectNamed(name),
      personOf: (account) => this.#people.personOf(account),
      checkConfirmed: () => {
        if (this.#loss.refusesTokens()) throw unconfirmedToken();
      },
    };
  }

  /** Reads the changed tokens if the database may have changed. Returns `undefined` if it has not changed. */
  refreshed(): Promise<void> | undefined {
    return this.#refresh.refreshIfChanged();
  }

  /** The price and the context window of a model at an endpoint. */
  modelFacts(endpoint: string, model: string): ModelFacts {
    return this.#modelFacts.factsOf(this.#served.endpointNamed(endpoint), model);
  }

  /** Keeps the lists of models of endpoints over restarts. */
  get modelLists(): ModelListStore {
    return storedModelLists(this.#parts.store, (reason) => this.#storageFailed(reason));
  }

  /** Whether the database works: the last read of tokens, and the last write of usage. */
  storage(): StorageHealth {
    return this.#refresh.hasFailed ? "failing" : this.#writer.health;
  }

  /** The address of the admin page as this client sees it. */
  adminPlace(entry: Entry, address: string): AdminPlace {
    return adminPlaceAt(entry, {
      isAllowed: this.#isAllowed(address),
      adminPort: this.#served.ports?.adminPort,
    });
  }

  /** Counts a failed attempt that another attempt follows. */
  recordFailover({ endpoint, backend }: { endpoint: string | undefined; backend: string }): void {
    this.#metrics.failedOver(endpoint, backend);
  }

  /** Records an exchange that has ended, as {@link ExchangeRecorder.record} describes. */
  record(record: ExchangeRecord, request: Pick<IncomingRequest, "fields">): void {
    this.#recorder.record(record, request);
  }

  /** Sets the configuration that serves requests from now on. */
  onConfig(served: ServedConfig): void {
    this.#served.serve(served);
    this.#providers?.useAuthorities();
    this.#replicas?.setHash(served.config.hash);
    this.#prices.warnOfUnknownProviders(served.config);
    this.#modelFacts.forget();
  }

  /** Counts wrong tokens of clients together with other replicas. */
  shareGuesses(gate: Pick<FailureGate, "share" | "wait">): void {
    const { joined } = this.#parts;
    if (joined === undefined) return;
    gate.share((group, guess) => joined.replica.guess(group, guess.slice(0, SHARED_GUESS_CHARACTERS)));
    joined.events.onWaits = (waits) => {
      for (const { group, waitMs } of waits) gate.wait(group, waitMs);
    };
  }

  /** Sets the ports that the server listens on. */
  onListening(ports: Ports): void {
    this.#served.listen(ports);
  }

  /** Begins to serve the calls of serving threads. Call it at most once, before the first thread starts. */
  serveThreads(): ManagedThreads {
    const { store, box, clock, objects, knownObjects, log } = this.#parts;
    const threads = new ManagedThreads({
      store,
      box,
      clock,
      limiter: this.limiter,
      objects,
      knownObjects,
      answer: this.answer,
      personOf: (account) => this.#people.personOf(account),
      onTaken: (exchange) => {
        if (this.#feed.hasListeners) this.#feed.send({ kind: "started", exchange: exchange() });
      },
      onEnded: (row) => this.#recorder.add(row),
      onDropped: (reason) => this.#recorder.drop(reason),
      onRefused: (ending) => this.#metrics.refused(ending),
      onFailover: (failure) => this.recordFailover(failure),
      onContradiction: (endpoint) => this.#metrics.contradicted(endpoint),
    });
    this.#threads = threads;
    this.#stopWatching = watchForThreads(threads, {
      clock,
      refreshTokens: () => this.#refresh.refreshIfChanged(),
      storage: () => this.storage(),
      refusesTokens: () => this.#loss.refusesTokens(),
      isWatched: () => this.#feed.hasListeners,
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
    });
    return threads;
  }

  /** Sets the functions that reload the configuration and stop the program. */
  setControls(controls: Controls): void {
    this.#controls = controls;
  }

  /** Lets commands on this machine find the proxy, until it drains. */
  publish({ url, certificates }: Pick<ControlAccess, "url" | "certificates">): void {
    const text = textOfAccess({ url, certificates, secret: this.#controlSecret });
    try {
      this.#runFile = writeRunFile(this.#databaseUrl, text);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const detail = `${error.message}; reload, stop and check --changed need --url`;
      // A container without a folder for files is usual where the database is a server.
      this.#parts.log(isPostgresUrl(this.#databaseUrl) ? "info" : "warn", "run_file_failed", { detail });
    }
  }

  /** Applies the settings that a reload can change. */
  configure(config: ManagementConfig): void {
    this.#settings.apply(config);
    this.#prices.read(config);
    this.limiter.configure(config.budgetPeriods);
    this.#loss.configure(config.onDatabaseLoss);
    if (config.sharedLimits) this.#parts.joined?.replica.configure(config.sharedLimits.onLoss);
  }

  /** Ends the live streams and long tasks of the management plane. */
  drain(): void {
    this.#runFile?.remove();
    this.#ending.abort();
    this.#feed.end();
  }

  /** Writes the queued data, and closes the store. A step that fails is logged, and the next steps follow. */
  async close(): Promise<void> {
    this.#runFile?.remove();
    // The timers stop now. The first step below waits for a backup that still runs.
    const periodic = this.#periodic.stop();
    this.#stopWatching();
    this.#providers?.close();
    const steps = [
      () => periodic,
      () => this.#prices.settled(),
      () => this.accounts.settled(),
      () => this.#parts.objects.close(),
      () => this.objects.close(),
      async () => await this.#parts.joined?.replica.close(),
      () => this.#dates.close(),
      () => this.#writer.close(),
      () => this.#audit.close(),
      async () => await this.#replicas?.close(),
      () => this.#parts.store.close(),
    ];
    for (const step of steps) await step().catch((error) => this.#unexpected(error));
  }

  /** The exchanges that run in all threads. */
  #running(): readonly RunningExchange[] {
    const own = this.accounts.running();
    return this.#threads === undefined ? own : [...own, ...this.#threads.running()];
  }

  /** All endpoints, with the states of their backends in all threads. */
  #endpoints(): ReturnType<RunningProxy["endpoints"]> {
    const own = this.#served.endpoints();
    const threads = this.#threads;
    if (threads === undefined) return own;
    return own.map(({ endpoint, backends }) => ({
      endpoint,
      backends: mergedReports(backends, threads.backends(endpoint.name)),
    }));
  }

  #isAllowed(address: string): boolean {
    return this.#served.mayConnect(address) && this.#settings.mayManage(address);
  }

  #unexpected(error: unknown): void {
    this.#parts.log("error", "unexpected", { detail: traceOf(error) });
  }

  #storageFailed(detail: string): void {
    this.#parts.log("warn", "storage_failing", { detail });
  }

  #openWriter(): ExchangeWriter {
    const { store, clock, log, joined } = this.#parts;
    return new ExchangeWriter(store, {
      clock,
      pages: joined?.pages,
      events: {
        onHealth(health, reason) {
          if (health === "ok") log("info", "storage_recovered");
          else log("error", "storage_failing", { detail: `${reason}; usage waits in the queue` });
        },
        onDropped: (reason) => this.#recorder.drop(reason),
      },
    });
  }

  #openRoutes(config: ManagementConfig): ManagementPort["answer"] {
    const { log } = this.#parts;
    return managementRoutes({
      parts: this.#apiParts(config),
      metrics: this.#metrics,
      managementToken: config.token,
      providers: this.#providers,
      directory: directoryOf(config),
      publicUrl: config.publicUrl,
      controlSecret: this.#controlSecret,
      settings: this.#settings,
      served: this.#served,
      isAllowed: (address) => this.#isAllowed(address),
      onRefused: ({ source: client, attempt, waitMs }) => {
        this.#audit.refused(client, attempt);
        if (attempt === "rate_limited") return;
        const wait = waitMs === 0 ? "" : `; the address waits ${Math.ceil(waitMs / 1000)} s`;
        log("warn", "management_refused", { client, detail: `${REFUSED_TEXTS[attempt]}${wait}` });
      },
      onSignedIn: async (client, actor) => {
        log("info", "admin_signed_in", { client });
        await this.#audit.signedIn(client, actor);
      },
      onSignedOut: (client, actor) => this.#audit.signedOut(client, actor),
      onUnexpected: (error) => this.#unexpected(error),
    });
  }

  #apiParts({ publicUrl }: ManagementConfig): ManagementRoutesParts["parts"] {
    const { store, box, clock } = this.#parts;
    const served = this.#served;
    return {
      store,
      ending: this.#ending.signal,
      box,
      clock,
      changed: () => this.#refresh.refresh(),
      flushed: () => this.#flush(),
      spent: (key) => this.limiter.spent(key),
      endpointNames: () => served.endpointNames,
      adminOrigins: () => served.adminOrigins(publicUrl),
      hasPublicUrl: publicUrl !== undefined,
      ownerOf: (tokenId) => this.#parts.tokens.ownerOf(tokenId) ?? this.#people.ownerOf(tokenId),
      proxy: {
        running: () => this.#running(),
        refreshed: async (age) => await this.#threads?.refresh(age),
        subscribe: (listener, onEnd) => this.#feed.subscribe(listener, onEnd),
        endpoints: () => this.#endpoints(),
        storage: () => this.storage(),
        dropped: () => this.#recorder.dropped,
        uptimeMs: () => clock.now() - this.#startedAt,
        connectable: () => served.connectable(),
        controls: () => this.#controls,
        hasAdminPort: () => served.hasAdminPort,
        urls: () => served.urls(),
        replicas: () => this.#replicas,
        configHash: () => served.configHash,
        probe: (endpoint) => probeBackends({ endpoints: [endpoint] }),
      },
    };
  }

  /** Writes the usage of all exchanges and objects that have ended into the database. */
  async #flush(): Promise<void> {
    await this.accounts.settled();
    await this.#parts.objects.idle();
    await this.#writer.flush();
  }

  /** Rejects if some of the queued usage could not be written. */
  async #flushAll(): Promise<void> {
    await this.#flush();
    if (this.#writer.health === "failing") throw new Error("the usage of this process cannot be written");
  }
}
