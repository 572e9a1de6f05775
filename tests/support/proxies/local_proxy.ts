/** The proxy inside the test's own process, for configurations that the environment cannot express. */

import { createApp } from "../../../src/app.ts";
import { DEFAULT_SERVER_SETTINGS, DEFAULT_TIMEOUTS } from "../../../src/config/values/defaults.ts";
import type {
  Backend,
  Config,
  Endpoint,
  ManagementConfig,
  ServerConfig,
  TimeoutLimits,
} from "../../../src/config/config.ts";
import type { Management } from "../../../src/management/management.ts";
import { startEngine } from "../../../src/server/start.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { engineToTest } from "./engine.ts";
import { within } from "../time/deadline.ts";
import { assertNoSecrets, SECRETS } from "../data/secrets.ts";

/** How long a test waits for a line of the log. In milliseconds. */
const LOG_LINE_MS = 30_000;

export interface LocalProxyOptions {
  /** Undefined: passthrough. */
  readonly apiKey?: string;
  readonly auth?: Config["auth"];
  readonly timeouts?: Partial<TimeoutLimits>;
  readonly drainMs?: number;
  readonly origin?: string;
  /** Instead of the usual three. */
  readonly endpoints?: readonly Endpoint[];
  readonly server?: Partial<ServerConfig>;
  /** How often connections are looked at. */
  readonly sweepMs?: number;
  readonly management?: ManagementConfig;
  /** Undefined: the model of a request chooses nothing. */
  readonly routing?: Config["routing"];
  readonly defaultEndpoint?: string;
  /** The test that opened it closes it, after the proxy. */
  readonly opened?: Management;
}

/** What stands behind the proxy, as far as the proxy has to know it. */
export interface UpstreamAddress {
  readonly origin: string;
}

export interface LogLine {
  readonly event: string;
  readonly [field: string]: string | number | undefined;
}

export class LocalProxy implements AsyncDisposable {
  readonly url: string;
  readonly log: LogLine[] = [];
  /** Where HTTPS has a port of its own. */
  readonly httpsPort: number | undefined;
  /** Where the management plane has one. */
  readonly adminPort: number | undefined;
  readonly config: Config;
  readonly drain: () => Promise<void>;
  readonly configure: (config: Config) => void;
  readonly #close: () => Promise<void>;
  #lineArrived: (() => void)[] = [];

  constructor(upstream: UpstreamAddress, options: LocalProxyOptions = {}) {
    const config = this.config = localConfig(upstream, options);
    const log = (_level: string, event: string, fields = {}) => {
      this.log.push({ ...fields, event });
      for (const resolve of this.#lineArrived.splice(0)) resolve();
    };
    const app = createApp(config, { log, management: options.opened });
    const { sweepMs } = options;
    const server = startEngine(app, config.server, log, sweepMs === undefined ? {} : { sweepMs });
    this.url = `http://127.0.0.1:${server.address.port}`;
    this.httpsPort = server.httpsAddress?.port;
    this.adminPort = server.adminAddress?.port;
    const { httpsPort, adminPort } = this;
    options.opened?.onListening({ port: server.address.port, httpsPort, adminPort });
    this.configure = (next) => {
      app.configure(next);
      server.configure(next.server);
    };
    this.drain = () => server.drain(config.server.drainMs);
    this.#close = async () => {
      await this.drain();
      app.close();
    };
  }

  /** The first log line, past or to come, of that event; fails where it does not come. */
  async logged(event: string): Promise<LogLine> {
    const find = (): LogLine | undefined => this.log.find((candidate) => candidate.event === event);
    const end = performance.now() + LOG_LINE_MS;
    for (let line = find();; line = find()) {
      if (line !== undefined) return line;
      const arrived = new Promise<void>((resolve) => this.#lineArrived.push(resolve));
      await within(
        arrived,
        `${event} in the log, behind ${this.log.map(({ event }) => event).join(", ")},`,
        end - performance.now(),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    assertNoSecrets(JSON.stringify(this.log), "the log");
  }
}

function localConfig(upstream: UpstreamAddress, options: LocalProxyOptions): Config {
  const backend = (path: string, keyField: string): Backend =>
    testBackend(options.origin ?? upstream.origin, {
      path,
      keyField,
      ...(options.apiKey !== undefined && { key: { mode: "inject", value: options.apiKey } }),
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    });
  const endpoints = options.endpoints ?? [
    testEndpoint("openai", [backend("/openai/v1", "authorization")]),
    testEndpoint("anthropic", [backend("/anthropic", "x-api-key")], { dialect: "anthropic" }),
    testEndpoint("gemini", [backend("/gemini", "x-goog-api-key")], { dialect: "gemini" }),
  ];
  return {
    server: {
      host: "127.0.0.1",
      port: 0,
      ...DEFAULT_SERVER_SETTINGS,
      // Only the own engine serves HTTPS.
      engine: options.server?.tls === undefined ? engineToTest() : "own",
      drainMs: options.drainMs ?? 1_000,
      ...options.server,
    },
    auth: options.auth ?? { mode: "token", tokens: [{ name: "shared", token: SECRETS.proxyToken }] },
    endpoints,
    log: { level: "debug", format: "json", access: true },
    ...(options.routing && { routing: options.routing }),
    ...(options.defaultEndpoint !== undefined && { defaultEndpoint: options.defaultEndpoint }),
    ...(options.management && { management: options.management }),
  };
}
