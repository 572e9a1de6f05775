/** Schemas of the requests of the management API. They validate requests, and make its OpenAPI document. */

import * as v from "valibot";
import { pathRuleProblem } from "../../config/values/path_rules.ts";
import { USAGE_GROUPS, type UsageGroup } from "../../storage/usage_store.ts";
import { isTimeZone } from "../../time/zone_offsets.ts";
import { id, moment, shownText } from "./common_schemas.ts";

const MAX_NAME = 100;
const MAX_COUNT = 1_000_000_000;
const MAX_DOLLARS = 1_000_000_000;
const MAX_LIST = 200;
const MAX_PATTERN = 200;
const MAX_MODEL_LIMITS = 50;
/** A hundred years. */
const MAX_MINUTES = 100 * 366 * 24 * 60;
const MAX_OVERLAP_MINUTES = 30 * 24 * 60;

const name = v.pipe(
  shownText,
  v.trim(),
  v.nonEmpty("is empty"),
  v.maxLength(MAX_NAME, `is longer than ${MAX_NAME} characters`),
  v.description("any text, for people"),
);
const positive = v.pipe(
  v.number(),
  v.integer("is not a whole number"),
  v.minValue(1, "is below 1"),
  v.maxValue(MAX_COUNT),
);
const dollars = v.pipe(v.number(), v.minValue(0, "is below 0"), v.maxValue(MAX_DOLLARS));
const globs = v.pipe(
  v.array(v.pipe(shownText, v.nonEmpty(), v.maxLength(MAX_NAME))),
  v.maxLength(MAX_LIST),
);

/** A change of limits. An omitted setting stays, null removes a setting. */
const limitsInput = v.strictObject({
  requests_per_minute: v.nullish(v.pipe(positive, v.description("requests that start within any minute"))),
  tokens_per_minute: v.nullish(
    v.pipe(positive, v.description("input and output tokens within any minute")),
  ),
  concurrent_requests: v.nullish(v.pipe(positive, v.description("requests at the same time"))),
});
const budgetInput = v.strictObject({
  day_usd: v.nullish(v.pipe(dollars, v.description("US dollars per day"))),
  week_usd: v.nullish(v.pipe(dollars, v.description("US dollars per week, from Monday on"))),
  month_usd: v.nullish(v.pipe(dollars, v.description("US dollars per month"))),
  total_usd: v.nullish(v.pipe(dollars, v.description("US dollars in total"))),
});
const modelLimitsInput = v.pipe(
  v.strictObject({
    model: v.pipe(
      shownText,
      v.nonEmpty("is empty"),
      v.maxLength(MAX_NAME),
      v.description("the name of a model, with * for any run of characters"),
    ),
    ...limitsInput.entries,
    budget: v.nullish(budgetInput),
  }),
  v.check(
    ({ model: _, budget, ...limits }) =>
      [...Object.values(limits), ...Object.values(budget ?? {})].some((value) => value != null),
    "has no effect: add a limit or a budget",
  ),
);
/** An entry of `model_limits`: the limits of a model or of a pattern of models. */
export type ModelLimitsInput = v.InferOutput<typeof modelLimitsInput>;

/** The rules that projects and tokens share. */
const rulesInput = {
  limits: v.nullish(limitsInput),
  max_requests: v.nullish(v.pipe(positive, v.description("requests in total"))),
  budget: v.nullish(budgetInput),
  model_limits: v.nullish(v.pipe(
    v.array(modelLimitsInput),
    v.maxLength(MAX_MODEL_LIMITS, `has more than ${MAX_MODEL_LIMITS} entries`),
    v.check(
      (list) => new Set(list.map(({ model }) => model)).size === list.length,
      "names a model twice: the second entry would never apply",
    ),
    v.description(
      "limits by model; a change replaces the whole list, and the first entry that matches a model applies",
    ),
  )),
  allowed_endpoints: v.nullish(
    v.pipe(globs, v.description("names of endpoints, with * for any run of characters")),
  ),
  allowed_models: v.nullish(
    v.pipe(globs, v.description("names of models, with * for any run of characters")),
  ),
  allowed_paths: v.nullish(v.pipe(
    v.array(v.pipe(
      v.string(),
      v.maxLength(MAX_PATTERN, `is longer than ${MAX_PATTERN} characters`),
      v.rawCheck(({ dataset, addIssue }) => {
        const problem = dataset.typed ? pathRuleProblem(dataset.value) : undefined;
        if (problem !== undefined) addIssue({ message: problem });
      }),
    )),
    v.maxLength(MAX_LIST),
    v.description(
      "names of groups, like inference, and paths at the provider, with * for any run of characters; " +
        "a leading ! forbids an entry, and wins",
    ),
  )),
};

/** The rules of a token or a project in a request. */
export type RulesInput = v.InferOutput<v.ObjectSchema<typeof rulesInput, undefined>>;

const providerKeys = v.pipe(
  v.record(
    v.pipe(shownText, v.nonEmpty(), v.maxLength(64)),
    v.nullable(
      v.pipe(
        v.string(),
        v.regex(
          /^[\x21-\x7e]{8,1000}$/,
          "is shorter than 8 characters, or is not one word of ASCII letters, digits and punctuation",
        ),
      ),
    ),
  ),
  v.description("the provider key for this project, by endpoint; null removes a key"),
);

/** The schema of the body that creates a project. */
export const projectCreation = v.strictObject({
  name,
  active: v.optional(v.boolean(), true),
  provider_keys: v.optional(providerKeys),
  ...rulesInput,
});

/** The schema of the body that changes a project. */
export const projectChange = v.strictObject({
  name: v.optional(name),
  active: v.optional(v.boolean()),
  provider_keys: v.optional(providerKeys),
  ...rulesInput,
});

/** The schema of the body that creates a token. */
export const tokenCreation = v.pipe(
  v.strictObject({
    project_id: id,
    owner_id: v.nullish(
      v.pipe(id, v.description("the person whose token it is; it works while they belong to the project")),
    ),
    name: v.optional(name),
    active: v.optional(v.boolean(), true),
    duration_minutes: v.nullish(v.pipe(
      v.number(),
      v.integer("is not a whole number"),
      v.minValue(1, "is below 1"),
      v.maxValue(MAX_MINUTES),
      v.description("the time until the token expires, from now on"),
    )),
    expires_at: v.nullish(moment),
    ...rulesInput,
  }),
  v.check(
    ({ duration_minutes, expires_at }) => duration_minutes == null || expires_at == null,
    "duration_minutes and expires_at exclude each other: keep one of them",
  ),
);

/** The schema of the body that changes a token. */
export const tokenChange = v.strictObject({
  name: v.optional(name),
  active: v.optional(v.boolean()),
  expires_at: v.nullish(moment),
  ...rulesInput,
});

/** The schema of the body that gives a token a new value. */
export const rotation = v.strictObject({
  overlap_minutes: v.optional(
    v.pipe(
      v.number(),
      v.integer("is not a whole number"),
      v.minValue(0, "is below 0"),
      v.maxValue(MAX_OVERLAP_MINUTES),
      v.description("how long the old value stays valid"),
    ),
    60,
  ),
});

const limit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,4}$/, "is not a number"),
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

/** The query schema of a page of a list. */
export const pageQuery = v.strictObject({ limit, cursor });
/** The query schema of a page of projects. */
export const projectsQuery = v.strictObject({ limit, cursor, active_only: toggle });
/** The query schema of a page of tokens. */
export const tokensQuery = v.strictObject({
  limit,
  cursor,
  project_id: v.optional(id),
  owner_id: v.optional(id),
  active_only: toggle,
});

/** The schema of the body that requests the settings of a client. */
export const connection = v.strictObject({
  client: v.pipe(v.string(), v.maxLength(50), v.description("a client that GET /connect lists")),
  endpoint: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(64),
      v.description("by default the first endpoint with the API of the client"),
    ),
  ),
  url: v.optional(v.pipe(
    v.string(),
    v.regex(/^https?:\/\/[^\s\p{C}"'<>\\]{1,200}$/u, "is not a URL like http://192.168.1.20:33000"),
    v.description("the base URL by which clients reach this proxy"),
  )),
  token: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[\x21-\x7e]{1,1000}$/, "is not one word of ASCII letters, digits and punctuation"),
    ),
  ),
});
/** The schema of the body that requests a QR code. */
export const qrText = v.strictObject({
  text: v.pipe(v.string(), v.nonEmpty(), v.maxBytes(1000, "is longer than 1000 bytes")),
});

const filters = {
  from: v.optional(v.pipe(moment, v.description("the start of the period, inclusive"))),
  to: v.optional(v.pipe(moment, v.description("the end of the period, exclusive"))),
  project_id: v.optional(id),
  token_id: v.optional(v.pipe(id, v.description("an id, or the name of a token of the configuration"))),
  person_id: v.optional(id),
  endpoint: v.optional(v.string()),
  model: v.optional(v.string()),
  client: v.optional(v.string()),
};
/** The query schema of sums: their groups, filters and format. */
export const usageQuery = v.strictObject({
  group: v.optional(v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): UsageGroup[] => {
      const names = dataset.value.split(",");
      const groups = names.flatMap((name) => USAGE_GROUPS.find((group) => group === name) ?? []);
      if (groups.length === names.length && names.length <= 2 && new Set(names).size === names.length) {
        return groups;
      }
      addIssue({ message: `is not one of ${USAGE_GROUPS.join(", ")}, or two of them with a comma` });
      return NEVER;
    }),
    v.description(`one of ${USAGE_GROUPS.join(", ")}, or two of them with a comma`),
  )),
  split: v.optional(
    v.pipe(v.picklist(USAGE_GROUPS), v.description("the second group, if group names one")),
  ),
  time_zone: v.optional(v.pipe(
    v.string(),
    v.check(isTimeZone, "is not a time zone like Europe/Berlin"),
    v.description("the IANA time zone whose midnight ends a day; UTC by default"),
  )),
  format: v.optional(v.picklist(["json", "csv"]), "json"),
  ...filters,
});
/** The query schema of exchanges. */
export const exchangesQuery = v.strictObject({
  limit,
  cursor,
  status: v.optional(v.pipe(v.string(), v.regex(/^\d{3}$/, "is not a status"), v.transform(Number))),
  ending: v.optional(v.string()),
  request_id: v.optional(v.pipe(v.string(), v.description("a request id of the proxy or of the provider"))),
  ...filters,
});
