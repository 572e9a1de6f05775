/** What the configuration means once it is valid. */

import type { ErrorDialect } from "../faults.ts";
import type { Rules } from "../principal.ts";

/** The API dialect of an endpoint's upstream. */
export type Provider = ErrorDialect;

/** Everything the proxy needs to serve. */
export interface Config {
  readonly server: ServerConfig;
  readonly auth: AuthConfig;
  readonly endpoints: readonly Endpoint[];
  /** Answers paths that begin with no endpoint's name; absent: `openai`, or the only one there is. */
  readonly defaultEndpoint?: string;
  readonly log: LogConfig;
  /** Absent: tokens, usage, metrics and all that belongs to them are off. */
  readonly management?: ManagementConfig;
}

/** The management plane. */
export interface ManagementConfig {
  /** What opens `/manage`, `/admin` and `/metrics`. */
  readonly token: string;
  /** `sqlite:` and a path. */
  readonly databaseUrl: string;
  /** 32 bytes that seal provider keys of projects; absent: they stand in a file beside the database. */
  readonly encryptionKey?: Uint8Array<ArrayBuffer>;
  /** How long single exchanges are kept; their sums stay. */
  readonly retentionDays: number;
  /** Copies of the database at intervals; absent: none are made. */
  readonly backup?: { readonly everyMs: number; readonly keep: number; readonly folder: string };
  /** Newer published prices, as `llm-proxy prices update` writes them; absent: only the built-in ones are used. */
  readonly pricesFile?: PricesFile;
  /** By which periods budgets count; absent: UTC's days, weeks and months. */
  readonly budgetPeriods?: BudgetPeriods;
  /** Who does nothing at the admin page for so long has to sign in again. */
  readonly adminIdleMs: number;
  /** `/metrics` is open to everybody. */
  readonly metricsPublic: boolean;
  /** Addresses and ranges from which the plane may be asked; absent: all that may call. */
  readonly allowedIps?: readonly string[];
}

/** A file with published prices. */
export interface PricesFile {
  readonly path: string;
  /** The configuration names it, so that it should be there. */
  readonly isNamed: boolean;
}

/** `calendar`: days, weeks from Monday on, and months; `rolling`: the last 24 hours, 7 days and 30 days. */
export type BudgetWindow = "calendar" | "rolling";

/** By which periods budgets count. */
export interface BudgetPeriods {
  /** An IANA name. Rolling periods are the same in every time zone. */
  readonly timeZone: string;
  readonly window: BudgetWindow;
}

/** Where and how the proxy listens. */
export interface ServerConfig {
  /** The server that reads requests: the proxy's own, or the platform's `Deno.serve`. */
  readonly engine: ServerEngine;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: TlsConfig;
  /** Where HTTPS is spoken beside the plain `port`; absent: TLS, where there is one, is spoken at `port` itself. */
  readonly httpsPort?: number;
  /**
   * Where the admin page, the management API and metrics are, over HTTPS where there is a certificate; absent: they are
   * beside the endpoints.
   */
  readonly adminPort?: number;
  /** How long running exchanges may go on after SIGTERM. */
  readonly drainMs: number;
  /** The longest body a client may send; absent: without limit. */
  readonly maxBodyBytes?: number;
  /** The longest message on a WebSocket. */
  readonly maxMessageBytes: number;
  /** Origins whose pages may read answers, like `https://chat.example.com`; `*` is every one. */
  readonly corsOrigins: readonly string[];
  /** Names, in small letters, under which the proxy may be asked where no token is asked for; local ones always may. */
  readonly allowedHosts: readonly string[];
  /** Addresses and ranges that may call, like `192.168.1.0/24`; absent: all. */
  readonly allowedIps?: readonly string[];
  /** Reverse proxies, likewise, whose `x-forwarded-for` tells the client's address. */
  readonly trustedProxies: readonly string[];
  readonly connections: ConnectionLimits;
  readonly concurrency: ConcurrencyLimits;
}

/** `own`: the server of this program; `deno`: `Deno.serve`, with the differences that docs/engines.md lists. */
export type ServerEngine = "own" | "deno";

/** A certificate chain with its key, as PEM texts. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  /** The files they were read from, which are looked at again; none where they came by the environment itself. */
  readonly files: readonly string[];
}

/** What a client's connection may take. Times in milliseconds; `Infinity` is without limit. */
export interface ConnectionLimits {
  /** Connections at the same time; beyond it the one that has been idle longest is closed. */
  readonly maxConnections: number;
  /** The longest head of a request, and the most fields in it. */
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
  /** Until a request's head is there, a TLS handshake included. */
  readonly headMs: number;
  /** Between requests. */
  readonly idleMs: number;
  /** How long a client may pause within its body. */
  readonly uploadMs: number;
  /** How long a client may take nothing of what is sent to it. */
  readonly sendMs: number;
}

/** How many exchanges may run at the same time; `Infinity` is without limit. */
export interface ConcurrencyLimits {
  readonly maxExchanges: number;
  readonly maxPerPrincipal: number;
  /** How long one waits for its turn before it is refused, in milliseconds. */
  readonly queueMs: number;
}

/** Who may call. */
export type AuthConfig =
  | { readonly mode: "token"; readonly tokens: readonly NamedToken[] }
  | { readonly mode: "none" };

/** A token clients present, and the name under which its holder is logged. */
export interface NamedToken {
  readonly name: string;
  readonly token: string;
  /** Its limits, which need the management plane. */
  readonly rules?: Rules;
}

/** A named route prefix that clients address: `/openai/…` is the endpoint `openai`. */
export interface Endpoint {
  readonly name: string;
  readonly provider: Provider;
  /** At least one. */
  readonly backends: readonly Backend[];
  readonly strategy: Strategy;
  readonly retry: RetryPolicy;
  /** Bodies that have to be held, to be sent again or to have their model replaced, are held up to this. */
  readonly maxBufferBytes: number;
  /** Tells clients which backend answered, in `x-llm-proxy-backend`. */
  readonly exposeBackend: boolean;
  /** Asks for the usage of streams where the client did not, and takes it out of the answer again. */
  readonly streamUsage: boolean;
  /** Output tokens whose cost is reserved where neither the request nor its model says how many there can be. */
  readonly reserveOutputTokens: number;
  /** Whether the output that a budget reserves is the most that can come, or what recent answers of the model used. */
  readonly reserve: "expected" | "maximum";
  /** Whether input that is read from a cache counts towards tokens per minute. */
  readonly countCacheReads: boolean;
  /** A comment is put into event streams that are silent for so long; absent: none is. */
  readonly keepaliveMs?: number;
  /**
   * The provider whose published prices hold, or `local` where nothing costs anything; undefined: the provider of the
   * backend's address, if it is known.
   */
  readonly priceProvider: string | undefined;
  /** Prices that win over published ones; the first that matches counts. */
  readonly prices: readonly PricedModel[];
  /** Sent as `anthropic-version` where the client sent none. */
  readonly anthropicVersion?: string;
}

/** How the first backend of an exchange is chosen; the others follow where it fails. */
export type Strategy = "failover" | "round_robin" | "weighted" | "least_busy";

/** When a failed attempt is followed by another one. */
export interface RetryPolicy {
  /** Further attempts after the first; 0: none. */
  readonly retries: number;
  /** Answers that count as failures. */
  readonly statuses: ReadonlySet<number>;
}

/** One upstream of an endpoint. */
export interface Backend {
  readonly name: string;
  readonly baseUrl: BaseUrl;
  readonly key: BackendKey;
  /** The header that carries the key, in lower case; in `authorization` it stands behind `Bearer`. */
  readonly keyField: string;
  readonly connection: ConnectionSettings;
  /** Fields set on every request, in place of the client's of that name. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Fields of the client that stay behind, in lower case. */
  readonly removeHeaders: readonly string[];
  readonly model: ModelOverride | undefined;
  /** Its share under the strategy `weighted`. */
  readonly weight: number;
  readonly timeouts: TimeoutLimits;
}

/**
 * What a backend gets as credential: a key of the proxy's, none at all, or whatever the client sent, in which
 * case the proxy's own token has to stand in `Proxy-Authorization`.
 */
export type BackendKey =
  | { readonly mode: "inject"; readonly value: string }
  | { readonly mode: "none" }
  | { readonly mode: "passthrough" };

/** What a model costs: tokens in US dollars per million. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Read from a cache; absent: as other input. */
  readonly cached?: number;
  /** Written to a cache; absent: as other input. */
  readonly cacheWrite?: number;
  /** Written to a cache for an hour; absent: as {@link cacheWrite}. */
  readonly cacheWriteHour?: number;
  /** Sound, images and video; absent: as other input, output or cached input. */
  readonly inputAudio?: number;
  readonly cachedAudio?: number;
  readonly outputAudio?: number;
  readonly inputImage?: number;
  readonly cachedImage?: number;
  readonly outputImage?: number;
  readonly inputVideo?: number;
  /** Absent: as other output. */
  readonly reasoning?: number;
  /** Output that quotes what a search found; absent: as other output. */
  readonly citation?: number;
  /** An hour of sound, of models that tell its length; absent: by its tokens. */
  readonly audioHour?: number;
  /** A thousand searches; absent: unknown. */
  readonly webSearches?: number;
  readonly fileSearches?: number;
}

/** A price, and the models that it holds for. */
export interface PricedModel extends Price {
  readonly matches: (model: string) => boolean;
}

/** Which model a backend is asked for instead of the client's. */
export interface ModelOverride {
  /** By the model the client asked for. */
  readonly byName: ReadonlyMap<string, string>;
  /** For every model that `byName` does not hold. */
  readonly otherwise: string | undefined;
}

/** How connections to a backend are made; those with the same `key` and origin are shared. */
export interface ConnectionSettings {
  readonly key: string;
  /** Absent: directly. */
  readonly proxy?: OutboundProxy;
  /** Certificates in PEM form that are trusted besides the system's. */
  readonly caCerts?: readonly string[];
  readonly pool: PoolLimits;
}

/** Bounds of a pool of idle connections. */
export interface PoolLimits {
  /** Idle connections kept per origin. */
  readonly maxIdle: number;
  /** How long a connection may be idle. */
  readonly idleMs: number;
}

/** A forward proxy on the way to a backend. */
export interface OutboundProxy {
  readonly scheme: "http" | "https" | "socks5";
  readonly hostname: string;
  readonly port: number;
  readonly login?: { readonly user: string; readonly password: string };
}

/** How long each phase of an attempt may last, in milliseconds; undefined: without limit. */
export interface TimeoutLimits {
  /** Until a connection to the upstream stands. */
  readonly connectMs: number | undefined;
  /** From sending the request to the headers of the answer. */
  readonly firstByteMs: number | undefined;
  /** Between two chunks of the answer. */
  readonly idleMs: number | undefined;
  /** From the beginning of the exchange to the last byte. */
  readonly totalMs: number | undefined;
}

/** An upstream's base address. `path` has no slash at its end and is empty for a bare host. */
export interface BaseUrl {
  /** Scheme, host and port, as in `https://api.openai.com`. */
  readonly origin: string;
  readonly path: string;
}

/** What is logged, and in which form. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** One line per exchange. */
  readonly access: boolean;
}

/** The least severe level that is written. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** `pretty` is for people, `json` is one object a line. */
export type LogFormat = "pretty" | "json";
