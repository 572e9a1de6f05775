/** The composition root: creates the parts of the proxy, and connects them. */

import type { AppManagement } from "./app/app_management.ts";
import { logHealth } from "./app/backend_log.ts";
import { ownHostname } from "./app/own_hostname.ts";
import { ProviderTokens } from "./app/provider_tokens.ts";
import { RunningCancellations } from "./app/running_cancellations.ts";
import { ClientAccess } from "./auth/client_access.ts";
import { FailureGate, type Guess } from "./auth/failure_gate.ts";
import type { AccessControl } from "./auth/identify_client.ts";
import { openAccessCheck } from "./auth/open_access.ts";
import { sharedTokenCheck } from "./auth/shared_token.ts";
import { Catalogue, type CataloguedEndpoint } from "./catalogue/catalogue.ts";
import type { Config, Endpoint } from "./config/config.ts";
import { presetOf } from "./config/values/presets.ts";
import type { ExchangeParts } from "./exchange/exchange_parts.ts";
import { Balancer } from "./forwarding/balancer.ts";
import { HealthChecks } from "./forwarding/health_checks.ts";
import { createHttp1Transport } from "./forwarding/transport/http1.ts";
import { SystemRoots } from "./forwarding/transport/system_roots.ts";
import type { Transport } from "./forwarding/transport/transport.ts";
import { createHandler } from "./handler.ts";
import type { Handler } from "./http/message.ts";
import { ConcurrencyLimiter } from "./capacity/concurrency_limiter.ts";
import { HeldBytes } from "./capacity/held_bytes.ts";
import { WholeResponses } from "./capacity/whole_responses.ts";
import { MergedListCache } from "./catalogue/merged_list_cache.ts";
import { KnownObjects } from "./objects/known_objects.ts";
import { exchangeLogger } from "./observability/exchange_log.ts";
import type { Log } from "./observability/log.ts";
import { buildRoutingTable, type RoutingTable } from "./routing/table.ts";
import { traceOf } from "./text/error_text.ts";
import { randomIds } from "./text/random_ids.ts";
import { type Clock, systemClock } from "./time/clock.ts";
import type { ThreadSlots } from "./workers/thread_slots.ts";

/**
 * The memory for all request bodies and for responses that the proxy holds whole, in bytes: eight of the
 * longest bodies fit, or thousands of usual ones.
 */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
/** The least memory for bodies of one of several threads, which share {@link MAX_HELD_BYTES}. */
const LEAST_HELD_BYTES = 64 * 1024 * 1024;

/** A proxy that handles requests. The caller of {@link createApp} has to close it. */
export interface App {
  /** Handles a request. It needs no `this`: `const { handler } = app` works. */
  readonly handler: Handler;
  /** Uses another configuration for new requests. Running requests keep their configuration. */
  configure(config: Config): void;
  /** Counts wrong tokens of clients. */
  readonly gate: FailureGate;
  /**
   * Calls a function with each group of addresses that must wait, because other replicas got wrong tokens
   * from it.
   */
  watchWaits(onWait: (group: string, waitMs: number) => void): void;
  /** Answers `/readyz` with 503, so that load balancers send no new requests. The proxy still takes them. */
  announceDrain(): void;
  /** Rejects new requests. Running exchanges go on. */
  drain(): void;
  /** Returns the number of running exchanges. */
  inFlight(): number;
  /** Aborts all running exchanges. Their responses do not look complete to clients. */
  abortAll(): void;
  /** Closes the pooled connections to upstreams. */
  close(): void;
}

/** What {@link createApp} needs besides a configuration. */
export interface AppParts {
  readonly log: Log;
  readonly clock?: Clock;
  /** Makes the id of an exchange. */
  readonly createId?: () => string;
  /** The management plane, which the caller has opened and closes. `undefined` if it is off. */
  readonly management?: AppManagement | undefined;
  /** What this thread shares with others. `undefined` if the proxy serves with one thread. */
  readonly shared?: SharedParts | undefined;
}

/** What the threads of a proxy share. */
export interface SharedParts {
  readonly slots: ThreadSlots;
  readonly receivingSlots: ThreadSlots;
  /** Called with each wrong token. */
  readonly onGuess: (guess: Guess) => void;
}

/** Creates a proxy from a valid configuration. */
export function createApp(config: Config, parts: AppParts): App {
  return new ProxyApp(config, parts);
}

/** The proxy with everything that outlives a configuration. */
class ProxyApp implements App {
  readonly handler: Handler = (request) => this.#handler(request);
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #createId: () => string;
  readonly #management: AppManagement | undefined;
  readonly #startedAt: number;
  readonly #hostname = ownHostname();
  readonly #systemRoots: SystemRoots;
  readonly #transport: Transport;
  readonly #gate: FailureGate;
  readonly #slots: ConcurrencyLimiter | ThreadSlots;
  readonly #receivingSlots: ConcurrencyLimiter | ThreadSlots;
  readonly #heldBytes: HeldBytes;
  readonly #wholeResponses: WholeResponses;
  readonly #running = new RunningCancellations();
  readonly #objects: KnownObjects;
  readonly #catalogue: Catalogue;
  /** The balancers of the present configuration, by the names of their endpoints. */
  #balancers: ReadonlyMap<string, Balancer> = new Map();
  #checks: HealthChecks | undefined;
  /** The providers whose tokens are valid. `undefined` if the configuration has none. */
  #providers: ProviderTokens | undefined;
  #isDraining = false;
  /**
   * Whether other threads serve the clients, so that this one checks no backends and reads no lists of
   * models.
   */
  readonly #isIdle: boolean;
  #isLeaving = false;
  #onWait: (group: string, waitMs: number) => void = () => {};
  /** The handler of the present configuration. */
  #handler: Handler;

  constructor(
    config: Config,
    { log, clock = systemClock, createId = randomIds(), management, shared }: AppParts,
  ) {
    const { concurrency, workers } = config.server;
    this.#isIdle = workers > 1 && shared === undefined;
    this.#log = log;
    this.#clock = clock;
    this.#createId = createId;
    this.#management = management;
    this.#startedAt = clock.now();
    this.#systemRoots = new SystemRoots(config.authorities);
    this.#transport = createHttp1Transport(this.#systemRoots);
    this.#gate = new FailureGate(clock, shared);
    management?.shareGuesses({
      share: (report) => this.#gate.share(report),
      wait: (group, waitMs) => {
        this.#gate.wait(group, waitMs);
        this.#onWait(group, waitMs);
      },
    });
    this.#slots = shared?.slots ?? new ConcurrencyLimiter(concurrency, clock);
    this.#receivingSlots = shared?.receivingSlots ??
      new ConcurrencyLimiter(concurrency, clock, { use: "sending a body" });
    this.#heldBytes = new HeldBytes(Math.max(MAX_HELD_BYTES / workers, LEAST_HELD_BYTES));
    this.#wholeResponses = new WholeResponses(this.#heldBytes);
    this.#objects = management?.objects ?? objectsInMemory(clock, log);
    this.#catalogue = new Catalogue({
      transport: this.#transport,
      clock,
      store: management?.modelLists,
      onEvent: ({ kind, endpoint, detail }) =>
        log(kind === "failing" || kind === "prefixed" ? "warn" : "info", `models_${kind}`, {
          endpoint,
          detail,
        }),
    });
    this.#handler = this.#use(config);
  }

  configure(config: Config): void {
    // This starts loading the price list, which the warnings of `onConfig` wait for.
    if (config.management !== undefined) this.#management?.configure(config.management);
    this.#handler = this.#use(config);
    this.#slots.configure(config.server.concurrency);
    this.#receivingSlots.configure(config.server.concurrency);
    this.#systemRoots.configure(config.authorities);
    this.#transport.renew();
  }

  get gate(): FailureGate {
    return this.#gate;
  }

  watchWaits(onWait: (group: string, waitMs: number) => void): void {
    this.#onWait = onWait;
  }

  announceDrain(): void {
    this.#isLeaving = true;
  }

  drain(): void {
    this.#isLeaving = true;
    this.#isDraining = true;
    this.#checks?.stop();
    this.#management?.drain();
    this.#running.drain();
  }

  inFlight(): number {
    return this.#running.count;
  }

  abortAll(): void {
    this.#running.abortAll();
  }

  close(): void {
    this.#providers?.close();
    this.#catalogue.close();
    this.#checks?.stop();
    this.#transport.close();
  }

  /** Makes the routes, the balancers and the checks of a configuration. Returns its handler. */
  #use(config: Config): Handler {
    const { server, endpoints, defaultEndpoint, routing } = config;
    const { maxBodyBytes, maxMessageBytes, corsOrigins } = server;
    const routes = buildRoutingTable(endpoints, defaultEndpoint, routing);
    this.#catalogue.configure(this.#isIdle ? [] : catalogued(routes), routing);
    const balancers = this.#balancersOf(endpoints);
    const handler = createHandler({
      ...this.#accessControl(config),
      ...this.#exchangeParts(config),
      routes,
      catalogue: this.#catalogue,
      mergedLists: new MergedListCache(this.#clock),
      slots: this.#slots,
      receivingSlots: this.#receivingSlots,
      heldBytes: this.#heldBytes,
      wholeResponses: this.#wholeResponses,
      management: this.#management,
      transport: this.#transport,
      objects: this.#objects,
      startedAt: this.#startedAt,
      maxBodyBytes,
      maxMessageBytes,
      corsOrigins,
      isDraining: () => this.#isDraining,
      isLeaving: () => this.#isLeaving,
      balancerOf: (endpoint) => requireBalancer(balancers.get(endpoint)),
    });
    this.#management?.onConfig({ config, routes, balancers, handler });
    this.#checks?.stop();
    if (this.#isIdle) return handler;
    this.#checks = new HealthChecks(balancers, { transport: this.#transport, clock: this.#clock });
    return handler;
  }

  /** Makes the balancers of the endpoints. They take the state of backends from the previous balancers. */
  #balancersOf(endpoints: readonly Endpoint[]): ReadonlyMap<Endpoint, Balancer> {
    const balancers = new Map(endpoints.map((endpoint) => {
      const balancer = new Balancer(endpoint, {
        clock: this.#clock,
        onEvent: (event) => logHealth(this.#log, endpoint, event),
        previous: this.#balancers.get(endpoint.name),
      });
      return [endpoint, balancer];
    }));
    this.#balancers = new Map([...balancers].map(([{ name }, balancer]) => [name, balancer]));
    return balancers;
  }

  /** Who may use the proxy under a configuration. */
  #accessControl({ server, auth }: Config): AccessControl {
    const management = this.#management;
    const rules = { ...server, ownHostname: this.#hostname };
    const shared = auth.mode === "token" ? sharedTokenCheck(auth.tokens) : undefined;
    this.#useProviders(auth);
    return {
      clientAccess: new ClientAccess(rules, this.#gate),
      jwt: this.#providers,
      check: shared && management
        ? (candidate) => management.checkToken(candidate) ?? shared(candidate)
        : shared,
      checkManaged: (candidate) => management?.checkToken(candidate),
      checkOpenAccess: openAccessCheck(rules),
    };
  }

  /** Begins to accept tokens of other providers. Providers that stay keep their last keys. */
  #useProviders(auth: Config["auth"]): void {
    const issuers = auth.mode === "token" && !this.#isIdle ? auth.jwt : undefined;
    const management = this.#management;
    if (this.#providers?.settings === (issuers && JSON.stringify(issuers))) return;
    const before = this.#providers;
    before?.close();
    this.#providers = issuers && management && new ProviderTokens(issuers, {
      before,
      access: management.jwtAccess,
      transport: this.#transport,
      clock: this.#clock,
      log: this.#log,
    });
  }

  /** The functions that exchanges call to report what happens. */
  #exchangeParts({ log: logging }: Config): ExchangeParts {
    const log = this.#log;
    const management = this.#management;
    const running = this.#running;
    const logExchange = exchangeLogger(log, logging);
    return {
      clock: this.#clock,
      createId: this.#createId,
      onStart: (cancellation) => running.add(cancellation),
      onEnd: (cancellation) => running.delete(cancellation),
      onRecord(record, request) {
        try {
          logExchange(record);
        } finally {
          management?.record(record, request);
        }
      },
      onFailover({ id, endpoint, backend, next, detail }) {
        management?.recordFailover({ endpoint, backend });
        log("warn", backend === next ? "retry" : "failover", { id, endpoint, backend, next, detail });
      },
      onResent: ({ id, endpoint, backend }) =>
        log("info", "resent", {
          id,
          endpoint,
          backend,
          detail: "it closed a kept connection; the proxy sends the request on a new one",
        }),
      onUnexpected: (error, id) => log("error", "unexpected", { id, detail: traceOf(error) }),
    };
  }
}

/**
 * The endpoints for the catalogue. Routing needs the list of an endpoint if another endpoint has the same
 * API. With routes or aliases, the proxy reads the model of each request, so that an error can name the path
 * that serves it.
 */
function catalogued({ endpoints, byModel }: RoutingTable): CataloguedEndpoint[] {
  const shared = Object.values(byModel?.speakers ?? {}).filter((speakers) => speakers.length > 1);
  const readsModels = byModel !== undefined && endpoints.size > 1 &&
    (byModel.routes.length > 0 || byModel.aliases.size > 0);
  return [...endpoints.values()].map((endpoint) => {
    const sharesApi = shared.some((speakers) => speakers.includes(endpoint));
    const { local, hasOllamaApi } = presetOf(endpoint);
    return {
      endpoint,
      isLocal: local === true,
      // Ollama's own list also has the sizes of models.
      ownList: hasOllamaApi === true ? "/api/tags" : undefined,
      isNeeded: sharesApi || readsModels,
      sharesApi,
    };
  });
}

/** Without a database, the proxy knows only for a while which backend has an object. */
function objectsInMemory(clock: Clock, log: Log): KnownObjects {
  return new KnownObjects({
    clock,
    store: undefined,
    isShared: false,
    onFailed() {},
    onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
  });
}

function requireBalancer(balancer: Balancer | undefined): Balancer {
  if (balancer === undefined) throw new TypeError("The endpoint belongs to another configuration.");
  return balancer;
}
