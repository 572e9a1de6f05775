/** The types of a valid configuration. */

import type { RedisPlace } from "../network/redis_url.ts";
import type { Dialect } from "../apis/dialects.ts";
import type { Rules } from "../principal.ts";
import type { JwtAlgorithm } from "./values/jwt_algorithms.ts";
import type { PresetName } from "./values/presets.ts";
import type { Role, SignInPresetName } from "./values/sign_in_presets.ts";

/** A valid configuration with all settings of the proxy. */
export interface Config {
  readonly server: ServerConfig;
  readonly auth: AuthConfig;
  readonly endpoints: readonly Endpoint[];
  /**
   * The endpoint for paths without a name, like `/v1/…`; `undefined` for `openai`, or else the only endpoint.
   */
  readonly defaultEndpoint?: string;
  /**
   * How requests without the name of an endpoint find theirs; `undefined` if they go to the default endpoint.
   */
  readonly routing?: RoutingConfig;
  readonly log: LogConfig;
  /**
   * The management plane, with managed tokens, usage, metrics and the admin page; `undefined` if it is off.
   */
  readonly management?: ManagementConfig;
  /** Where the authorities of upstreams are. `undefined` for the files of the operating system. */
  readonly authorities?: AuthorityPlaces;
  /** The hash of the settings without secrets. `undefined` if a program made the configuration. */
  readonly hash?: string;
}

/** Where certificate authorities are that upstreams may have besides those of Mozilla. */
export interface AuthorityPlaces {
  /** The file with authorities as PEM text. `undefined` for the file of the operating system. */
  readonly file: string | undefined;
  /** Folders with authorities as PEM text, one or more in each file. */
  readonly folders: readonly string[];
}

/** How requests without the name of an endpoint, like `/v1/…`, find the endpoint that serves their model. */
export interface RoutingConfig {
  /** Whether the model of a request decides. */
  readonly byModel: boolean;
  /** The rules of the file. The first match counts. */
  readonly routes: readonly ModelRoute[];
  /** The models that replace other names: `NAME` or `ENDPOINT/NAME`. */
  readonly aliases: ReadonlyMap<string, string>;
  /** How often an endpoint's list of models is read again; `undefined` if lists are not read. */
  readonly refreshMs: number | undefined;
  /** The same for endpoints whose provider is a program on your own machine. */
  readonly localRefreshMs: number | undefined;
}

/** A rule of the file that names the endpoint for some models. */
export interface ModelRoute {
  /** The name of a model, with `*` for any characters. */
  readonly model: string;
  /** The name of the endpoint. */
  readonly endpoint: string;
  /**
   * The model that is sent. Each `*` stands for what a `*` of {@link model} matched. `undefined` for the
   * model of the request.
   */
  readonly to?: string;
}

/** Settings of the management plane: managed tokens, usage, metrics and the admin page. */
export interface ManagementConfig {
  /**
   * The token for `/manage`, `/admin` and `/metrics`, whose holder may do everything. `undefined`: people and
   * management tokens are the only ways in.
   */
  readonly token?: string;
  /** The URL of the database: `sqlite:` and a path. */
  readonly databaseUrl: string;
  /**
   * 32 bytes that encrypt the provider keys of projects; `undefined` if a key file beside the database holds
   * them.
   */
  readonly encryptionKey?: Uint8Array<ArrayBuffer>;
  /** How many days single exchanges are kept. Their totals stay. */
  readonly retentionDays: number;
  /** Scheduled backups: the interval, the number to keep and the folder; `undefined` if backups are off. */
  readonly backup?: { readonly everyMs: number; readonly keep: number; readonly folder: string };
  /** The file that `llm-proxy prices update` writes; `undefined` if only built-in prices are used. */
  readonly pricesFile?: PricesFile;
  /** The periods of budgets; `undefined` for days, weeks and months in UTC. */
  readonly budgetPeriods?: BudgetPeriods;
  /** The limits that this process shares with other replicas; `undefined` if it counts alone. */
  readonly sharedLimits?: SharedLimitsConfig;
  /**
   * What happens while the database cannot be reached. `go_on`, and `undefined`: known tokens are served.
   * `refuse`: tokens with a budget are rejected, and all managed tokens within a minute.
   */
  readonly onDatabaseLoss?: OnLoss;
  /** The inactivity before the admin page signs the user out, in milliseconds. */
  readonly adminIdleMs: number;
  /** Whether `/metrics` is served without the management token. */
  readonly metricsPublic: boolean;
  /**
   * IP addresses and CIDR ranges that may use the management plane; `undefined` for all addresses that may
   * connect.
   */
  readonly allowedIps?: readonly string[];
  /** The origin by which browsers reach the admin page; `undefined` if it is not configured. */
  readonly publicUrl?: string;
  /** The providers with which people sign in; `undefined` if people only use the management token. */
  readonly signIn?: SignInConfig;
  /** The directory that writes people with SCIM; `undefined` without one. */
  readonly scim?: ScimConfig;
}

/** The directory of a provider, which writes people and groups with SCIM. */
export interface ScimConfig {
  /** The name of a provider of {@link SignInConfig}. */
  readonly provider: string;
  /** The claim of the provider that has the `externalId` of the directory, such as `sub`. */
  readonly claim: string;
  /** Whether the groups of the directory set roles and projects, in place of those of a sign-in. */
  readonly groupsDecide: boolean;
}

/** The providers with which people sign in at the admin page. */
export interface SignInConfig {
  /** The origin by which browsers reach the admin page. Providers send people back to it. */
  readonly publicUrl: string;
  /** At least one provider. */
  readonly providers: readonly SignInProvider[];
}

/** A provider with which people sign in. */
export interface SignInProvider {
  /** The name in the URL. */
  readonly name: string;
  /** The name on the button. */
  readonly title: string;
  readonly preset: SignInPresetName;
  readonly issuer: string;
  readonly clientId: string;
  /** `undefined` for a public client, which PKCE alone protects. */
  readonly clientSecret?: string;
  /** The file that the secret is from; `undefined` if the configuration has the secret. */
  readonly clientSecretFile?: string;
  readonly scopes: readonly string[];
  /** The claim with the groups; `undefined` if people have no groups. */
  readonly groupsClaim: string | undefined;
  /** Who may sign in: people who match one of the lists. If all are empty, everyone with a role may. */
  readonly allow: {
    /** In lower case. */
    readonly domains: readonly string[];
    readonly groups: readonly string[];
    /** In lower case. */
    readonly emails: readonly string[];
  };
  /** Roles by group. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Names of projects by group. */
  readonly projects: ReadonlyMap<string, readonly string[]>;
  /** The role of people without a group in {@link roles}; `undefined` if they cannot sign in. */
  readonly defaultRole?: Role;
  readonly outbound: OutboundRules;
  /** PEM texts with certificates to trust besides those of the system. */
  readonly caCerts?: readonly string[];
}

/** The forward proxies for connections whose hosts the configuration does not know. */
export interface OutboundRules {
  /** For `http://` origins; `undefined` for direct connections. */
  readonly http?: OutboundProxy;
  /** For `https://` origins; `undefined` for direct connections. */
  readonly https?: OutboundProxy;
  /**
   * The origins with direct connections, in the format of `NO_PROXY`, besides those of this machine;
   * `undefined` if all connections use the proxy.
   */
  readonly noProxy?: string;
}

/** What happens to requests while shared counts, or the database, cannot be reached. */
export type OnLoss = "go_on" | "refuse";

/** Where the counts are that several replicas share. */
export interface SharedLimitsConfig {
  readonly server: RedisPlace & { readonly kind: "redis" } | {
    readonly kind: "postgres";
    /** The URL of the database. */
    readonly url: string;
  };
  /**
   * What happens to requests of tokens with a budget while the counts cannot be reached. `go_on`: each
   * replica counts by itself. `refuse`: they are rejected.
   */
  readonly onLoss: OnLoss;
  /**
   * How long a request waits for the counts before `onLoss` applies, in milliseconds. `undefined` for the
   * default of the kind of server.
   */
  readonly timeoutMs?: number;
}

/** A file with published prices, which `llm-proxy prices update` writes. */
export interface PricesFile {
  /** The path of the file. */
  readonly path: string;
  /** Whether the configuration names the file. A missing file causes a warning only if it is named. */
  readonly isNamed: boolean;
}

/** `calendar`: days, weeks from Monday, and months. `rolling`: the last 24 hours, 7 days and 30 days. */
export type BudgetWindow = "calendar" | "rolling";

/** The periods in which budgets count spending. */
export interface BudgetPeriods {
  /** The IANA name of a time zone. Rolling periods do not depend on it. */
  readonly timeZone: string;
  /** Calendar or rolling periods. */
  readonly window: BudgetWindow;
}

/** Where and how the proxy listens for clients. */
export interface ServerConfig {
  /** The server that reads requests: the proxy's own, or the platform's `Deno.serve`. */
  readonly engine: ServerEngine;
  /** How many threads serve requests. 1: the main thread serves them. */
  readonly workers: number;
  readonly host: string;
  /** The port to listen on. 0: the system chooses a free port. */
  readonly port: number;
  /** The certificate for HTTPS; `undefined` for plain HTTP. */
  readonly tls?: TlsConfig;
  /**
   * A separate port for HTTPS beside the plain `port`; `undefined` if `port` uses TLS, or there is no TLS.
   */
  readonly httpsPort?: number;
  /**
   * A separate port for the admin page, the management API and metrics, with TLS if there is a certificate;
   * `undefined` if the three are on the ports of the endpoints.
   */
  readonly adminPort?: number;
  /** How long running exchanges may continue after SIGTERM, in milliseconds. */
  readonly drainMs: number;
  /**
   * How long the proxy still takes requests after SIGTERM, while `/readyz` is 503, in milliseconds. Load
   * balancers notice it in that time.
   */
  readonly drainDelayMs: number;
  /** The maximum size of a request body; `undefined` for no limit. */
  readonly maxBodyBytes?: number;
  /** The maximum size of a WebSocket message. `Infinity` for no limit. */
  readonly maxMessageBytes: number;
  /** Origins of web pages that may read responses, like `https://chat.example.com`. `*` is every origin. */
  readonly corsOrigins: readonly string[];
  /**
   * Allowed names in `Host`, in lower case, if the proxy requires no token. Local names are always allowed.
   */
  readonly allowedHosts: readonly string[];
  /** IP addresses and CIDR ranges of clients, like `192.168.1.0/24`; `undefined` for all addresses. */
  readonly allowedIps?: readonly string[];
  /** IP addresses and CIDR ranges of reverse proxies whose `x-forwarded-for` is trusted. */
  readonly trustedProxies: readonly string[];
  readonly connections: ConnectionLimits;
  readonly concurrency: ConcurrencyLimits;
}

/** `own`: the server of this program. `deno`: `Deno.serve`; docs/engines.md lists the differences. */
export type ServerEngine = "own" | "deno";

/** A certificate chain with its private key, as PEM text. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  /**
   * The files of certificate and key, which are watched for changes; empty if the environment has the texts.
   */
  readonly files: readonly string[];
}

/** Limits of client connections. Times are in milliseconds. `Infinity` is no limit. */
export interface ConnectionLimits {
  /**
   * Connections at the same time. At the limit, the proxy closes a connection that has shown no valid token,
   * or else the longest-idle one.
   */
  readonly maxConnections: number;
  /** The maximum size of the request line and headers. */
  readonly maxHeadBytes: number;
  /** The maximum number of headers in a request. */
  readonly maxHeadFields: number;
  /** Timeout for the request line and headers, including the TLS handshake. */
  readonly headMs: number;
  /** How long a connection may be idle between requests. */
  readonly idleMs: number;
  /** Timeout between two pieces of a request body. */
  readonly uploadMs: number;
  /** Timeout for a client that reads nothing of its response. */
  readonly sendMs: number;
}

/** Limits of exchanges at the same time. `Infinity` is no limit. */
export interface ConcurrencyLimits {
  /** The most exchanges of the whole proxy at the same time. */
  readonly maxExchanges: number;
  /** The limit of each token, or of each client address if the proxy requires no token. */
  readonly maxPerPrincipal: number;
  /** How long an exchange waits for a free slot before it is rejected, in milliseconds. */
  readonly queueMs: number;
}

/** Whether clients need a token, and which tokens the configuration has. */
export type AuthConfig =
  | {
    readonly mode: "token";
    readonly tokens: readonly NamedToken[];
    /** The providers whose tokens are valid as tokens of clients; `undefined` without any. */
    readonly jwt?: readonly JwtIssuer[];
  }
  | { readonly mode: "none" };

/** A token of the configuration and the name that the log shows for its client. */
export interface NamedToken {
  readonly name: string;
  readonly token: string;
  /** The limits of the token, which need the management plane; `undefined` for no limits. */
  readonly rules?: Rules;
}

/** A provider whose tokens (JWT) are valid as tokens of clients. */
export interface JwtIssuer {
  /** The name in the log. */
  readonly name: string;
  /** The claim `iss` of the tokens. */
  readonly issuer: string;
  /** The names of the proxy, of which a token has one in the claim `aud`. */
  readonly audiences: readonly string[];
  readonly keys: JwtKeyPlace;
  /** The accepted algorithms of signatures. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** How much the clocks of the provider and of this machine may differ, in milliseconds. */
  readonly clockSkewMs: number;
  /** The claim that identifies a person. */
  readonly subjectClaim: string;
  /** The claim with the name in the log and in usage. */
  readonly nameClaim: string;
  /** The project by a claim. The first rule that matches counts. */
  readonly projects: readonly JwtProjectRule[];
  /** The name of the project of tokens that match no rule; `undefined` if the proxy refuses them. */
  readonly defaultProject?: string;
  /** The limits of each person; `undefined` if only those of the project apply. */
  readonly rules?: Rules;
  readonly outbound: OutboundRules;
  /** PEM texts with certificates to trust besides those of the system. */
  readonly caCerts?: readonly string[];
}

/** Where the public keys of a provider are: at the URL of its metadata, at another URL, or in a file. */
export type JwtKeyPlace =
  | { readonly kind: "discovery" }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "file"; readonly path: string; readonly keys: JwtKeySet };

/** A set of public keys (RFC 7517). */
export interface JwtKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** The project of the tokens with a value in a claim. */
export interface JwtProjectRule {
  /** The name of the claim. Dots lead into tables. */
  readonly claim: string;
  /** The value of the claim, or one value of its list. */
  readonly value: string;
  /** The name of the project. */
  readonly project: string;
}

/** A named route: `/openai/…` is the endpoint `openai`. */
export interface Endpoint {
  readonly name: string;
  /** The provider that the configuration names; `undefined` if it names none. */
  readonly preset?: PresetName;
  /**
   * The API format of the backends. It decides the shape of the proxy's own errors, and which endpoint serves
   * `/v1/messages`. The management API, metrics and the log call it `provider`.
   */
  readonly dialect: Dialect;
  /** At least one backend, the preferred one first. */
  readonly backends: readonly Backend[];
  /**
   * What clients may request: names of groups of `operations.ts` and patterns of `path_patterns.ts`. An entry
   * after `!` denies.
   */
  readonly paths: readonly string[];
  readonly strategy: Strategy;
  /**
   * How requests of one conversation are recognised, which stay at one backend; `undefined` if they do not
   * stay.
   */
  readonly affinity?: Affinity;
  readonly retry: RetryPolicy;
  /** The longest request body, in bytes, that is held in memory for a rule, a change or a retry. */
  readonly maxBufferBytes: number;
  /** Whether responses name their backend in `x-llm-proxy-backend`. */
  readonly exposeBackend: boolean;
  /**
   * Whether URLs of the upstream in its responses, which clients open with their token, lead to the proxy.
   */
  readonly rewriteUrls: boolean;
  /** Whether the proxy requests usage in streams, and strips it if the client did not request it. */
  readonly streamUsage: boolean;
  /**
   * Whether lists of models have only those that the rules of the token allow. Without it, lists stay as they
   * are.
   */
  readonly filterModels?: boolean;
  /** Who may use the objects that a managed token made at the provider. */
  readonly objects: ObjectSharing;
  /** Whether managed tokens may use objects at the provider whose maker is unknown. */
  readonly unknownObjects: "allow" | "reject";
  /** Output tokens that a budget reserves if neither the request nor the model has a known maximum. */
  readonly reserveOutputTokens: number;
  /** What a budget reserves: the maximum output, or what recent responses of the model used. */
  readonly reserve: "expected" | "maximum";
  /** Whether input tokens that are read from a cache count in tokens per minute. */
  readonly countCacheReads: boolean;
  /**
   * The silence, in milliseconds, after which an event stream gets a comment. `undefined` for no comments.
   */
  readonly keepaliveMs?: number;
  /**
   * How long the proxy waits for the head of an event stream before it begins the response itself, in
   * milliseconds. `undefined` if only the upstream begins responses.
   */
  readonly earlyHeadMs?: number;
  /**
   * The provider whose published prices apply, or `local` for no cost. `undefined` for the provider of the
   * backend's address, if it is a known one.
   */
  readonly priceProvider: string | undefined;
  /**
   * Set if `priceProvider` is a guess by the preset: the provider of a backend's known address wins over it.
   */
  readonly isPriceProviderGuessed?: true;
  /** Prices that win over published ones. The first match counts. */
  readonly prices: readonly PricedModel[];
  /** The value of the header `anthropic-version` for requests without one. */
  readonly anthropicVersion?: string;
}

/**
 * Who may use an object at a provider, such as a file: the token that made it, the tokens of its project, or
 * every token.
 */
export type ObjectSharing = "own" | "project" | "shared";

/** How the first backend of an exchange is chosen. After a failure the next backend gets the request. */
export type Strategy = "failover" | "round_robin" | "weighted" | "least_busy";

/** How requests of one conversation are recognised. */
export interface Affinity {
  /**
   * The header that identifies the conversation, in lower case. If it is `undefined`, the headers of known
   * clients identify the conversation, or else the beginning of the body.
   */
  readonly header?: string;
}

/** When another attempt follows a failed one, and how many do. */
export interface RetryPolicy {
  /** The number of further attempts after the first. */
  readonly retries: number;
  /** Response statuses that count as failures. */
  readonly statuses: ReadonlySet<number>;
  /** Whether a request that creates something is retried too if it may have arrived. */
  readonly unsafe: boolean;
}

/** One upstream of an endpoint: its address, its key, and how the proxy connects to it. */
export interface Backend {
  readonly name: string;
  readonly baseUrl: BaseUrl;
  readonly key: BackendKey;
  /** The header that carries the key, in lower case. In `authorization` the key follows `Bearer`. */
  readonly keyField: string;
  readonly connection: ConnectionSettings;
  /** Headers that are set on every request. They replace headers of the client. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Headers of the client that are not forwarded, in lower case. */
  readonly removeHeaders: readonly string[];
  /** The models that replace the model of the client; `undefined` if every model stays. */
  readonly model: ModelOverride | undefined;
  /** The share of requests with the strategy `weighted`. */
  readonly weight: number;
  /** The number of the pool of keys that the key belongs to; `undefined` if the backend has a single key. */
  readonly pool?: number;
  readonly timeouts: TimeoutLimits;
  /** How the backend is checked; `undefined` if the proxy sends it only requests of clients. */
  readonly check?: CheckSettings;
  /** How the machine of the backend is woken; `undefined` if it does not sleep. */
  readonly wake?: WakeSettings;
}

/** How the proxy wakes the machine of a backend. */
export interface WakeSettings {
  /** The MAC address, like `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string;
  /** The address and the UDP port that the magic packet goes to. */
  readonly hostname: string;
  readonly port: number;
  /** How long a request waits for the machine if no other backend serves it, in milliseconds. */
  readonly timeoutMs: number;
}

/** How the proxy checks whether a backend is up. */
export interface CheckSettings {
  /** The time between two checks, in milliseconds. */
  readonly everyMs: number;
  /** The path at the host of the base URL; `undefined` for the list of models. */
  readonly path?: string;
}

/**
 * The credential that a backend gets. `inject`: a key of the proxy. `none`: no credential. `passthrough`: the
 * credential of the client, which then sends the token of the proxy in `x-llm-proxy-token` or
 * `Proxy-Authorization`.
 */
export type BackendKey =
  | { readonly mode: "inject"; readonly value: string }
  | { readonly mode: "none" }
  | { readonly mode: "passthrough" };

/** A price in US dollars per million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Input that is read from a cache; `undefined` for the price of other input. */
  readonly cached?: number;
  /** Input that is written to a cache; `undefined` for the price of other input. */
  readonly cacheWrite?: number;
  /** Input that is written to a cache for an hour; `undefined` for the price of {@link cacheWrite}. */
  readonly cacheWriteHour?: number;
  /** Audio, images and video; `undefined` for the price of other input, output or cached input. */
  readonly inputAudio?: number;
  readonly cachedAudio?: number;
  readonly outputAudio?: number;
  readonly inputImage?: number;
  readonly cachedImage?: number;
  readonly outputImage?: number;
  readonly inputVideo?: number;
  /** Reasoning, which is output; `undefined` for the price of other output. */
  readonly reasoning?: number;
  /** Quotes from search results, which are output; `undefined` for the price of other output. */
  readonly citation?: number;
  /**
   * An hour of audio, for models that report its length and no tokens; `undefined` for the price of the
   * tokens.
   */
  readonly audioHour?: number;
  /** A thousand searches; `undefined` if the price is unknown. */
  readonly webSearches?: number;
  readonly fileSearches?: number;
}

/** A price and the models that have it. */
export interface PricedModel extends Price {
  readonly matches: (model: string) => boolean;
}

/** The models that replace the model of the client. */
export interface ModelOverride {
  /** Replacements by the model of the client. */
  readonly byName: ReadonlyMap<string, string>;
  /** The replacement for all other models; `undefined` if the other models stay. */
  readonly otherwise: string | undefined;
}

/** How the proxy connects to a backend. */
export interface ConnectionSettings {
  /** Identifies the settings: backends with the same key and origin share their connections. */
  readonly key: string;
  /** The forward proxy; `undefined` for a direct connection. */
  readonly proxy?: OutboundProxy;
  /** Whether an HTTP proxy gets a CONNECT for `http://` upstreams too; `undefined` for no. */
  readonly proxyTunnel?: boolean;
  /** PEM texts with certificates to trust besides those of the system. */
  readonly caCerts?: readonly string[];
  /** The certificate chain and key, as PEM texts, that the proxy shows to the upstream. */
  readonly clientCert?: { readonly cert: string; readonly key: string };
  readonly pool: PoolLimits;
}

/** Limits of the pool of idle connections. */
export interface PoolLimits {
  /** The number of idle connections that are kept for each origin. */
  readonly maxIdle: number;
  /** How long a connection may be idle, in milliseconds. */
  readonly idleMs: number;
}

/** A forward proxy on the way to a backend. */
export interface OutboundProxy {
  readonly scheme: "http" | "https" | "socks5";
  readonly hostname: string;
  readonly port: number;
  readonly login?: { readonly user: string; readonly password: string };
}

/** The timeouts of an attempt, in milliseconds. Undefined is no limit. */
export interface TimeoutLimits {
  /** Timeout of the connection to the upstream. */
  readonly connectMs: number | undefined;
  /** Timeout from the request to the headers of the response. */
  readonly firstByteMs: number | undefined;
  /** Timeout between two chunks of the response. */
  readonly idleMs: number | undefined;
  /**
   * Timeout from when the proxy begins to forward, after the body it had to read and the wait for a slot, to
   * the last byte.
   */
  readonly totalMs: number | undefined;
}

/** The base URL of an upstream. */
export interface BaseUrl {
  /** Scheme, host and port, as in `https://api.openai.com`. */
  readonly origin: string;
  /** The path without a slash at its end. Empty for a URL without a path. */
  readonly path: string;
  /**
   * Folders that the server has beside the version at the end of {@link path}. `undefined` for those that its
   * origin has.
   */
  readonly besideVersion?: readonly string[];
}

/** What the proxy logs, and in which format. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether each exchange gets a line in the log when it ends. */
  readonly access: boolean;
}

/** The lowest severity to log. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** `pretty`: lines for people. `json`: one JSON object in each line. */
export type LogFormat = "pretty" | "json";
