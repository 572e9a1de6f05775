/**
 * The schema of a configuration file: every key with its type and description. The program validates files
 * with it, `llm-proxy check --schema` prints it, and `config.example.toml` has a line for each of its keys.
 */

import * as v from "valibot";
import { BUDGET_WINDOWS, LOG_FORMATS, LOG_LEVELS, ON_LOSS, SERVER_ENGINES } from "../values/defaults.ts";
import { PRESET_NAMES } from "../values/presets.ts";
import { priceProviderSchema } from "../values/price_providers.ts";
import { jwtSchemaWith } from "./jwt_schema.ts";
import { scimSchema } from "./scim_schema.ts";
import { signInSchema } from "./sign_in_schema.ts";
import { list, number, text, texts, toggle, word, wrongKind } from "./file_fields.ts";
import {
  addressRangeSchema,
  baseUrlSchema,
  hostNameSchema,
  hostSchema,
  originSchema,
  portSchema,
  proxyUrlSchema,
  publicUrlSchema,
  udpAddressSchema,
} from "../values/address_values.ts";
import {
  anthropicVersionSchema,
  bytesSchema,
  checkIntervalSchema,
  checkPathSchema,
  countOrNoneSchema,
  countSchema,
  databaseUrlSchema,
  dollarsSchema,
  drainSchema,
  durationSchema,
  encryptionKeySchema,
  headerNameSchema,
  headerValueSchema,
  idleSchema,
  intervalSchema,
  limitsTimeoutSchema,
  limitsUrlSchema,
  macSchema,
  managementTokenSchema,
  nameSchema,
  pathRuleSchema,
  priceSchema,
  retentionSchema,
  secretSchema,
  textSchema,
  timeZoneSchema,
  workersSchema,
} from "../values/values.ts";

/** The keys of a backend. In the table of an endpoint they are the defaults of its backends. */
const BACKEND_KEYS = {
  base_url: text(baseUrlSchema, "the address of the API, with its path"),
  target_base: text(baseUrlSchema, "deprecated: another name of base_url"),
  api_key: text(
    secretSchema,
    'the key that the proxy sends; "passthrough" forwards the key of the client, "none" sends no key',
  ),
  api_keys: list(secretSchema, "several keys of the provider in place of api_key: each is a backend"),
  key_header: text(headerNameSchema, "the header that carries the key"),
  model: text(textSchema, "replaces the model of every request"),
  models: texts(v.string(), textSchema, "replaces models by name: the key is the model of the client"),
  proxy_url: text(proxyUrlSchema, 'the URL of a forward proxy (http, https, socks5), or "direct"'),
  proxy_tunnel: toggle("send CONNECT to an HTTP forward proxy also for an http:// base_url"),
  ca_file: text(textSchema, "a PEM file with certificates to trust besides those of the system"),
  client_cert_file: text(
    textSchema,
    "a PEM file with the certificate chain that the proxy shows to the upstream",
  ),
  client_key_file: text(textSchema, "a PEM file with the private key of client_cert_file"),
  headers: texts(
    headerNameSchema,
    headerValueSchema,
    "headers to set on every request; they replace headers of the client",
  ),
  remove_headers: list(headerNameSchema, "headers of the client that are not forwarded"),
  connect_timeout: number(durationSchema, "timeout of the connection to the upstream"),
  first_byte_timeout: number(durationSchema, "timeout from the request to the headers of the response"),
  idle_timeout: number(durationSchema, "timeout between two pieces of the response"),
  total_timeout: number(
    durationSchema,
    "timeout from when the proxy begins to forward to the last byte of the response",
  ),
  check_every: number(
    checkIntervalSchema,
    "how often the proxy checks whether the backend is up, like 30s; none: never",
  ),
  check_path: text(
    checkPathSchema,
    "the path that a check requests at the host of base_url, like /health; default: the list of models",
  ),
  wake: text(
    macSchema,
    "the MAC address of the machine, to wake it by Wake-on-LAN when it cannot be reached",
  ),
  wake_broadcast: text(udpAddressSchema, "the address and UDP port that the packet is sent to"),
  wake_timeout: number(
    durationSchema,
    "how long a request waits for the machine if no other backend serves it",
  ),
  pool_max_idle: number(countSchema(0, 10_000), "number of idle connections to keep per upstream"),
  pool_idle_timeout: number(durationSchema, "how long an idle connection is kept"),
};

const backendSchema = v.strictObject({
  name: text(nameSchema, "the name in the log; default: the host of base_url"),
  ...BACKEND_KEYS,
  weight: number(countSchema(0, 1_000), "the share of requests with the strategy weighted"),
}, wrongKind("a table"));

const priceTableSchema = v.strictObject({
  input: number(priceSchema, "US dollars per million tokens of input"),
  output: number(priceSchema, "US dollars per million tokens of output"),
  cached: number(
    priceSchema,
    "US dollars per million tokens of input that is read from a cache; default: the price of input",
  ),
  cache_write: number(
    priceSchema,
    "US dollars per million tokens of input that is written to a cache; default: the price of input",
  ),
  cache_write_1h: number(
    priceSchema,
    "US dollars per million tokens of input that is written to a cache for an hour; default: the price of cache_write",
  ),
  input_audio: number(priceSchema, "US dollars per million tokens of audio; default: the price of input"),
  cached_audio: number(
    priceSchema,
    "US dollars per million tokens of audio that is read from a cache; default: the price of cached",
  ),
  output_audio: number(
    priceSchema,
    "US dollars per million tokens of audio in the output; default: the price of output",
  ),
  input_image: number(priceSchema, "US dollars per million tokens of images; default: the price of input"),
  cached_image: number(
    priceSchema,
    "US dollars per million tokens of images that are read from a cache; default: the price of cached",
  ),
  output_image: number(
    priceSchema,
    "US dollars per million tokens of images in the output; default: the price of output",
  ),
  input_video: number(priceSchema, "US dollars per million tokens of video; default: the price of input"),
  reasoning: number(priceSchema, "US dollars per million tokens of reasoning; default: the price of output"),
  citation: number(
    priceSchema,
    "US dollars per million tokens of quotes from search results; default: the price of output",
  ),
  audio_hour: number(
    priceSchema,
    "US dollars per hour of audio, for models that report its length and no tokens; default: 36,000 tokens of input_audio",
  ),
  web_searches: number(priceSchema, "US dollars per thousand searches of the web"),
  file_searches: number(priceSchema, "US dollars per thousand searches in files"),
}, wrongKind("a table"));

const endpointSchema = v.strictObject({
  provider: word(
    PRESET_NAMES,
    "the API: sets the defaults of base_url and key_header, and the format of errors",
  ),
  ...BACKEND_KEYS,
  anthropic_version: text(
    anthropicVersionSchema,
    "the value of the header anthropic-version for requests without one",
  ),
  paths: list(
    pathRuleSchema,
    "what clients may request: groups, like inference, and paths at the provider, like */files*; an entry after ! is denied",
  ),
  strategy: word(
    ["failover", "round_robin", "weighted", "least_busy"],
    "which backend gets the first attempt; after a failure the next backend gets the request",
  ),
  affinity: text(
    headerNameSchema,
    'which requests stay at one backend: "auto": those of a conversation, "off": none, or the name of a header; ' +
      "not with failover",
  ),
  retries: number(countSchema(0, 20), "number of further attempts after a failed one"),
  retry_statuses: list(countSchema(400, 599), "response statuses that count as failures"),
  retry_unsafe: toggle(
    "also retry a request that creates something (an image, a video, a file, a batch) if it may have arrived",
  ),
  max_buffer_bytes: number(
    bytesSchema,
    "the longest request body that is held in memory, for a rule, a change or a retry",
  ),
  expose_backend: toggle("name the backend in the response header x-llm-proxy-backend"),
  rewrite_urls: toggle(
    "replace URLs of the provider that clients open with their token by URLs of the proxy",
  ),
  filter_models: toggle("leave out of lists of models what the rules of the token do not allow"),
  stream_usage: toggle(
    "request usage in OpenAI streams, and strip it from the response if the client did not request it",
  ),
  objects: word(
    ["own", "project", "shared"],
    "who may use the files, batches, responses and other stored objects that a managed token made: that token, " +
      "its project, or every token",
  ),
  unknown_objects: word(
    ["allow", "reject"],
    "whether managed tokens may use objects whose maker the proxy does not know",
  ),
  reserve_output_tokens: number(
    countSchema(0, 10_000_000),
    "output tokens that a budget reserves if neither the request nor the model has a known maximum",
  ),
  reserve: word(
    ["expected", "maximum"],
    "the output that a budget reserves: as much as most recent responses of the model used, or the maximum",
  ),
  count_cache_reads: toggle("count input tokens that are read from a cache in tokens_per_minute"),
  keepalive_comments: number(
    durationSchema,
    "send a comment in an event stream that was silent for this long",
  ),
  keepalive_before_head: number(
    durationSchema,
    "begin an event stream with comments if the upstream has not answered for this long; a later error loses its " +
      "status and headers",
  ),
  price_provider: text(
    priceProviderSchema,
    "whose published prices apply: openai, anthropic, google, …; local: no cost; default: by base_url",
  ),
  prices: v.optional(v.pipe(
    v.record(v.string(), priceTableSchema, wrongKind("a table")),
    v.description(
      "prices by model name, with * for any characters; the first match counts",
    ),
  )),
  backends: v.optional(v.pipe(
    v.array(backendSchema, wrongKind("a list of tables")),
    v.minLength(1, "is empty"),
    v.description("several upstreams, the preferred one first"),
  )),
}, wrongKind("a table"));

/** The limits that exist for a token and for single models of a token. */
const LIMIT_KEYS = {
  requests_per_minute: number(countSchema(1, 1_000_000), "requests per minute"),
  tokens_per_minute: number(countSchema(1, 999_999_999), "input and output tokens per minute"),
  concurrent_requests: number(countSchema(1, 100_000), "requests at the same time"),
  budget_day_usd: number(dollarsSchema, "US dollars per day"),
  budget_week_usd: number(dollarsSchema, "US dollars per week, from Monday"),
  budget_month_usd: number(dollarsSchema, "US dollars per month"),
  budget_total_usd: number(dollarsSchema, "US dollars in total"),
};

const modelLimitsSchema = v.strictObject({
  model: text(textSchema, "the name of a model, with * for any characters"),
  ...LIMIT_KEYS,
}, wrongKind("a table"));

const limitsSchema = v.optional(v.pipe(
  v.strictObject({
    ...LIMIT_KEYS,
    max_requests: number(countSchema(1, 999_999_999), "requests in total"),
    model_limits: v.optional(v.pipe(
      v.array(modelLimitsSchema, wrongKind("a list of tables")),
      v.description("limits by model name; the first match counts"),
    )),
    endpoints: list(textSchema, "allowed endpoints, with * for any characters"),
    models: list(textSchema, "allowed models, with * for any characters"),
    paths: list(
      pathRuleSchema,
      "what the token may request: groups, like inference, and paths at the provider, like */files*; an entry after ! is denied",
    ),
  }, wrongKind("a table")),
  v.description("the limits of the token; needs the management plane"),
));

const tokenSchema = v.strictObject({
  name: text(nameSchema, "the name of the client in the log"),
  token: text(secretSchema, "the token that the client sends as its API key"),
  limits: limitsSchema,
}, wrongKind("a table"));

const jwtSchema = jwtSchemaWith(limitsSchema);

const routeSchema = v.strictObject({
  model: text(textSchema, "the name of a model, with * for any characters"),
  endpoint: text(nameSchema, "the endpoint that gets the request"),
  to: text(
    textSchema,
    "the model that is sent; each * stands for what a * of model matched; default: the model of the request",
  ),
}, wrongKind("a table"));

/** The schema of a whole configuration file. */
export const fileSchema = v.strictObject({
  server: v.optional(v.strictObject({
    host: text(hostSchema, "the address to listen on"),
    port: number(portSchema, "the port to listen on"),
    https_port: number(portSchema, "a second port, for HTTPS; port then stays plain"),
    admin_port: number(portSchema, "a separate port for the admin page, the management API and metrics"),
    engine: word(SERVER_ENGINES, "own: the proxy's own server; deno: the platform's Deno.serve"),
    workers: number(workersSchema, "threads that serve requests, or auto: one for each core; needs Linux"),
    target_base: text(baseUrlSchema, "deprecated: base_url of endpoints without one"),
    default_endpoint: text(nameSchema, "the endpoint for the paths /v1/… and /chat/completions"),
    route_by_model: toggle(
      "send requests without the name of an endpoint to the endpoint that serves their model",
    ),
    models_refresh: number(
      durationSchema,
      "how often the lists of models are read again; none: never; local servers: every 30s at most",
    ),
    drain_seconds: number(drainSchema, "how long running requests may continue after SIGTERM"),
    drain_delay_seconds: number(
      drainSchema,
      "how long the proxy still takes requests after SIGTERM, while /readyz is 503",
    ),
    max_body_bytes: number(bytesSchema, "the maximum size of a request body"),
    max_message_bytes: number(bytesSchema, "the maximum size of a WebSocket message"),
    cors_origins: list(originSchema, "origins of web pages that may read responses"),
    allowed_hosts: list(
      hostNameSchema,
      "public host names of the proxy; without a token, requests for other names get a 403",
    ),
    allowed_ips: list(
      addressRangeSchema,
      "IP addresses and CIDR ranges of clients that may connect, like 192.168.1.0/24",
    ),
    trusted_proxies: list(
      addressRangeSchema,
      "IP addresses and CIDR ranges of reverse proxies whose x-forwarded-for is trusted",
    ),
    max_connections: number(
      countSchema(1, 1_000_000),
      "client connections; at the limit, one without a valid token is closed, or else the longest-idle one",
    ),
    max_concurrent_requests: number(countOrNoneSchema(1, 1_000_000), "requests at the same time"),
    max_concurrent_per_token: number(
      countOrNoneSchema(1, 1_000_000),
      "requests of one token at the same time",
    ),
    queue_timeout: number(durationSchema, "how long a request waits for a free slot before it gets a 503"),
    max_header_bytes: number(bytesSchema, "the maximum size of the request line and headers"),
    max_header_fields: number(countSchema(1, 10_000), "the maximum number of headers of a request"),
    header_timeout: number(durationSchema, "timeout for the request line and headers"),
    keep_alive_timeout: number(durationSchema, "how long an idle client connection is kept"),
    upload_timeout: number(durationSchema, "timeout between two pieces of a request body"),
    send_timeout: number(durationSchema, "timeout for a client that reads nothing of its response"),
    tls_cert_file: text(textSchema, "a PEM file with the certificate chain"),
    tls_key_file: text(textSchema, "a PEM file with the private key of the certificate"),
  }, wrongKind("a table"))),
  auth: v.optional(v.strictObject({
    mode: word(["token", "none"], '"none": no token is needed'),
    token: text(secretSchema, "the token that clients send as their API key"),
    limits: limitsSchema,
    tokens: v.optional(v.pipe(
      v.array(tokenSchema, wrongKind("a list of tables")),
      v.description("several tokens, each with a name"),
    )),
    jwt: v.optional(v.pipe(
      v.array(jwtSchema, wrongKind("a list of tables")),
      v.description("providers whose tokens are valid as tokens of clients; docs/sign-in.md"),
    )),
  }, wrongKind("a table"))),
  management: v.optional(v.strictObject({
    enabled: toggle(
      "managed tokens, usage, metrics and the admin page are on; true without a token: people sign in by name",
    ),
    token: text(
      managementTokenSchema,
      "enables managed tokens, usage, metrics and the admin page, and gives access to all of them",
    ),
    database_url: text(databaseUrlSchema, "the database: sqlite:FILE or postgres://USER@HOST/DATABASE"),
    encryption_key: text(encryptionKeySchema, "32 bytes in base64; encrypts the provider keys of projects"),
    limits_url: text(
      limitsUrlSchema,
      "where several replicas share their limits: redis://HOST:6379 (Redis or Valkey) or postgres://USER@HOST/DATABASE; " +
        "default: the database, if it is PostgreSQL; none: each replica counts by itself",
    ),
    limits_password: text(secretSchema, "the password for limits_url, in the place of one in the URL"),
    on_limits_loss: word(
      ON_LOSS,
      "tokens with a budget, while limits_url cannot be reached: go_on with the counts of each replica, or refuse them",
    ),
    limits_timeout: number(
      limitsTimeoutSchema,
      "how long a request waits for limits_url before on_limits_loss applies; default: 500ms, and 2s for PostgreSQL",
    ),
    on_database_loss: word(
      ON_LOSS,
      "while the database cannot be reached: go_on serves known tokens; refuse rejects those with a budget, " +
        "and within a minute all managed ones",
    ),
    backup_every: number(intervalSchema, "how often the database is backed up, like 1d; none: never"),
    backup_keep: number(countSchema(1, 1_000), "how many backups are kept"),
    backup_folder: text(textSchema, "the folder of the backups"),
    prices_file: text(textSchema, "a file with newer published prices; llm-proxy prices update writes it"),
    budget_time_zone: text(
      timeZoneSchema,
      "the time zone of budget days, weeks and months: an IANA name like Europe/Berlin",
    ),
    budget_window: word(
      BUDGET_WINDOWS,
      "calendar: days, weeks from Monday, and months; rolling: the last 24 hours, 7 days and 30 days",
    ),
    retention_days: number(retentionSchema, "how long single requests are kept; totals stay"),
    admin_idle_minutes: number(
      idleSchema,
      "minutes of inactivity before the admin page signs you out",
    ),
    metrics_public: toggle("/metrics needs no token"),
    allowed_ips: list(
      addressRangeSchema,
      "IP addresses and CIDR ranges that may use /manage, /admin and /metrics",
    ),
    public_url: text(
      publicUrlSchema,
      "the address by which browsers reach the admin page, like https://llm.example.com; providers send people back to it",
    ),
    sign_in: v.optional(v.pipe(
      v.array(signInSchema, wrongKind("a list of tables")),
      v.description("providers with which people sign in at the admin page; docs/sign-in.md"),
    )),
    scim: v.optional(v.pipe(
      scimSchema,
      v.description("the directory of a provider writes its people with SCIM; docs/sign-in.md"),
    )),
  }, wrongKind("a table"))),
  log: v.optional(v.strictObject({
    level: word(LOG_LEVELS, "the lowest severity to log"),
    format: word(LOG_FORMATS, "pretty for people, json for programs"),
    access: toggle("log one line per request"),
  }, wrongKind("a table"))),
  routes: v.optional(v.pipe(
    v.array(routeSchema, wrongKind("a list of tables")),
    v.description(
      "endpoints for models, for requests without the name of an endpoint; the first match counts",
    ),
  )),
  aliases: v.optional(v.pipe(
    v.record(v.string(), v.pipe(v.string(wrongKind("a string")), textSchema), wrongKind("a table")),
    v.description(
      "other names of models, for requests without the name of an endpoint: MODEL or ENDPOINT/MODEL",
    ),
  )),
  endpoints: v.optional(v.pipe(
    v.record(v.string(), endpointSchema, wrongKind("a table")),
    v.description("endpoints by name; the name is the first segment of the path: /NAME/…"),
  )),
}, wrongKind("a table"));

/** The checked settings of a configuration file. */
export type FileConfig = v.InferOutput<typeof fileSchema>;
/** The table `[endpoints.NAME]`, as it is in the file: without defaults and presets. */
export type EndpointSettings = v.InferOutput<typeof endpointSchema>;
/** One item of `model_limits`: the limits of a token for the models that match a pattern. */
export type ModelLimitSettings = v.InferOutput<typeof modelLimitsSchema>;
/** The table `limits` of a token in the file. */
export type LimitSettings = NonNullable<v.InferOutput<typeof limitsSchema>>;
/** One table of `[[auth.jwt]]`, as it is in the file. */
export type JwtSettings = v.InferOutput<typeof jwtSchema>;
/** The keys of a backend, or the defaults of the backends in the table of an endpoint. */
export type BackendSettings = v.InferOutput<typeof backendSchema>;
