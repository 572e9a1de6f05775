/** What the management API takes and gives. The same schemas validate requests and make its OpenAPI document. */

import * as v from "valibot";
import { USAGE_GROUPS } from "../storage/store.ts";

const MAX_NAME = 100;
const MAX_COUNT = 1_000_000_000;
const MAX_DOLLARS = 1_000_000_000;
const MAX_LIST = 200;
/** A hundred years. */
const MAX_MINUTES = 100 * 366 * 24 * 60;
const MAX_OVERLAP_MINUTES = 30 * 24 * 60;

const name = v.pipe(
  v.string(),
  v.trim(),
  v.nonEmpty("is empty"),
  v.maxLength(MAX_NAME, `is longer than ${MAX_NAME} characters`),
  v.regex(/^[^\p{C}]*$/u, "holds a control character"),
  v.description("for people; any text"),
);
const positive = v.pipe(
  v.number(),
  v.integer("is no whole number"),
  v.minValue(1, "is below 1"),
  v.maxValue(MAX_COUNT),
);
const dollars = v.pipe(v.number(), v.minValue(0, "is below 0"), v.maxValue(MAX_DOLLARS));
const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), "is no moment like 2026-11-21T14:00:00Z"),
  v.description("a moment, ISO 8601"),
);
const globs = v.pipe(
  v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_NAME))),
  v.maxLength(MAX_LIST),
);
const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(64));
const count = v.pipe(v.number(), v.integer());

/** Left out, a setting stays as it is; null takes it away. */
const limitsInput = v.strictObject({
  requests_per_minute: v.nullish(v.pipe(positive, v.description("requests that begin within any minute"))),
  tokens_per_minute: v.nullish(
    v.pipe(positive, v.description("tokens, input and output, within any minute")),
  ),
  concurrent_requests: v.nullish(v.pipe(positive, v.description("requests that run at the same time"))),
});
const budgetInput = v.strictObject({
  day_usd: v.nullish(v.pipe(dollars, v.description("US dollars per day (UTC)"))),
  month_usd: v.nullish(v.pipe(dollars, v.description("US dollars per month (UTC)"))),
  total_usd: v.nullish(v.pipe(dollars, v.description("US dollars in all"))),
});
/** What projects and tokens may be told alike. */
const rulesInput = {
  limits: v.nullish(limitsInput),
  max_requests: v.nullish(v.pipe(positive, v.description("requests in all"))),
  budget: v.nullish(budgetInput),
  allowed_endpoints: v.nullish(
    v.pipe(globs, v.description("names of endpoints, with * for any run of characters")),
  ),
  allowed_models: v.nullish(v.pipe(globs, v.description("names of models, likewise"))),
};

/** Rules as a client writes them. */
export type RulesInput = v.InferOutput<v.ObjectSchema<typeof rulesInput, undefined>>;

const providerKeys = v.pipe(
  v.record(
    v.pipe(v.string(), v.nonEmpty(), v.maxLength(64)),
    v.nullable(
      v.pipe(
        v.string(),
        v.regex(/^[\x21-\x7e]{1,1000}$/, "holds characters that cannot stand in an HTTP header"),
      ),
    ),
  ),
  v.description("by endpoint: the key to send for this project; null takes it away"),
);

/** To create a project. */
export const projectCreation = v.strictObject({
  name,
  active: v.optional(v.boolean(), true),
  provider_keys: v.optional(providerKeys),
  ...rulesInput,
});

/** To change one. */
export const projectChange = v.strictObject({
  name: v.optional(name),
  active: v.optional(v.boolean()),
  provider_keys: v.optional(providerKeys),
  ...rulesInput,
});

/** To create a token. */
export const tokenCreation = v.pipe(
  v.strictObject({
    project_id: id,
    name: v.optional(name),
    active: v.optional(v.boolean(), true),
    duration_minutes: v.nullish(v.pipe(
      v.number(),
      v.integer("is no whole number"),
      v.minValue(1, "is below 1"),
      v.maxValue(MAX_MINUTES),
      v.description("how long it holds, from now on"),
    )),
    expires_at: v.nullish(moment),
    ...rulesInput,
  }),
  v.check(
    ({ duration_minutes, expires_at }) => duration_minutes == null || expires_at == null,
    "duration_minutes and expires_at say the same: keep one of the two",
  ),
);

/** To change one. */
export const tokenChange = v.strictObject({
  name: v.optional(name),
  active: v.optional(v.boolean()),
  expires_at: v.nullish(moment),
  ...rulesInput,
});

/** To give a token a new value. */
export const rotation = v.strictObject({
  overlap_minutes: v.optional(
    v.pipe(
      v.number(),
      v.integer("is no whole number"),
      v.minValue(0, "is below 0"),
      v.maxValue(MAX_OVERLAP_MINUTES),
      v.description("how long the old value is still taken"),
    ),
    60,
  ),
});

const limits = v.object({
  requests_per_minute: v.nullable(count),
  tokens_per_minute: v.nullable(count),
  concurrent_requests: v.nullable(count),
});
const budget = v.object({
  day_usd: v.nullable(v.number()),
  month_usd: v.nullable(v.number()),
  total_usd: v.nullable(v.number()),
});
const spent = v.object({ day_micros: count, month_micros: count, total_micros: count });
const rules = {
  limits,
  max_requests: v.nullable(count),
  budget,
  spent: v.pipe(spent, v.description("in millionths of a US dollar")),
  allowed_endpoints: v.nullable(v.array(v.string())),
  allowed_models: v.nullable(v.array(v.string())),
};

/** A project as it is given. */
export const project = v.object({
  id,
  name: v.string(),
  active: v.boolean(),
  ...rules,
  provider_keys: v.pipe(
    v.record(v.string(), v.object({ suffix: v.string() })),
    v.description("by endpoint; of a key only its last four characters are shown"),
  ),
  created_at: moment,
  updated_at: moment,
});

const tokenEntries = {
  id,
  project_id: id,
  name: v.string(),
  active: v.pipe(v.boolean(), v.description("false once it is deactivated or revoked")),
  state: v.picklist(["active", "inactive", "revoked", "expired"]),
  token_suffix: v.string(),
  ...rules,
  request_count: count,
  last_used_at: v.nullable(moment),
  expires_at: v.nullable(moment),
  revoked_at: v.nullable(moment),
  previous_valid_until: v.pipe(
    v.nullable(moment),
    v.description("until then the value before the last rotation holds"),
  ),
  created_at: moment,
  updated_at: moment,
};
/** A token as it is given. */
export const token = v.object(tokenEntries);
/** A token with its value, which is shown once. */
export const newToken = v.object({ ...tokenEntries, token: v.string() });

/** What became of a project's tokens. */
export const revocation = v.object({
  revoked_count: count,
  already_revoked_count: count,
  total_tokens: count,
});

/** The sums of a group; the group's own name stands beside them: `model`, `token`, … */
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
  cost_micros: v.pipe(count, v.description("in millionths of a US dollar, where the price is known")),
  unpriced_requests: v.pipe(count, v.description("requests with tokens whose price is not known")),
  bytes: count,
  duration_ms: v.number(),
});

const known = <Schema extends v.GenericSchema>(schema: Schema) => v.nullable(schema);
/** An exchange as it is kept; null is unknown. */
export const exchange = v.object({
  request_id: v.string(),
  started_at: moment,
  duration_ms: v.number(),
  time_to_first_byte_ms: known(v.number()),
  method: v.string(),
  path: v.string(),
  endpoint: known(v.string()),
  provider: known(v.string()),
  backend: known(v.string()),
  attempts: count,
  status: count,
  ending: v.string(),
  principal: v.string(),
  token_id: known(v.string()),
  project_id: known(v.string()),
  client: v.string(),
  stream: known(v.boolean()),
  model_asked: known(v.string()),
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
  cost_micros: known(count),
  price_version: known(v.string()),
  bytes: count,
});

/** One entry of the audit log. */
export const auditEntry = v.object({
  id: count,
  at: moment,
  actor: v.string(),
  source: v.string(),
  action: v.string(),
  subject_id: v.string(),
  changes: v.record(v.string(), v.unknown()),
});

/** An endpoint with its backends. */
export const endpoint = v.object({
  name: v.string(),
  provider: v.string(),
  strategy: v.string(),
  backends: v.array(v.object({
    name: v.string(),
    base_url: v.string(),
    state: v.picklist(["up", "set_aside", "rate_limited"]),
    in_flight: count,
    failures: count,
    for_seconds: v.number(),
  })),
});

/** How the management plane is. */
export const health = v.object({
  status: v.picklist(["ok", "degraded"]),
  storage: v.picklist(["ok", "failing"]),
  version: v.string(),
  uptime_seconds: count,
  database_bytes: known(count),
  dropped_exchanges: count,
  in_flight: count,
});

const limit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,4}$/, "is no number"),
    v.transform(Number),
    v.minValue(1),
    v.maxValue(1000),
  ),
  "50",
);
const cursor = v.optional(v.pipe(v.string(), v.maxLength(100)));
const toggle = v.optional(
  v.pipe(v.picklist(["true", "false"]), v.transform((text) => text === "true")),
  "false",
);

/** A part of a list. */
export const pageQuery = v.object({ limit, cursor });
/** Likewise of projects. */
export const projectsQuery = v.object({ limit, cursor, active_only: toggle });
/** Likewise of tokens. */
export const tokensQuery = v.object({ limit, cursor, project_id: v.optional(id), active_only: toggle });

const filters = {
  from: v.optional(moment),
  to: v.optional(moment),
  project_id: v.optional(id),
  token_id: v.optional(id),
  endpoint: v.optional(v.string()),
  model: v.optional(v.string()),
  client: v.optional(v.string()),
};
/** What is to be summed, and how it is to be written. */
export const usageQuery = v.object({
  group: v.optional(v.picklist(USAGE_GROUPS)),
  format: v.optional(v.picklist(["json", "csv"]), "json"),
  ...filters,
});
/** Which exchanges are wanted. */
export const exchangesQuery = v.object({
  limit,
  cursor,
  status: v.optional(v.pipe(v.string(), v.regex(/^\d{3}$/, "is no status"), v.transform(Number))),
  ending: v.optional(v.string()),
  ...filters,
});

/** A part of a list, and where the next one begins. */
export function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.object({ data: v.array(item), next_cursor: v.nullable(v.string()) });
}

/** An error (RFC 9457). */
export const problem = v.object({
  type: v.string(),
  title: v.string(),
  status: count,
  detail: v.string(),
  errors: v.optional(v.array(v.object({ pointer: v.string(), detail: v.string() }))),
});
