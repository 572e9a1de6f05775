import type { RunningExchange } from "../accounting/account.ts";
import type { Config, Endpoint } from "../config/config.ts";
import { lanAddresses, serverUrls } from "../config/server_urls.ts";
import { configuredEndpoint } from "../connect/endpoints.ts";
import type { Connectable } from "../connect/settings.ts";
import type { ErrorDialect } from "../faults.ts";
import type { Balancer } from "../forwarding/balancer.ts";
import type { Handler } from "../http/message.ts";
import { type AddressTest, addressTest } from "../network/ip_ranges.ts";
import type { Readings } from "../observability/metrics.ts";
import { VERSION } from "../release.ts";
import { match } from "../routing/match.ts";
import type { RoutingTable } from "../routing/table.ts";
import { hasSelfSignedRoot } from "../tls/self_signed_root.ts";
import type { RunningProxy } from "./api/parts.ts";

/** A configuration while requests are served by it. */
export interface ServedConfig {
  readonly config: Config;
  readonly routes: RoutingTable;
  readonly balancers: ReadonlyMap<Endpoint, Balancer>;
  /** Answers requests by this configuration. */
  readonly handler: Handler;
}

/** The ports that the server listens at. */
export interface Ports {
  readonly port: number;
  /** Undefined: HTTPS has no separate port. */
  readonly httpsPort?: number | undefined;
  /** Undefined: the management plane has no separate port. */
  readonly adminPort?: number | undefined;
}

/** What the proxy serves now, as the management plane shows it. It changes with every reload. */
export class Served {
  #now: ServedConfig | undefined;
  #ports: Ports | undefined;
  #mayConnect: AddressTest = () => true;

  /** Another configuration is served from now on. */
  serve(next: ServedConfig): void {
    this.#now = next;
    this.#mayConnect = addressTest(next.config.server.allowedIps);
  }

  /** The server listens at these ports. */
  listen(ports: Ports): void {
    this.#ports = ports;
  }

  /** Undefined until the server listens. */
  get ports(): Ports | undefined {
    return this.#ports;
  }

  /** Answers requests as clients are answered. Undefined until a configuration is served. */
  get handler(): Handler | undefined {
    return this.#now?.handler;
  }

  /** Whether an address may connect to the proxy at all (`allowed_ips`). */
  mayConnect(address: string): boolean {
    return this.#mayConnect(address);
  }

  /** The names of all endpoints. Undefined until a configuration is served. */
  get endpointNames(): readonly string[] | undefined {
    return this.#now?.config.endpoints.map(({ name }) => name);
  }

  endpointNamed(name: string | undefined): Endpoint | undefined {
    return this.#now?.config.endpoints.find((endpoint) => endpoint.name === name);
  }

  /** Each endpoint with the state of its backends. */
  endpoints(): ReturnType<RunningProxy["endpoints"]> {
    return (this.#now?.config.endpoints ?? []).map((endpoint) => ({
      endpoint,
      backends: this.#now?.balancers.get(endpoint)?.report() ?? [],
    }));
  }

  /** What the metrics read when they are scraped. */
  metricsSources(running: () => readonly RunningExchange[]): Readings {
    return {
      running,
      backends: () =>
        this.endpoints().flatMap(({ endpoint, backends }) =>
          backends.map(({ backend, state }) => ({
            endpoint: endpoint.name,
            backend: backend.name,
            isAside: state !== "up",
          }))
        ),
      version: VERSION,
      target: Deno.build.target,
    };
  }

  /** What a client needs to know to be connected. */
  connectable(): Connectable {
    const { config, routes } = this.#now ?? {};
    const tls = config?.server.tls;
    return {
      endpoints: config?.endpoints.map(configuredEndpoint) ?? [],
      defaultEndpoint: routes?.defaultEndpoint?.name,
      needsToken: config?.auth.mode !== "none",
      hasSelfSignedRoot: tls !== undefined && hasSelfSignedRoot(tls.cert),
    };
  }

  /** The proxy's addresses, the most useful one first. */
  urls(): readonly string[] {
    if (this.#now === undefined) return [];
    const { server } = this.#now.config;
    return serverUrls(server, { port: server.port, ...this.#ports, lanAddresses: lanAddresses() });
  }

  /** Whether the management plane has a port for itself. */
  get hasAdminPort(): boolean {
    return this.#ports?.adminPort !== undefined;
  }

  /** Whether the admin page can be reached over HTTPS alone. */
  get isAdminSecure(): boolean {
    const { tls, httpsPort } = this.#now?.config.server ?? {};
    return tls !== undefined && (httpsPort === undefined || this.hasAdminPort);
  }

  /** The dialect of the endpoint that a path belongs to. Undefined: no endpoint has this path. */
  dialectAt(path: string): ErrorDialect | undefined {
    return this.#now && match(this.#now.routes, path)?.endpoint.provider;
  }
}
