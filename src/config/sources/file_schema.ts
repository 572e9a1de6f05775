/**
 * The keys of a configuration file: what each takes and means. What is validated, what `llm-proxy check --schema`
 * prints and what `config.example.toml` has to hold are all this.
 */

import * as v from "valibot";
import { BUDGET_WINDOWS, LOG_FORMATS, LOG_LEVELS, SERVER_ENGINES } from "../values/defaults.ts";
import { PRESET_NAMES } from "../values/presets.ts";
import { priceProviderSchema } from "../values/price_providers.ts";
import { nearest } from "../values/suggest.ts";
import {
  addressRangeSchema,
  baseUrlSchema,
  hostNameSchema,
  hostSchema,
  originSchema,
  portSchema,
  proxyUrlSchema,
} from "../values/address_values.ts";
import {
  anthropicVersionSchema,
  bytesSchema,
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
  managementTokenSchema,
  nameSchema,
  pathPatternSchema,
  priceSchema,
  retentionSchema,
  secretSchema,
  switchSchema,
  textSchema,
  timeZoneSchema,
  type ValueSchema,
} from "../values/values.ts";

/** Says what kind a value is of, never the value: it may be a secret in the wrong place. */
const wrongKind = (wanted: string) => ({ input }: { readonly input: unknown }): string =>
  input === undefined ? "is missing" : `must be ${wanted}, not ${kindOf(input)}`;

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (value === null) return "null";
  return typeof value === "object" ? "a table" : `a ${typeof value}`;
}

/** A text, by the same rule as the same setting in the environment. */
function text<Output>(schema: ValueSchema<Output>, description: string) {
  return v.optional(v.pipe(v.string(wrongKind("a text")), v.description(description), schema));
}

/** One of a few words. */
function word<const Word extends string>(words: readonly Word[], description: string) {
  const message = ({ input }: { readonly input: unknown }): string => {
    if (typeof input !== "string") return wrongKind("a text")({ input });
    const near = nearest(input, words);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return `${JSON.stringify(input)} is not one of ${words.join(", ")}${hint}`;
  };
  return v.optional(v.pipe(v.picklist(words, message), v.description(description)));
}

/** A number, also as text, since a `${NAME}` of the environment is one. */
function number<Output>(schema: ValueSchema<Output>, description: string) {
  return v.optional(v.pipe(
    v.union([v.number(), v.string()], wrongKind("a number")),
    v.description(description),
    v.transform(String),
    schema,
  ));
}

function toggle(description: string) {
  return v.optional(v.pipe(
    v.union([v.boolean(), v.string()], wrongKind("true or false")),
    v.description(description),
    v.transform(String),
    switchSchema,
  ));
}

function list<Output>(item: ValueSchema<Output>, description: string) {
  const element = v.pipe(
    v.union([v.string(), v.number()], wrongKind("a text or a number")),
    v.transform(String),
    item,
  );
  return v.optional(v.pipe(v.array(element, wrongKind("a list")), v.description(description)));
}

function texts<Output>(key: ValueSchema<string>, value: ValueSchema<Output>, description: string) {
  const entry = v.pipe(v.string(wrongKind("a text")), value);
  return v.optional(v.pipe(v.record(key, entry, wrongKind("a table")), v.description(description)));
}

/** Settings of a backend; on an endpoint they hold for all of its backends. */
const BACKEND_KEYS = {
  base_url: text(baseUrlSchema, "where the API is; its path is kept"),
  target_base: text(baseUrlSchema, "the same as base_url, as earlier programs spelled it"),
  api_key: text(
    secretSchema,
    'the key the proxy sends; "passthrough" sends the client\'s own on, "none" sends none',
  ),
  key_header: text(headerNameSchema, "the header that carries the key"),
  model: text(textSchema, "the model to ask for, whatever the client asked for"),
  models: texts(v.string(), textSchema, "models to ask for, by the model the client asked for"),
  proxy_url: text(proxyUrlSchema, 'a forward proxy (http, https, socks5), or "direct"'),
  ca_file: text(textSchema, "certificates to trust besides the system's, in PEM form"),
  headers: texts(
    headerNameSchema,
    headerValueSchema,
    "fields set on every request, in place of the client's",
  ),
  remove_headers: list(headerNameSchema, "fields of the client that are not sent on"),
  connect_timeout: number(durationSchema, "until a connection stands"),
  first_byte_timeout: number(durationSchema, "from the request to the headers of the answer"),
  idle_timeout: number(durationSchema, "between two pieces of the answer"),
  total_timeout: number(durationSchema, "from the beginning to the last byte"),
  pool_max_idle: number(countSchema(0, 10_000), "idle connections kept for the next request"),
  pool_idle_timeout: number(durationSchema, "how long a connection is kept idle"),
};

const backendSchema = v.strictObject({
  name: text(nameSchema, "how the backend is called in the log"),
  ...BACKEND_KEYS,
  weight: number(countSchema(0, 1_000), "its share under the strategy weighted"),
}, wrongKind("a table"));

const priceTableSchema = v.strictObject({
  input: number(priceSchema, "US dollars per million tokens of input"),
  output: number(priceSchema, "the same of output"),
  cached: number(priceSchema, "of input that is read from a cache; default: as other input"),
  cache_write: number(priceSchema, "of input that is written to a cache; default: as other input"),
  cache_write_1h: number(
    priceSchema,
    "of input that is written to a cache for an hour; default: as cache_write",
  ),
  input_audio: number(priceSchema, "of sound; default: as other input"),
  cached_audio: number(priceSchema, "of sound that is read from a cache; default: as cached"),
  output_audio: number(priceSchema, "of sound in the output; default: as other output"),
  input_image: number(priceSchema, "of images; default: as other input"),
  cached_image: number(priceSchema, "of images that are read from a cache; default: as cached"),
  output_image: number(priceSchema, "of images in the output; default: as other output"),
  input_video: number(priceSchema, "of video; default: as other input"),
  reasoning: number(priceSchema, "of reasoning; default: as other output"),
  citation: number(priceSchema, "of output that quotes what a search found; default: as other output"),
  audio_hour: number(priceSchema, "US dollars per hour of sound, where the model states its length"),
  web_searches: number(priceSchema, "US dollars per thousand searches of the web"),
  file_searches: number(priceSchema, "US dollars per thousand searches in files"),
}, wrongKind("a table"));

const endpointSchema = v.strictObject({
  provider: word(PRESET_NAMES, "fills in base_url, key_header and the dialect of errors"),
  ...BACKEND_KEYS,
  anthropic_version: text(anthropicVersionSchema, "sent as anthropic-version where the client sent none"),
  strategy: word(
    ["failover", "round_robin", "weighted", "least_busy"],
    "which backend is tried first; the others follow where it fails",
  ),
  retries: number(countSchema(0, 20), "further attempts after the first"),
  retry_statuses: list(countSchema(400, 599), "answers that count as failures"),
  max_buffer_bytes: number(bytesSchema, "how much of a body is held, to be sent again or changed"),
  expose_backend: toggle("tell clients which backend answered, in x-llm-proxy-backend"),
  stream_usage: toggle("ask for the usage of OpenAI's streams, and take it out of the answer again"),
  reserve_output_tokens: number(
    countSchema(0, 10_000_000),
    "output tokens whose cost a budget keeps for a request that states no maximum, of a model with an unknown one",
  ),
  reserve: word(
    ["expected", "maximum"],
    "the output that a budget reserves: what most recent responses of the model used, or the most that can come",
  ),
  count_cache_reads: toggle("count input that is read from a cache towards tokens_per_minute"),
  keepalive_comments: number(durationSchema, "put a comment into event streams that are silent for so long"),
  price_provider: text(
    priceProviderSchema,
    "whose published prices hold, if the address does not tell: openai, anthropic, google, …; local: no cost",
  ),
  prices: v.optional(v.pipe(
    v.record(v.string(), priceTableSchema, wrongKind("a table")),
    v.description(
      "prices of models, by name or with * for any run of characters; the first that matches counts",
    ),
  )),
  backends: v.optional(v.pipe(
    v.array(backendSchema, wrongKind("a list of tables")),
    v.minLength(1, "is empty"),
    v.description("several upstreams, in the order of preference"),
  )),
}, wrongKind("a table"));

/** Limits of requests, and of requests for certain models. */
const LIMIT_KEYS = {
  requests_per_minute: number(countSchema(1, 1_000_000), "requests that begin within any minute"),
  tokens_per_minute: number(countSchema(1, 999_999_999), "tokens, input and output, within any minute"),
  concurrent_requests: number(countSchema(1, 100_000), "requests that run at the same time"),
  budget_day_usd: number(dollarsSchema, "US dollars per day"),
  budget_week_usd: number(dollarsSchema, "US dollars per week, which begins on Monday"),
  budget_month_usd: number(dollarsSchema, "US dollars per month"),
  budget_total_usd: number(dollarsSchema, "US dollars in all"),
};

const modelLimitsSchema = v.strictObject({
  model: text(textSchema, "the name of a model, with * for any run of characters"),
  ...LIMIT_KEYS,
}, wrongKind("a table"));

const limitsSchema = v.optional(v.pipe(
  v.strictObject({
    ...LIMIT_KEYS,
    max_requests: number(countSchema(1, 999_999_999), "requests in all"),
    model_limits: v.optional(v.pipe(
      v.array(modelLimitsSchema, wrongKind("a list of tables")),
      v.description("limits of requests for certain models; of each model the first that matches counts"),
    )),
    endpoints: list(textSchema, "endpoints that may be used, with * for any run of characters"),
    models: list(textSchema, "models that may be used, likewise"),
    paths: list(
      pathPatternSchema,
      "paths at the provider that may be used, like /v1/models or */files*; one that begins with ! is refused",
    ),
  }, wrongKind("a table")),
  v.description("what the holder may do; needs the management plane"),
));

const tokenSchema = v.strictObject({
  name: text(nameSchema, "who holds it; it stands in the log"),
  token: text(secretSchema, "what the client presents as its API key"),
  limits: limitsSchema,
}, wrongKind("a table"));

/** A whole file. */
export const fileSchema = v.strictObject({
  server: v.optional(v.strictObject({
    host: text(hostSchema, "the address to listen on"),
    port: number(portSchema, "the port to listen on"),
    https_port: number(portSchema, "a second port, for HTTPS; port then stays plain"),
    admin_port: number(portSchema, "a port for the admin page, the management API and metrics alone"),
    engine: word(SERVER_ENGINES, "own: the proxy's own server; deno: the platform's Deno.serve"),
    target_base: text(baseUrlSchema, "base_url of endpoints that have none"),
    default_endpoint: text(nameSchema, "answers /v1/… and /chat/completions"),
    drain_seconds: number(drainSchema, "how long running answers may go on after SIGTERM"),
    max_body_bytes: number(bytesSchema, "the longest body a client may send"),
    max_message_bytes: number(bytesSchema, "the longest message on a WebSocket"),
    cors_origins: list(originSchema, "web pages that may read answers, by their origin"),
    allowed_hosts: list(
      hostNameSchema,
      "names under which clients reach the proxy, besides local ones and addresses",
    ),
    allowed_ips: list(addressRangeSchema, "addresses and ranges that may call, like 192.168.1.0/24"),
    trusted_proxies: list(addressRangeSchema, "reverse proxies whose x-forwarded-for is believed"),
    max_connections: number(countSchema(1, 1_000_000), "connections of clients at the same time"),
    max_concurrent_requests: number(countOrNoneSchema(1, 1_000_000), "requests that run at the same time"),
    max_concurrent_per_token: number(countOrNoneSchema(1, 1_000_000), "the same of one token"),
    queue_timeout: number(durationSchema, "how long a request waits for its turn before it is a 503"),
    max_header_bytes: number(bytesSchema, "the longest head of a request"),
    max_header_fields: number(countSchema(1, 10_000), "the most header fields of a request"),
    header_timeout: number(durationSchema, "until the head of a request has come"),
    keep_alive_timeout: number(durationSchema, "how long a connection is kept between requests"),
    upload_timeout: number(durationSchema, "how long a client may pause within its body"),
    send_timeout: number(durationSchema, "how long a client may take nothing of its answer"),
    tls_cert_file: text(textSchema, "a certificate chain in PEM form"),
    tls_key_file: text(textSchema, "its private key in PEM form"),
  }, wrongKind("a table"))),
  auth: v.optional(v.strictObject({
    mode: word(["token", "none"], '"none" lets anybody call'),
    token: text(secretSchema, "the one token that clients present"),
    limits: limitsSchema,
    tokens: v.optional(v.pipe(
      v.array(tokenSchema, wrongKind("a list of tables")),
      v.description("several, each with a name"),
    )),
  }, wrongKind("a table"))),
  management: v.optional(v.strictObject({
    token: text(managementTokenSchema, "switches managed tokens, usage and metrics on, and opens them"),
    database_url: text(databaseUrlSchema, "where they are kept: sqlite:FILE"),
    encryption_key: text(encryptionKeySchema, "32 bytes in base64 that seal provider keys of projects"),
    backup_every: number(intervalSchema, "how often the database is copied, like 1d; none: never"),
    backup_keep: number(countSchema(1, 1_000), "how many of these copies are kept"),
    backup_folder: text(textSchema, "where they are put"),
    prices_file: text(textSchema, "newer published prices, as llm-proxy prices update writes them"),
    budget_time_zone: text(timeZoneSchema, "whose days, weeks and months budgets count by, by its IANA name"),
    budget_window: word(
      BUDGET_WINDOWS,
      "calendar: days, weeks from Monday on and months; rolling: the last 24 hours, 7 days and 30 days",
    ),
    retention_days: number(retentionSchema, "how long single exchanges are kept; their sums stay"),
    admin_idle_minutes: number(
      idleSchema,
      "who does nothing at the admin page for so long has to sign in again",
    ),
    metrics_public: toggle("let everybody read /metrics"),
    allowed_ips: list(addressRangeSchema, "addresses and ranges that may use /manage, /admin and /metrics"),
  }, wrongKind("a table"))),
  log: v.optional(v.strictObject({
    level: word(LOG_LEVELS, "the least severe level that is written"),
    format: word(LOG_FORMATS, "pretty for people, json for programs"),
    access: toggle("one line per exchange"),
  }, wrongKind("a table"))),
  endpoints: v.optional(v.pipe(
    v.record(v.string(), endpointSchema, wrongKind("a table")),
    v.description("by name: the first segment of the paths that clients use"),
  )),
}, wrongKind("a table"));

/** A file whose values have been checked one by one. */
export type FileConfig = v.InferOutput<typeof fileSchema>;
/** An endpoint of a file. */
export type EndpointSettings = v.InferOutput<typeof endpointSchema>;
/** Limits of certain models. */
export type ModelLimitSettings = v.InferOutput<typeof modelLimitsSchema>;
/** Limits of a token of the file. */
export type LimitSettings = NonNullable<v.InferOutput<typeof limitsSchema>>;
/** A backend of a file, or the part of an endpoint that holds for its backends. */
export type BackendSettings = v.InferOutput<typeof backendSchema>;
