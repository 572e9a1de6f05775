/** The defaults of all settings. */

import type {
  Backend,
  BudgetWindow,
  ConnectionSettings,
  Endpoint,
  PoolLimits,
  RetryPolicy,
  ServerConfig,
  TimeoutLimits,
} from "../config.ts";

/** The default port to listen on. */
export const DEFAULT_PORT = 33_000;
/** The default address to listen on: all addresses of the machine, IPv6 and IPv4. */
export const DEFAULT_HOST = "::";
/** The default time for running exchanges after SIGTERM. */
export const DEFAULT_DRAIN_MS = 30_000;

/** The defaults of the table `[server]`. */
export const DEFAULT_SERVER_SETTINGS: Omit<ServerConfig, "host" | "port"> = {
  engine: "own",
  workers: 1,
  drainMs: DEFAULT_DRAIN_MS,
  drainDelayMs: 0,
  // OpenAI's realtime API accepts events up to 15 MB.
  maxMessageBytes: 32 * 1024 * 1024,
  corsOrigins: [],
  allowedHosts: [],
  trustedProxies: [],
  connections: {
    maxConnections: 4_096,
    maxHeadBytes: 64 * 1024,
    maxHeadFields: 256,
    headMs: 30_000,
    idleMs: 120_000,
    // The same as nginx. Clients do not pause for this long, except phones that went to sleep.
    uploadMs: 60_000,
    sendMs: 60_000,
  },
  concurrency: { maxExchanges: 2_000, maxPerPrincipal: Infinity, queueMs: 5_000 },
};

/**
 * The default timeouts of a backend. The OpenAI and Anthropic SDKs wait ten minutes by default, and a
 * reasoning model can be silent for minutes before and between its events.
 */
export const DEFAULT_TIMEOUTS: TimeoutLimits = {
  connectMs: 10_000,
  firstByteMs: 600_000,
  idleMs: 600_000,
  totalMs: undefined,
};

/** The default difference of clocks between a provider of tokens and this machine. */
export const DEFAULT_CLOCK_SKEW_MS = 60_000;

/** The default database, relative to the working directory of the program. */
export const DEFAULT_DATABASE_URL = "sqlite:./data/llm-proxy.db";

/** The default retention: long enough for the last quarter, short enough for an SD card. */
export const DEFAULT_RETENTION_DAYS = 90;
/** The default number of scheduled backups to keep. */
export const DEFAULT_BACKUP_KEEP = 7;
/** The default inactivity before the admin page signs the user out. */
export const DEFAULT_ADMIN_IDLE_MINUTES = 60;

/** The default pool. No known upstream closes idle connections in less than a minute. */
export const DEFAULT_POOL: PoolLimits = { maxIdle: 128, idleMs: 55_000 };

/** A direct connection with the certificates of the system. */
export const DIRECT: ConnectionSettings = { key: "", pool: DEFAULT_POOL };

/**
 * Default statuses for a retry: rate limits and failures of the provider or of a server in front of it, where
 * another backend can succeed. Those from 520 on are Cloudflare's, except Anthropic's 529.
 */
export const DEFAULT_RETRY_STATUSES: RetryPolicy["statuses"] = new Set(
  [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529],
);

/** Where packets of Wake-on-LAN go by default: to every machine of the network. */
export const DEFAULT_WAKE_BROADCAST = { hostname: "255.255.255.255", port: 9 } as const;
/** How long a request waits by default for a machine that was woken. */
export const DEFAULT_WAKE_MS = 60_000;

/** The default size of buffered bodies. The known providers accept files up to 25 MB. */
export const DEFAULT_MAX_BUFFER_BYTES = 32 * 1024 * 1024;

/** The default reservation for a model with unknown maximum output. Most such models produce less. */
export const DEFAULT_RESERVE_OUTPUT_TOKENS = 32_000;

/** The defaults of an endpoint with one backend. */
export const DEFAULT_ENDPOINT_SETTINGS: Pick<
  Endpoint,
  | "paths"
  | "strategy"
  | "retry"
  | "maxBufferBytes"
  | "exposeBackend"
  | "rewriteUrls"
  | "streamUsage"
  | "objects"
  | "unknownObjects"
  | "reserveOutputTokens"
  | "reserve"
  | "countCacheReads"
  | "priceProvider"
  | "prices"
> = {
  paths: ["!admin"],
  strategy: "failover",
  // The SDKs of the providers retry by themselves.
  retry: { retries: 0, statuses: DEFAULT_RETRY_STATUSES, unsafe: false },
  maxBufferBytes: DEFAULT_MAX_BUFFER_BYTES,
  exposeBackend: false,
  rewriteUrls: true,
  streamUsage: false,
  objects: "own",
  unknownObjects: "allow",
  reserveOutputTokens: DEFAULT_RESERVE_OUTPUT_TOKENS,
  reserve: "expected",
  countCacheReads: false,
  priceProvider: undefined,
  prices: [],
};

/** The defaults of a backend. */
export const DEFAULT_BACKEND_SETTINGS: Omit<Backend, "name" | "baseUrl" | "key" | "keyField"> = {
  connection: DIRECT,
  headers: [],
  removeHeaders: [],
  model: undefined,
  weight: 1,
  timeouts: DEFAULT_TIMEOUTS,
};

/** What can happen to tokens with a budget while the server of shared limits, or the database, is away. */
export const ON_LOSS = ["go_on", "refuse"] as const;
/** The default: an outage of the server of limits is no outage of the proxy. */
export const DEFAULT_ON_LIMITS_LOSS = "go_on";
/** The default: an outage of the database is no outage of the proxy. */
export const DEFAULT_ON_DATABASE_LOSS = "go_on";
/** The values of `budget_window`. */
export const BUDGET_WINDOWS = ["calendar", "rolling"] as const;
/** The default time zone of budget periods. */
export const DEFAULT_BUDGET_TIME_ZONE = "UTC";
/** The default kind of budget periods. */
export const DEFAULT_BUDGET_WINDOW: BudgetWindow = "calendar";

/** The servers that can read requests. */
export const SERVER_ENGINES = ["own", "deno"] as const;

/** The log levels, the lowest severity first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** The log formats: `pretty` for people, `json` for programs. */
export const LOG_FORMATS = ["pretty", "json"] as const;

/** How often the list of models of an endpoint is read again. Providers add a model every few weeks. */
export const DEFAULT_MODELS_REFRESH_MS = 5 * 60_000;
/** The same for programs on your own machine, whose models change when their user loads one. */
export const DEFAULT_LOCAL_MODELS_REFRESH_MS = 30_000;
