/** The management plane of a serving thread. What all threads share is in the main thread. */

import { Accounts } from "../../accounting/accounts.ts";
import { exchangeRow } from "../../accounting/exchange_row.ts";
import { Pricer } from "../../accounting/prices/cost.ts";
import { loadPrices } from "../../accounting/prices/load_prices.ts";
import { openPrices } from "../../accounting/prices/published_prices.ts";
import type { ReportedPart } from "../../accounting/settlement/settlement.ts";
import type { JwtAccess } from "../../auth/jwt/client_jwt.ts";
import { ManagedTokens } from "../../auth/managed_tokens.ts";
import type { TokenCheckResult } from "../../auth/shared_token.ts";
import type { ModelListStore } from "../../catalogue/catalogue.ts";
import type { ModelFacts } from "../../catalogue/merged_list.ts";
import type { ManagementConfig } from "../../config/config.ts";
import type { ExchangeRecord } from "../../exchange_record.ts";
import { fieldValue } from "../../http/fields.ts";
import type { Entry, IncomingRequest } from "../../http/message.ts";
import { isPostgresUrl } from "../../network/postgres_url.ts";
import { KnownObjects } from "../../objects/known_objects.ts";
import type { Log } from "../../observability/log.ts";
import { exchangeTracer } from "../../observability/tracing.ts";
import type { StorageHealth } from "../../own_routes/health.ts";
import type { ManagementRoutes } from "../../own_routes/own_reply.ts";
import type { AdminPlace } from "../../own_routes/page_html.ts";
import type { AwaitedObject } from "../../storage/object_store.ts";
import { shortPause } from "../../streams/turn.ts";
import { messageOf, traceOf } from "../../text/error_text.ts";
import type { Clock } from "../../time/clock.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import { ModelFactsTable } from "../model_facts.ts";
import { PriceReload } from "../price_reload.ts";
import { type Ports, Served, type ServedConfig } from "../served.ts";
import { ManagementSettings } from "../settings.ts";
import { unconfirmedToken } from "../database_loss.ts";
import { adminPlaceAt } from "../admin_place.ts";
import { TokenRefresh } from "../token_refresh.ts";
import { type ManagedThreadMethods, type ManagementMethods, type ThreadReport, toJson } from "./methods.ts";
import { RemoteLimiter } from "./remote_limiter.ts";
import { RemoteRoutes } from "./remote_routes.ts";
import { SharedState } from "./shared_state.ts";
import { ThreadObjects } from "./thread_objects.ts";

/** What {@link ThreadManagement} needs of its thread. */
export interface ThreadManagementContext {
  readonly log: Log;
  readonly clock: Clock;
  /** Gets the provider keys of all projects, so that the log can redact them. */
  readonly onSecrets: (secrets: readonly string[]) => void;
  readonly port: ThreadPort<ManagementMethods>;
  /** The memory of {@link SharedState}. */
  readonly state: SharedArrayBuffer;
  readonly ports: Ports;
}

/** The parts that {@link ThreadManagement.open} opens. */
interface ThreadParts extends Omit<ThreadManagementContext, "state"> {
  readonly state: SharedState;
  readonly tokens: ManagedTokens;
  readonly pricer: Pricer;
  readonly knownObjects: KnownObjects;
}

/** Checks tokens and measures usage in its thread, and asks the main thread about limits and the database. */
export class ThreadManagement {
  readonly accounts: Accounts;
  readonly limiter: RemoteLimiter;
  readonly objects: KnownObjects;
  readonly answer: ManagementRoutes["answer"];
  readonly #parts: ThreadParts;
  readonly #served = new Served();
  readonly #settings: ManagementSettings;
  readonly #refresh: TokenRefresh;
  readonly #prices: PriceReload;
  readonly #modelFacts: ModelFactsTable;
  readonly #trace = exchangeTracer();
  readonly #routes: RemoteRoutes;
  readonly #threadObjects: ThreadObjects;

  private constructor(config: ManagementConfig, parts: ThreadParts) {
    const { port, log, clock, tokens, pricer, ports } = parts;
    this.#parts = parts;
    this.limiter = new RemoteLimiter(port);
    this.objects = parts.knownObjects;
    this.#settings = new ManagementSettings(config);
    this.#refresh = new TokenRefresh(tokens, parts);
    // The main thread logs which prices are used.
    this.#prices = new PriceReload(pricer, () => {});
    this.#modelFacts = new ModelFactsTable(pricer);
    this.#routes = new RemoteRoutes(port);
    this.#threadObjects = new ThreadObjects(port, clock);
    this.answer = (request, client) => this.#routes.answer(request, client);
    this.#served.listen(ports);
    this.accounts = new Accounts({
      clock,
      pricer,
      objects: this.#threadObjects,
      endpointNamed: (name) => this.#served.endpointNamed(name),
      onUnexpected: (error, id) => log("error", "unexpected", { id, detail: traceOf(error) }),
      onContradiction: ({ id, endpoint, detail }) => {
        port.send("contradicted", endpoint);
        log("debug", "usage_contradictory", { id, endpoint, detail });
      },
    });
  }

  /** Reads the tokens and the prices. Throws a `StoreError`. */
  static async open(config: ManagementConfig, context: ThreadManagementContext): Promise<ThreadManagement> {
    const { port, log, clock, onSecrets } = context;
    const state = new SharedState(context.state);
    let seen = 0;
    const reading = <Result>(read: () => Promise<Result>): Promise<Result> => {
      // A change during the read is read later.
      seen = state.changes;
      return read();
    };
    const tokens = new ManagedTokens({
      readAccess: () => reading(() => port.call("readAccess")),
      readAccessChanges: (position) => reading(() => port.call("readAccessChanges", position)),
      hasAccessChanged: () => state.changes !== seen,
    }, {
      box: { open: (sealed, context) => port.call("openKey", sealed, context) },
      clock,
      // The main thread logs it.
      onUnreadable() {},
    });
    await tokens.refresh();
    onSecrets(tokens.secrets);
    const pricer = new Pricer(await openPrices(await loadPrices(config.pricesFile, () => {})));
    const knownObjects = await KnownObjects.open({
      store: {
        addMadeObjects: (objects) => {
          const added = port.call("addMadeObjects", objects);
          port.flush();
          return added;
        },
        removeMadeObjects: (objects) => port.call("removeMadeObjects", objects),
        findMadeObjects: (ids) => port.call("findMadeObjects", ids),
        listObjectMakers: () => port.call("listObjectMakers"),
      },
      isShared: isPostgresUrl(config.databaseUrl),
      clock,
      onFailed: (reason) =>
        log("warn", "storage_failing", {
          detail: `the makers of stored objects: ${reason}; the proxy tries again`,
        }),
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
    });
    return new ThreadManagement(config, { ...context, state, tokens, pricer, knownObjects });
  }

  /** What the main thread calls. */
  offered(): ManagedThreadMethods {
    return {
      chargeObject: (id: number, object: AwaitedObject, part: ReportedPart) =>
        this.#threadObjects.charge(id, object, part),
      chargeMade: (object, part) => this.accounts.chargeMade(object, part),
      noRoom: (creator) => this.#threadObjects.noRoom(creator),
      pullBody: (id) => this.#routes.pullBody(id),
      authenticated: (id, holder) => this.#routes.authenticated(id, holder),
      report: () => this.#report(),
      learnMaker: (maker) => this.objects.learnMaker(maker),
      forgetObject: (object) => this.objects.forget(object),
    };
  }

  /** The main thread shares wrong tokens with other replicas. */
  shareGuesses(): void {}

  /** Does what `Management.checkToken` does. */
  checkToken(candidate: string): TokenCheckResult | undefined {
    const { tokens, state } = this.#parts;
    const result = tokens.check(candidate);
    if (result !== undefined && "principal" in result && state.refusesTokens) throw unconfirmedToken();
    return result;
  }

  /** The projects and people, for tokens of providers. */
  get jwtAccess(): JwtAccess {
    const { tokens, port, state } = this.#parts;
    return {
      projectNamed: (name) => tokens.projectNamed(name),
      personOf: (account) => port.call("personOf", account),
      checkConfirmed() {
        if (state.refusesTokens) throw unconfirmedToken();
      },
    };
  }

  /** Reads the changed tokens if the main thread knows of a change. Returns `undefined` otherwise. */
  refreshed(): Promise<void> | undefined {
    return this.#refresh.refreshIfChanged();
  }

  /** The price and the context window of a model at an endpoint. */
  modelFacts(endpoint: string, model: string): ModelFacts {
    return this.#modelFacts.factsOf(this.#served.endpointNamed(endpoint), model);
  }

  /** Keeps the lists of models of endpoints over restarts. */
  get modelLists(): ModelListStore {
    const { port, log } = this.#parts;
    const nameOf = (endpoint: string) => `models of ${endpoint}`;
    return {
      load: (endpoint) => port.call("readNote", nameOf(endpoint)),
      save: (endpoint, text) => {
        port.call("writeNote", nameOf(endpoint), text).catch((error) =>
          log("warn", "storage_failing", {
            detail: `the list of models of ${endpoint} is not kept: ${messageOf(error)}`,
          })
        );
      },
    };
  }

  /** Whether the database works, in this thread and in the main thread. */
  storage(): StorageHealth {
    return this.#refresh.hasFailed ? "failing" : this.#parts.state.storage;
  }

  /** The address of the admin page as this client sees it. */
  adminPlace(entry: Entry, address: string): AdminPlace {
    const isAllowed = this.#served.mayConnect(address) && this.#settings.mayManage(address);
    return adminPlaceAt(entry, { isAllowed, adminPort: this.#parts.ports.adminPort });
  }

  /** Counts a failed attempt that another attempt follows. */
  recordFailover(failure: { endpoint: string | undefined; backend: string }): void {
    this.#parts.port.send("failedOver", failure);
  }

  /** Records an exchange that has ended, in the main thread. */
  record(record: ExchangeRecord, { fields }: Pick<IncomingRequest, "fields">): void {
    const { port } = this.#parts;
    const { usage } = record;
    if (usage === undefined) {
      if (record.principal === undefined) port.send("refused", record.ending);
      else port.send("dropped", record.id, `the usage of ${record.id} could not be worked out`);
      return;
    }
    const row = exchangeRow(record, usage);
    this.#trace?.({ row, record, traceparent: fieldValue(fields, "traceparent") });
    port.sendLater("ended", toJson(row));
  }

  /** Sets the configuration that serves requests from now on. */
  onConfig(served: ServedConfig): void {
    this.#served.serve(served);
    this.#modelFacts.forget();
  }

  /** Applies the settings that a reload can change. */
  configure(config: ManagementConfig): void {
    this.#settings.apply(config);
    this.#prices.read(config);
  }

  /** The main thread ends its live streams and long tasks. */
  drain(): void {}

  /** Sends what is not recorded yet to the main thread. */
  async close(): Promise<void> {
    await this.#prices.settled();
    await this.accounts.settled();
    await this.objects.close();
  }

  async #report(): Promise<ThreadReport> {
    // A client can have a whole response, and the thread does not yet know that the response was written.
    await shortPause();
    const backends = new Map(
      this.#served.endpoints().map(({ endpoint, backends }) => [
        endpoint.name,
        backends.map(({ backend, ...report }) => ({ ...report, backend: backend.name })),
      ]),
    );
    return { running: this.accounts.running(), backends };
  }
}
