import type { RunningExchange } from "../accounting/running_exchange.ts";
import type { Config, Endpoint } from "../config/config.ts";
import {
  adminOrigins,
  adminUrls,
  lanAddresses,
  type ListeningAddresses,
  serverUrls,
} from "../config/server_urls.ts";
import { configuredEndpoint } from "../connect/endpoints.ts";
import type { Connectable } from "../connect/settings.ts";
import type { Dialect } from "../apis/dialects.ts";
import type { Balancer } from "../forwarding/balancer.ts";
import type { Handler } from "../http/message.ts";
import { type AddressTest, addressTest } from "../network/ip_ranges.ts";
import type { Readings } from "../observability/metric_tables.ts";
import { VERSION } from "../release.ts";
import { match } from "../routing/match.ts";
import type { RoutingTable } from "../routing/table.ts";
import { hasSelfSignedRoot } from "../tls/self_signed_root.ts";
import type { RunningProxy } from "./api/parts.ts";

/** The configuration that serves requests, with what was made of it. */
export interface ServedConfig {
  readonly config: Config;
  readonly routes: RoutingTable;
  readonly balancers: ReadonlyMap<Endpoint, Balancer>;
  /** Serves requests with this configuration. */
  readonly handler: Handler;
}

/** The ports that the server listens on. */
export type Ports = Pick<ListeningAddresses, "port" | "httpsPort" | "adminPort">;

/** The current configuration and ports, for the management plane. A reload replaces the configuration. */
export class Served {
  #now: ServedConfig | undefined;
  #ports: Ports | undefined;
  #mayConnect: AddressTest = () => true;

  /** Sets the configuration that serves requests from now on. */
  serve(next: ServedConfig): void {
    this.#now = next;
    this.#mayConnect = addressTest(next.config.server.allowedIps);
  }

  /** Sets the ports that the server listens on. */
  listen(ports: Ports): void {
    this.#ports = ports;
  }

  /** The ports of the server; `undefined` until it listens. */
  get ports(): Ports | undefined {
    return this.#ports;
  }

  /** Serves a request like that of a client; `undefined` until there is a configuration. */
  get handler(): Handler | undefined {
    return this.#now?.handler;
  }

  /** Whether an address may connect to the proxy (`allowed_ips`). */
  mayConnect(address: string): boolean {
    return this.#mayConnect(address);
  }

  /** Where the authorities of the operating system are; `undefined` for the usual places. */
  get authorities(): Config["authorities"] {
    return this.#now?.config.authorities;
  }

  /** The names of all endpoints; `undefined` until there is a configuration. */
  get endpointNames(): readonly string[] | undefined {
    return this.#now?.config.endpoints.map(({ name }) => name);
  }

  /** The endpoint with a name; `undefined` if no endpoint has this name. */
  endpointNamed(name: string | undefined): Endpoint | undefined {
    return this.#now?.config.endpoints.find((endpoint) => endpoint.name === name);
  }

  /** The hash of the settings without secrets; `undefined` if a program made the configuration. */
  get configHash(): string | undefined {
    return this.#now?.config.hash;
  }

  /** All endpoints with the state of their backends. */
  endpoints(): ReturnType<RunningProxy["endpoints"]> {
    return (this.#now?.config.endpoints ?? []).map((endpoint) => ({
      endpoint,
      backends: this.#now?.balancers.get(endpoint)?.report() ?? [],
    }));
  }

  /** The values that the metrics read at a scrape. */
  metricsSources(
    { running, endpoints }: {
      readonly running: () => readonly RunningExchange[];
      readonly endpoints: RunningProxy["endpoints"];
    },
  ): Readings {
    return {
      running,
      backends: () =>
        endpoints().flatMap(({ endpoint, backends }) =>
          backends.map(({ backend, state }) => ({
            endpoint: endpoint.name,
            backend: backend.name,
            isCoolingDown: state !== "up",
          }))
        ),
      version: VERSION,
      target: Deno.build.target,
    };
  }

  /** The facts that the settings of a client depend on. */
  async connectable(): Promise<Connectable> {
    const { config, routes } = this.#now ?? {};
    const tls = config?.server.tls;
    return {
      endpoints: config?.endpoints.map(configuredEndpoint) ?? [],
      defaultEndpoint: routes?.defaultEndpoint?.name,
      needsToken: config?.auth.mode !== "none",
      hasSelfSignedRoot: tls !== undefined && await hasSelfSignedRoot(tls.cert),
    };
  }

  /** The URLs of the proxy, the most useful one first. */
  urls(): readonly string[] {
    if (this.#now === undefined) return [];
    const { server } = this.#now.config;
    return serverUrls(server, { port: server.port, ...this.#ports, lanAddresses: lanAddresses() });
  }

  /**
   * The URLs of the admin page for browsers on this machine, and at the host name of the configuration. The
   * public URL is one of them.
   */
  adminUrls(publicUrl: string | undefined): readonly string[] {
    const configured = publicUrl === undefined ? [] : [publicUrl];
    if (this.#now === undefined) return configured;
    const { server } = this.#now.config;
    const listening = { port: server.port, ...this.#ports, lanAddresses: [] };
    const here = ["localhost", server.host].flatMap((host) => adminUrls({ ...server, host }, listening));
    return [...configured, ...here];
  }

  /** The addresses of the admin page that people use, the most useful one first, without its path. */
  adminOrigins(publicUrl: string | undefined): readonly string[] {
    if (publicUrl !== undefined) return [publicUrl];
    if (this.#now === undefined) return [];
    const { server } = this.#now.config;
    return adminOrigins(server, { port: server.port, ...this.#ports, lanAddresses: lanAddresses() });
  }

  /** Whether the management plane has a separate port. */
  get hasAdminPort(): boolean {
    return this.#ports?.adminPort !== undefined;
  }

  /** Whether the admin page is only reachable over HTTPS. */
  get isAdminSecure(): boolean {
    const { tls, httpsPort } = this.#now?.config.server ?? {};
    return tls !== undefined && (httpsPort === undefined || this.hasAdminPort);
  }

  /** The dialect of the endpoint that a path belongs to; `undefined` if no endpoint has the path. */
  dialectAt(path: string): Dialect | undefined {
    return this.#now && match(this.#now.routes, path)?.endpoint?.dialect;
  }
}
