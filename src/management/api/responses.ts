/** Schemas of the responses of the management API, for its OpenAPI document and for the command line. */

import * as v from "valibot";
import { SETTLEMENTS, USAGE_SOURCES } from "../../storage/store.ts";
import { id, moment } from "./common_schemas.ts";
import type { ExchangeJson } from "./exchange_json.ts";
import { ALL_BUT_ADMIN, hiddenFrom } from "./visible.ts";

const count = v.pipe(v.number(), v.integer());
const limits = v.object({
  requests_per_minute: v.nullable(count),
  tokens_per_minute: v.nullable(count),
  concurrent_requests: v.nullable(count),
});
const budget = v.object({
  day_usd: v.nullable(v.number()),
  week_usd: v.nullable(v.number()),
  month_usd: v.nullable(v.number()),
  total_usd: v.nullable(v.number()),
});
const spent = v.pipe(
  v.object({ day_micros: count, week_micros: count, month_micros: count, total_micros: count }),
  v.description("in millionths of a US dollar, in the periods of budgets"),
);
/** The limits by model, with or without what was spent. */
const modelLimits = <const Spent extends v.ObjectEntries>(ofSpent: Spent) =>
  v.pipe(
    v.array(v.object({ model: v.string(), ...limits.entries, budget, ...ofSpent })),
    v.description("limits by model; the first entry that matches a model applies"),
  );
const rules = {
  limits,
  max_requests: v.nullable(count),
  budget,
  spent,
  model_limits: modelLimits({ spent }),
  allowed_endpoints: v.nullable(v.array(v.string())),
  allowed_models: v.nullable(v.array(v.string())),
  allowed_paths: v.nullable(v.array(v.string())),
};

/** The response schema of a project. */
export const project = v.object({
  id,
  name: v.string(),
  active: v.boolean(),
  ...rules,
  // The spending of a project without one's own is that of the others.
  spent: hiddenFrom(["member"], spent),
  model_limits: modelLimits({ spent: hiddenFrom(["member"], spent) }),
  provider_keys: hiddenFrom(
    ALL_BUT_ADMIN,
    v.pipe(
      v.record(v.string(), v.object({ suffix: v.string() })),
      v.description("by endpoint; only the last four characters of a key are shown"),
    ),
  ),
  created_at: moment,
  updated_at: moment,
});

const tokenEntries = {
  id,
  project_id: id,
  owner_id: v.pipe(v.nullable(id), v.description("the person whose token it is; null without an owner")),
  name: v.string(),
  active: v.pipe(
    v.boolean(),
    v.description("false once it is deactivated or revoked; an expired token keeps true, see `state`"),
  ),
  state: v.picklist(["active", "inactive", "revoked", "expired"]),
  token_suffix: v.string(),
  ...rules,
  request_count: count,
  last_used_at: v.nullable(moment),
  expires_at: v.nullable(moment),
  revoked_at: v.nullable(moment),
  previous_valid_until: v.pipe(
    v.nullable(moment),
    v.description("until when the value before the last rotation is valid"),
  ),
  created_at: moment,
  updated_at: moment,
};
/** The response schema of a token, without its value. */
export const token = v.object(tokenEntries);
/** The response schema of a token with its value, which is shown once. */
export const newToken = v.object({ ...tokenEntries, token: v.string() });

/** The response schema of the revocation of all tokens of a project. */
export const revocation = v.object({
  revoked_count: count,
  already_revoked_count: count,
  total_tokens: count,
});

/**
 * The response schema of the sums of a group. A member with the name of the group holds its value: `model`,
 * `token`, …
 */
export const usageRow = v.looseObject({
  requests: count,
  errors: count,
  input_tokens: count,
  output_tokens: count,
  cached_tokens: count,
  cache_write_tokens: count,
  reasoning_tokens: count,
  audio_tokens: count,
  image_tokens: count,
  cost_micros: v.pipe(count, v.description("in millionths of a US dollar, of requests with a known price")),
  unmetered_requests: v.pipe(count, v.description("requests to a model whose response reported no usage")),
  unpriced_requests: v.pipe(count, v.description("requests with usage and without a known price")),
  estimated_requests: v.pipe(count, v.description("requests with estimated usage, at least in part")),
  bytes: count,
  duration_ms: v.number(),
  time_to_first_byte_p50_ms: v.optional(v.pipe(
    v.nullable(v.number()),
    v.description("the median of responses without an error, accurate to 5 %; absent with split"),
  )),
  time_to_first_byte_p95_ms: v.optional(
    v.pipe(
      v.nullable(v.number()),
      v.description("the 95th percentile of responses without an error, accurate to 5 %; absent with split"),
    ),
  ),
});

const known = <Schema extends v.GenericSchema>(schema: Schema) => v.nullable(schema);
/**
 * One schema for each member of {@link ExchangeJson}: a missing, unknown or unfitting one fails to compile.
 */
type ExchangeSchemas = {
  readonly [Name in keyof ExchangeJson]:
    | SchemaOf<ExchangeJson[Name]>
    | SchemaOf<ExchangeJson[Name] | undefined>;
};
/** A hidden member is undefined for some roles. */
type SchemaOf<Value> = v.GenericSchema<Value, Value>;
const exchangeEntries = {
  request_id: v.string(),
  provider_request_id: v.pipe(
    known(v.string()),
    v.description("the request id of the provider, which clients see"),
  ),
  started_at: moment,
  duration_ms: v.number(),
  time_to_first_byte_ms: known(v.number()),
  method: v.string(),
  path: v.string(),
  endpoint: known(v.string()),
  provider: known(v.string()),
  backend: hiddenFrom(["member"], known(v.string())),
  attempts: count,
  attempt_log: hiddenFrom(
    ["member"],
    v.pipe(
      v.nullable(v.array(v.object({
        backend: v.string(),
        after_ms: v.number(),
        detail: v.nullable(v.string()),
        estimated: v.pipe(
          known(v.object({
            input_tokens: known(count),
            output_tokens: known(count),
            cost_micros: known(count),
          })),
          v.description(
            "the estimated usage, if the backend did not answer in time; the sums of the exchange include it",
          ),
        ),
      }))),
      v.description("each attempt with the reason of its failure; null for a single successful attempt"),
    ),
  ),
  status: count,
  ending: v.string(),
  principal: v.string(),
  token_id: known(v.string()),
  project_id: known(v.string()),
  client: v.string(),
  stream: known(v.boolean()),
  model_asked: known(v.string()),
  request_bytes: v.pipe(
    known(count),
    v.description(
      "the bytes of the request's body, decompressed if the proxy has read it; null: the request had no body",
    ),
  ),
  model_sent: v.pipe(
    known(v.string()),
    v.description(
      "the model that an alias or a model override sent; null: model_asked",
    ),
  ),
  model_answered: known(v.string()),
  stop_reason: known(v.string()),
  input_tokens: known(count),
  output_tokens: known(count),
  cached_tokens: known(count),
  cache_write_tokens: known(count),
  reasoning_tokens: known(count),
  audio_tokens: known(count),
  image_tokens: known(count),
  usage_partial: v.boolean(),
  cost_micros: v.pipe(
    known(count),
    v.description("the cost that counts against budgets, in millionths of a US dollar"),
  ),
  cost_is_partial: v.pipe(v.boolean(), v.description("a part of the usage has no known price")),
  usage_source: v.pipe(
    known(v.picklist(USAGE_SOURCES)),
    v.description("whether the provider reported the usage or the proxy estimated it; null if it is unknown"),
  ),
  settlement: v.pipe(
    known(v.picklist(SETTLEMENTS)),
    v.description(
      "awaited: the request made an object, such as a background response, that is counted when it has ended; " +
        "settled: no request, but what that object used, with the request_id of the request that made it",
    ),
  ),
  price_version: known(v.string()),
  bytes: count,
} satisfies ExchangeSchemas;
/** The response schema of a recorded exchange. Null means unknown. */
export const exchange = v.object(exchangeEntries);

/** The schema of a running exchange in the live stream. Null means unknown. */
export const runningExchange = v.object({
  request_id: v.string(),
  started_at: moment,
  endpoint: known(v.string()),
  backend: hiddenFrom(["member"], known(v.string())),
  principal: v.string(),
  token_id: known(v.string()),
  project_id: known(v.string()),
  client: v.string(),
  stream: known(v.boolean()),
  model_asked: known(v.string()),
  bytes: count,
});

/** The response schema of an audit log entry. */
export const auditEntry = v.object({
  id: count,
  at: moment,
  actor: v.string(),
  source: v.string(),
  action: v.string(),
  subject_id: v.string(),
  changes: v.record(v.string(), v.unknown()),
});

/** The response schema of an endpoint with its backends. */
export const endpoint = v.object({
  name: v.string(),
  provider: v.string(),
  default: v.pipe(
    v.boolean(),
    v.description("whether paths without the name of an endpoint go to this endpoint"),
  ),
  paths: v.pipe(
    v.array(v.string()),
    v.description("what clients may request: names of groups and paths; a leading ! denies an entry"),
  ),
  strategy: hiddenFrom(ALL_BUT_ADMIN, v.string()),
  affinity: hiddenFrom(
    ALL_BUT_ADMIN,
    v.pipe(
      v.string(),
      v.description(
        "how the requests of a conversation stay at one backend: auto, off, or the name of a header",
      ),
    ),
  ),
  objects: v.pipe(
    v.picklist(["own", "project", "shared"]),
    v.description("who may use the stored objects that a managed token made"),
  ),
  retries: hiddenFrom(ALL_BUT_ADMIN, count),
  retry_statuses: hiddenFrom(ALL_BUT_ADMIN, v.array(count)),
  max_buffer_bytes: hiddenFrom(ALL_BUT_ADMIN, count),
  stream_usage: hiddenFrom(ALL_BUT_ADMIN, v.boolean()),
  expose_backend: hiddenFrom(ALL_BUT_ADMIN, v.boolean()),
  price_provider: hiddenFrom(ALL_BUT_ADMIN, known(v.string())),
  own_prices: hiddenFrom(ALL_BUT_ADMIN, count),
  anthropic_version: hiddenFrom(ALL_BUT_ADMIN, known(v.string())),
  backends: hiddenFrom(
    ALL_BUT_ADMIN,
    v.array(v.object({
      name: v.string(),
      base_url: v.string(),
      state: v.picklist(["up", "cooldown", "rate_limited"]),
      in_flight: count,
      failures: count,
      for_seconds: v.number(),
      check: v.pipe(
        known(v.object({ every_seconds: v.number(), path: known(v.string()), failed: v.boolean() })),
        v.description(
          "the checks of the proxy, and whether the last one failed; a null path is the list of models",
        ),
      ),
      wake: v.pipe(
        known(v.object({ mac: v.string(), timeout_seconds: v.number() })),
        v.description("the machine that requests wake, and how long they wait for it"),
      ),
      key: v.picklist(["inject", "none", "passthrough"]),
      key_header: known(v.string()),
      proxy: known(v.string()),
      headers: v.array(v.string()),
      remove_headers: v.array(v.string()),
      models: v.pipe(
        v.record(v.string(), v.string()),
        v.description("the model to send, by the model of the request; * matches any model"),
      ),
      weight: v.number(),
      timeouts: v.object({
        connect_seconds: known(v.number()),
        first_byte_seconds: known(v.number()),
        idle_seconds: known(v.number()),
        total_seconds: known(v.number()),
      }),
    })),
  ),
});

/** The response schema of the probe of a backend. */
export const probeResult = v.object({
  backend: v.string(),
  ok: v.boolean(),
  reachable: v.boolean(),
  key: v.string(),
  models: known(count),
  latency_ms: known(count),
  detail: v.string(),
});

/** The response schema of the clients that can be connected, and of the addresses of the proxy. */
export const connectable = v.object({
  clients: v.array(v.object({ name: v.string(), title: v.string(), dialects: v.array(v.string()) })),
  urls: v.array(v.string()),
  has_admin_port: v.pipe(
    v.boolean(),
    v.description("the admin page and this API have a separate port, which clients cannot use"),
  ),
  models: v.pipe(
    v.record(v.string(), known(v.string())),
    v.description("by endpoint, a model to start with; null if the proxy does not know one"),
  ),
  token_asked: v.boolean(),
});
/** The response schema of the settings of a client. */
export const settings = v.object({
  title: v.string(),
  endpoint: v.string(),
  endpoint_url: v.string(),
  pieces: v.pipe(
    v.array(v.object({ where: v.string(), text: v.string() })),
    v.description("parts of the settings, each with its file or place"),
  ),
  notes: v.array(v.string()),
});
/** The response schema of a QR code: its width in modules, and the dark modules as an SVG path. */
export const qrCode = v.object({ size: count, path: v.string() });

/** The response schema of the health of the management plane. */
export const health = v.object({
  status: v.picklist(["ok", "degraded"]),
  storage: v.picklist(["ok", "failing"]),
  version: v.string(),
  uptime_seconds: count,
  database_bytes: known(count),
  dropped_exchanges: count,
  in_flight: count,
});

/** The response schema of the health, with what replicas on one database know of each other. */
export const system = v.object({
  ...health.entries,
  config_hash: known(v.string()),
  replica: known(v.string()),
  replicas: v.array(v.object({
    id: v.string(),
    version: v.string(),
    config_hash: v.string(),
    seen_seconds: count,
  })),
  replicas_differ: v.boolean(),
  backups: v.boolean(),
});

/** The response schema of a reload: the keys of changed settings, and warnings. */
export const reload = v.object({
  changed: v.array(v.string()),
  warnings: v.array(v.string()),
});

/**
 * The response schema of a reload preview. Secrets are `[redacted]`. Null means that the setting is not in
 * that configuration.
 */
export const reloadPreview = v.object({
  file: known(v.string()),
  changed: v.array(v.object({ key: v.string(), before: known(v.string()), after: known(v.string()) })),
  restart: v.array(v.string()),
  warnings: v.array(v.string()),
});

/** Makes the response schema of a page of a list, with the cursor of the next page. */
export function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.object({ data: v.array(item), next_cursor: v.nullable(v.string()) });
}

/** The response schema of an error, as problem details (RFC 9457). */
export const problem = v.object({
  type: v.string(),
  title: v.string(),
  status: count,
  detail: v.string(),
  code: v.optional(v.pipe(
    v.literal("sign_in_again"),
    v.description("the person must confirm who they are: POST /admin/session/confirm"),
  )),
  errors: v.optional(v.array(v.object({ pointer: v.string(), detail: v.string() }))),
});
