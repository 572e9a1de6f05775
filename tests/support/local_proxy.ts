/** The proxy inside the test's own process, for configurations that the environment cannot express. */

import { createApp } from "../../src/app.ts";
import {
  type Backend,
  type Config,
  DEFAULT_TIMEOUTS,
  type Endpoint,
  type TimeoutLimits,
} from "../../src/config/schema.ts";
import { startServer } from "../../src/server/listen.ts";
import type { FakeUpstream } from "./fake_upstream.ts";
import { assertNoSecrets, SECRETS } from "./secrets.ts";

export interface LocalProxyOptions {
  /** Undefined: passthrough. */
  readonly apiKey?: string;
  readonly auth?: Config["auth"];
  readonly timeouts?: Partial<TimeoutLimits>;
  readonly drainMs?: number;
  readonly origin?: string;
}

export interface LogLine {
  readonly event: string;
  readonly [field: string]: string | number | undefined;
}

export class LocalProxy implements AsyncDisposable {
  readonly url: string;
  readonly log: LogLine[] = [];
  readonly drain: () => Promise<void>;
  readonly #close: () => Promise<void>;
  #lineArrived: (() => void)[] = [];

  constructor(upstream: FakeUpstream, options: LocalProxyOptions = {}) {
    const config = localConfig(upstream, options);
    const log = (_level: string, event: string, fields = {}) => {
      this.log.push({ ...fields, event });
      for (const resolve of this.#lineArrived.splice(0)) resolve();
    };
    const app = createApp(config, { log });
    const server = startServer(app, config.server, log);
    this.url = `http://127.0.0.1:${server.address.port}`;
    this.drain = server.drain;
    this.#close = async () => {
      await server.drain();
      app.close();
    };
  }

  /** The first log line, past or to come, of that event. */
  async logged(event: string): Promise<LogLine> {
    while (true) {
      const line = this.log.find((candidate) => candidate.event === event);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#lineArrived.push(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    assertNoSecrets(JSON.stringify(this.log), "the log");
  }
}

function localConfig(upstream: FakeUpstream, options: LocalProxyOptions): Config {
  const backend = (path: string): Backend => ({
    baseUrl: { origin: options.origin ?? upstream.origin, path },
    ...(options.apiKey !== undefined && { apiKey: options.apiKey }),
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
  });
  const endpoints: Endpoint[] = [
    { name: "openai", provider: "openai", backend: backend("/openai/v1") },
    { name: "anthropic", provider: "anthropic", backend: backend("/anthropic") },
    { name: "gemini", provider: "gemini", backend: backend("/gemini") },
  ];
  return {
    server: { host: "127.0.0.1", port: 0, drainMs: options.drainMs ?? 1_000 },
    auth: options.auth ?? { mode: "token", token: SECRETS.proxyToken },
    endpoints,
    log: { level: "debug", format: "json", access: true },
  };
}
