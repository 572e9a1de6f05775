/** The composition root: creates the parts of the proxy, and connects them. */

import { FailureGate } from "./auth/failure_gate.ts";
import { sharedTokenCheck } from "./auth/shared_token.ts";
import type { Cancellation } from "./cancellation.ts";
import { Catalogue, type CataloguedEndpoint } from "./catalogue/catalogue.ts";
import { type Clock, systemClock } from "./time/clock.ts";
import type { Config, Endpoint } from "./config/config.ts";
import { createClientAccess } from "./auth/client_access.ts";
import { ProxyFault } from "./faults.ts";
import { Balancer } from "./forwarding/balancer.ts";
import { HealthChecks } from "./forwarding/health_checks.ts";
import type { HealthEvent } from "./forwarding/lease.ts";
import { createHttp1Transport } from "./forwarding/transport/http1.ts";
import { createHandler } from "./handler.ts";
import type { Handler } from "./http/message.ts";
import { HeldBytes } from "./limits/held_bytes.ts";
import { ConcurrencyLimiter } from "./limits/concurrency_limiter.ts";
import { exchangeLogger } from "./observability/exchange_log.ts";
import type { Log } from "./observability/log.ts";
import { KnownObjects } from "./objects/known_objects.ts";
import { openAccessCheck } from "./auth/open_access.ts";
import type { Management } from "./management/management.ts";
import { buildRoutingTable, presetOf, type RoutingTable } from "./routing/table.ts";
import { holderName } from "./principal.ts";
import { harmlessText } from "./text/harmless_text.ts";
import { randomIds } from "./text/random_ids.ts";
import { traceOf } from "./text/error_text.ts";

/**
 * The memory for all request bodies, in bytes: eight of the longest bodies fit, or thousands of usual ones.
 */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

/** How much of the name of a model the log shows, in characters. */
const MAX_MODEL = 100;

/** A proxy that answers requests. Its creator closes it. */
export interface App {
  /** Answers a request. */
  readonly handler: Handler;
  /** Uses another configuration for new requests. Running requests keep their configuration. */
  readonly configure: (config: Config) => void;
  /** Rejects new requests. Running exchanges go on. */
  readonly drain: () => void;
  /** Returns the number of running exchanges. */
  readonly inFlight: () => number;
  /** Aborts all running exchanges. Their responses do not look complete to clients. */
  readonly abortAll: () => void;
  /** Closes the pooled connections to upstreams. */
  readonly close: () => void;
}

/** Creates a proxy from a valid configuration. */
export function createApp(
  config: Config,
  { log, clock = systemClock, createId = randomIds(), management }: {
    log: Log;
    clock?: Clock;
    createId?: () => string;
    /** The management plane. Its opener closes it. Undefined: it is off. */
    management?: Management | undefined;
  },
): App {
  const startedAt = clock.now();
  const transport = createHttp1Transport();
  const gate = new FailureGate(clock);
  const slots = new ConcurrencyLimiter(config.server.concurrency, clock);
  const receivingSlots = new ConcurrencyLimiter(config.server.concurrency, clock, "sending a body");
  const heldBytes = new HeldBytes(MAX_HELD_BYTES);
  const running = new Set<Cancellation>();
  const objects = management?.objects ?? objectsInMemory(clock, log);
  const hostname = ownHostname();
  /** The balancers of the last configuration, by the names of their endpoints. */
  let lastBalancers = new Map<string, Balancer>();
  const catalogue = new Catalogue({
    transport,
    clock,
    store: management?.modelLists,
    onEvent: ({ kind, endpoint, detail }) =>
      log(kind === "failing" ? "warn" : "info", `models_${kind}`, { endpoint, detail }),
  });
  let checks: HealthChecks | undefined;
  let draining = false;
  let handler = handlerOf(config);

  function handlerOf(config: Config): Handler {
    const { server, auth, endpoints, defaultEndpoint, log: logging } = config;
    const logExchange = exchangeLogger(log, logging);
    const routes = buildRoutingTable(endpoints, defaultEndpoint, config.routing);
    catalogue.configure(catalogued(routes), config.routing);
    const balancers = new Map(
      endpoints.map((endpoint) => {
        const onEvent = (event: HealthEvent) => logHealth(log, endpoint, event);
        const previous = lastBalancers.get(endpoint.name);
        return [endpoint, new Balancer(endpoint, { clock, onEvent, previous })];
      }),
    );
    lastBalancers = new Map([...balancers].map(([{ name }, balancer]) => [name, balancer]));
    const shared = auth.mode === "token" ? sharedTokenCheck(auth.tokens) : undefined;
    const handler = createHandler({
      routes,
      catalogue,
      clientAccess: createClientAccess({ ...server, ownHostname: hostname }, gate),
      slots,
      receivingSlots,
      heldBytes,
      check: shared && management
        ? (candidate) => management.checkToken(candidate) ?? shared(candidate)
        : shared,
      checkManaged: (candidate) => management?.checkToken(candidate),
      management,
      transport,
      objects,
      clock,
      createId,
      startedAt,
      maxBodyBytes: server.maxBodyBytes,
      maxMessageBytes: server.maxMessageBytes,
      corsOrigins: server.corsOrigins,
      checkOpenAccess: openAccessCheck({ ...server, ownHostname: hostname }),
      isDraining: () => draining,
      balancerOf: (endpoint) => known(balancers.get(endpoint)),
      onStart: (cancellation) => running.add(cancellation),
      onEnd: (cancellation) => running.delete(cancellation),
      onRecord(record, request) {
        try {
          logExchange(record);
        } finally {
          management?.record(record, request);
        }
      },
      onFailover({ id, endpoint, backend, detail }) {
        management?.recordFailover({ endpoint, backend });
        log("warn", "failover", { id, endpoint, backend, detail });
      },
      onUnexpected: (error, id) => log("error", "unexpected", { id, detail: traceOf(error) }),
    });
    management?.onConfig({ config, routes, balancers, handler });
    checks?.stop();
    checks = new HealthChecks(balancers, { transport, clock });
    return handler;
  }

  return {
    handler: (request) => handler(request),
    configure(changed) {
      // Starts loading the price list first: the warnings of `onConfig` wait for it.
      if (changed.management !== undefined) management?.configure(changed.management);
      handler = handlerOf(changed);
      slots.configure(changed.server.concurrency);
      receivingSlots.configure(changed.server.concurrency);
      transport.renew();
    },
    drain() {
      draining = true;
      checks?.stop();
      management?.drain();
      for (const cancellation of running) cancellation.drain();
    },
    inFlight: () => running.size,
    abortAll() {
      const fault = new ProxyFault("draining", "The proxy shut down before the response was complete.");
      for (const cancellation of running) cancellation.cancel(fault);
    },
    close() {
      catalogue.close();
      checks?.stop();
      transport.close();
    },
  };
}

/**
 * The endpoints for the catalogue. Routing needs the list of an endpoint if another one has the same API. With routes or
 * aliases it reads the model of each request, so that an error can name the path where a model is served.
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
      // It also has the sizes of models.
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
    onFailed() {},
    onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
  });
}

/** Undefined: the program has no permission to read it. */
function ownHostname(): string | undefined {
  try {
    return Deno.hostname();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function known(balancer: Balancer | undefined): Balancer {
  if (balancer === undefined) throw new TypeError("The endpoint belongs to another configuration.");
  return balancer;
}

/** Logs a change of a backend: it began to fail, recovered, or asked for a pause. */
function logHealth(
  log: Log,
  endpoint: Endpoint,
  { kind, backend, principal, model, failures, reason, forMs }: HealthEvent,
): void {
  const skipped = forMs === 0 ? "" : `; the proxy skips it for ${Math.ceil(forMs / 1000)} s`;
  const client = principal && holderName(principal);
  const fields = { endpoint: endpoint.name, backend: backend.name, principal: client };
  switch (kind) {
    case "failing":
      return log("warn", "backend_failing", {
        ...fields,
        detail: reason === undefined
          ? `${failures} failures in a row${skipped}`
          : `a check failed: ${reason}; the proxy skips it until a check succeeds`,
      });
    case "rate_limited":
      return log("warn", "backend_rate_limited", {
        ...fields,
        detail: `the backend asked for a pause${
          model === undefined ? "" : ` for the model ${harmlessText(model, MAX_MODEL)}`
        }${skipped}`,
      });
    case "waking":
      return log(reason === undefined ? "info" : "warn", "backend_waking", {
        ...fields,
        detail: reason === undefined
          ? "the proxy sent a packet of Wake-on-LAN"
          : `the packet of Wake-on-LAN was not sent: ${reason}`,
      });
    case "recovered":
      return log("info", "backend_recovered", fields);
    default:
      kind satisfies never;
  }
}
