/** What holds where nothing is configured. */

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

/** Where the proxy listens. */
export const DEFAULT_PORT = 33_000;
/** All of the machine's IPv4 addresses. */
export const DEFAULT_HOST = "0.0.0.0";
/** How long running exchanges may go on after SIGTERM. */
export const DEFAULT_DRAIN_MS = 30_000;

/** What the server does with nothing said about it. */
export const DEFAULT_SERVER_SETTINGS: Omit<ServerConfig, "host" | "port"> = {
  engine: "own",
  drainMs: DEFAULT_DRAIN_MS,
  // The longest event that OpenAI's realtime API takes is 15 MB.
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
    // As nginx does; people's clients do not pause for so long, and phones that went to sleep do not come back.
    uploadMs: 60_000,
    sendMs: 60_000,
  },
  concurrency: { maxExchanges: 2_000, maxPerPrincipal: Infinity, queueMs: 5_000 },
};

/**
 * The limits a backend has unless told otherwise. Ten minutes is what the OpenAI and Anthropic SDKs wait by
 * themselves; a reasoning model can be silent for minutes before and between its events.
 */
export const DEFAULT_TIMEOUTS: TimeoutLimits = {
  connectMs: 10_000,
  firstByteMs: 600_000,
  idleMs: 600_000,
  totalMs: undefined,
};

/** Beside the program, or in the folder that a service or a container gives it. */
export const DEFAULT_DATABASE_URL = "sqlite:./data/llm-proxy.db";

/** Long enough to look at the last quarter, short enough for an SD card. */
export const DEFAULT_RETENTION_DAYS = 90;
/** How many scheduled backups are kept. */
export const DEFAULT_BACKUP_KEEP = 7;
/** Until somebody at the admin page has to sign in again. */
export const DEFAULT_ADMIN_IDLE_MINUTES = 60;

/** An upstream's idle limit is a minute at the least among the known ones. */
export const DEFAULT_POOL: PoolLimits = { maxIdle: 128, idleMs: 55_000 };

/** A direct connection that trusts what the system trusts. */
export const DIRECT: ConnectionSettings = { key: "", pool: DEFAULT_POOL };

/** Rate limits, and failures of the provider's own: another backend may well answer. */
export const DEFAULT_RETRY_STATUSES: RetryPolicy["statuses"] = new Set([429, 500, 502, 503, 529]);

/** The largest file the known providers take is 25 MB. */
export const DEFAULT_MAX_BUFFER_BYTES = 32 * 1024 * 1024;

/** Most models whose most output tokens the program does not know give fewer. */
export const DEFAULT_RESERVE_OUTPUT_TOKENS = 32_000;

/** What an endpoint does with one backend and nothing said about it. */
export const DEFAULT_ENDPOINT_SETTINGS: Pick<
  Endpoint,
  | "strategy"
  | "retry"
  | "maxBufferBytes"
  | "exposeBackend"
  | "streamUsage"
  | "reserveOutputTokens"
  | "reserve"
  | "countCacheReads"
  | "priceProvider"
  | "prices"
> = {
  strategy: "failover",
  // The SDKs retry by themselves.
  retry: { retries: 0, statuses: DEFAULT_RETRY_STATUSES },
  maxBufferBytes: DEFAULT_MAX_BUFFER_BYTES,
  exposeBackend: false,
  streamUsage: false,
  reserveOutputTokens: DEFAULT_RESERVE_OUTPUT_TOKENS,
  reserve: "expected",
  countCacheReads: false,
  priceProvider: undefined,
  prices: [],
};

/** What a backend does with nothing said but where it is and which key it gets. */
export const DEFAULT_BACKEND_SETTINGS: Omit<Backend, "name" | "baseUrl" | "key" | "keyField"> = {
  connection: DIRECT,
  headers: [],
  removeHeaders: [],
  model: undefined,
  weight: 1,
  timeouts: DEFAULT_TIMEOUTS,
};

/** How the periods of budgets follow each other. */
export const BUDGET_WINDOWS = ["calendar", "rolling"] as const;
/** Whose days, weeks and months budgets count by. */
export const DEFAULT_BUDGET_TIME_ZONE = "UTC";
/** And how these follow each other. */
export const DEFAULT_BUDGET_WINDOW: BudgetWindow = "calendar";

/** The servers that can read requests. */
export const SERVER_ENGINES = ["own", "deno"] as const;

/** From the least severe one on. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** For people, and for programs. */
export const LOG_FORMATS = ["pretty", "json"] as const;
