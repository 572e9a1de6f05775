/** The rules for single values of the configuration, which are the same for all sources. */

import { isPostgresUrl, parsePostgresUrl } from "../../network/postgres_url.ts";
import * as v from "valibot";
import { readRedisUrl } from "../../network/redis_url.ts";

import { isToken } from "../../http/token.ts";
import { durationMs, type DurationUnit } from "./durations.ts";
import { pathRuleProblem } from "./path_rules.ts";
import { isTimeZone } from "../../time/zone_offsets.ts";

/**
 * Checks and converts the text of one value. A message is the rest of a sentence that starts with the origin
 * of the value, like `env PORT`.
 */
export type ValueSchema<Output> = v.GenericSchema<string, Output>;

/** The value of an issue in quotes. Not for secrets. */
export const quotedInput = (issue: { readonly input: unknown }): string => JSON.stringify(issue.input);

/** One line of text without spaces at its ends. Every value is at least this. */
export const singleLine: ValueSchema<string> = v.pipe(
  v.string("is missing"),
  v.nonEmpty("is empty"),
  v.check((text) => !/[\r\n\0]/.test(text), "contains a line break"),
  v.check((text) => text.trim() === text, "starts or ends with a space"),
);

/** A key or token. Messages leave out the value. */
export const secretSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check((text) => !/^(["']).*\1$/.test(text), "is in quotes: remove them"),
  v.check((text) => !text.includes(" "), "contains a space: a key or token is one word"),
  v.check(
    (text) => /^[\x21-\x7e]+$/.test(text),
    "contains characters that are not printable ASCII",
  ),
);

/** A version of Anthropic's API: a date like `2023-06-01`. */
export const anthropicVersionSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^\d{4}-\d{2}-\d{2}$/.test(text),
    (issue) => `${quotedInput(issue)} is not a date like 2023-06-01`,
  ),
);

/** A boolean: 1, true, on or yes; 0, false, off or no. */
export const switchSchema: ValueSchema<boolean> = v.pipe(
  singleLine,
  v.check(
    (text) => /^(1|0|true|false|on|off|yes|no)$/i.test(text),
    (issue) => `${quotedInput(issue)} is not a boolean (1 or 0)`,
  ),
  v.transform((text) => /^(1|true|on|yes)$/i.test(text)),
);

/** One of several allowed words. */
export function wordSchema<const Word extends string>(
  words: readonly Word[],
): ValueSchema<Word> {
  return v.pipe(
    singleLine,
    v.picklist(words, (issue) => `${quotedInput(issue)} is not one of ${words.join(", ")}`),
  );
}

/** A comma-separated list. Repeated items are removed. */
export function textListSchema<Item>(item: ValueSchema<Item>): ValueSchema<Item[]> {
  return v.pipe(
    singleLine,
    v.transform((text) => [...new Set(text.split(",").map((part) => part.trim()))]),
    v.array(item),
  );
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * A duration above 0, at most a week: `500ms`, `30s`, `5m`, `1h`, `1d` or a number of seconds. `none`: no
 * limit. The result is in milliseconds.
 */
export const durationSchema: ValueSchema<number | "none"> = durationOrNone(
  (ms) => ms > 0 && ms <= 7 * DAY_MS,
  'write "30s", "5m" or a number of seconds above 0, or "none"',
);

/** An interval from a minute to a year. `none`: never. The result is in milliseconds. */
export const intervalSchema: ValueSchema<number | "none"> = durationOrNone(
  (ms) => ms >= MINUTE_MS && ms <= 366 * DAY_MS,
  'write "6h", "1d" or "7d", from a minute to a year, or "none"',
);

/** An interval of checks, from a second to a day. `none`: never. The result is in milliseconds. */
export const checkIntervalSchema: ValueSchema<number | "none"> = durationOrNone(
  (ms) => ms >= 1_000 && ms <= DAY_MS,
  'write "30s" or "5m", from a second to a day, or "none"',
);

/** A difference of clocks, from 0 to 5 minutes. A plain number is in seconds; the result in milliseconds. */
export const clockSkewSchema: ValueSchema<number> = boundedDuration({
  unit: "s",
  least: 0,
  most: 5 * MINUTE_MS,
  hint: 'write "30s" or a number of seconds, at most 5 minutes',
});

/** A path that the proxy requests. */
export const checkPathSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check((text) => /^\/[\x21-\x7e]*$/.test(text), "is not a path: write it like /health"),
);

/** A MAC address, in lower case with colons. */
export const macSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(text),
    (issue) => `${quotedInput(issue)} is not a MAC address: write it like aa:bb:cc:dd:ee:ff`,
  ),
  v.transform((text) => text.toLowerCase().replaceAll("-", ":")),
);

/** The time for a drain, from 0 to a day. A plain number is in seconds; the result is in milliseconds. */
export const drainSchema: ValueSchema<number> = boundedDuration({
  unit: "s",
  least: 0,
  most: DAY_MS,
  hint: 'write "30s", "5m" or a number of seconds, at most a day',
});

/**
 * How long a request waits for the shared limits. A plain number is in seconds, the result in milliseconds.
 */
export const limitsTimeoutSchema: ValueSchema<number> = boundedDuration({
  unit: "s",
  least: 50,
  most: MINUTE_MS,
  hint: 'write "500ms" or "2s", from 50ms to a minute',
});

/** How long data is kept, in whole days. A plain number is in days; the result is in milliseconds. */
export const retentionSchema: ValueSchema<number> = boundedDuration({
  unit: "d",
  least: DAY_MS,
  most: 36_500 * DAY_MS,
  step: DAY_MS,
  hint: 'write whole days, "90d" or a number of days, from 1 to 36500',
});

/**
 * A time of inactivity from a minute to a week. A plain number is in minutes; the result is in milliseconds.
 */
export const idleSchema: ValueSchema<number> = boundedDuration({
  unit: "m",
  least: MINUTE_MS,
  most: 7 * DAY_MS,
  hint: 'write "15m", "8h" or a number of minutes, from a minute to a week',
});

function durationOrNone(isAllowed: (ms: number) => boolean, hint: string): ValueSchema<number | "none"> {
  return v.pipe(
    singleLine,
    v.check(
      (text) => text === "none" || isAllowed(durationMs(text)),
      (issue) => `${quotedInput(issue)} is not a duration: ${hint}`,
    ),
    v.transform((text) => text === "none" ? text : durationMs(text)),
  );
}

function boundedDuration(
  { unit, least, most, step = 1, hint }: {
    unit: DurationUnit;
    least: number;
    most: number;
    step?: number;
    hint: string;
  },
): ValueSchema<number> {
  return v.pipe(
    singleLine,
    v.check(
      (text) => {
        const ms = durationMs(text, unit);
        return ms >= least && ms <= most && ms % step === 0;
      },
      (issue) => `${quotedInput(issue)} is not a duration: ${hint}`,
    ),
    v.transform((text) => durationMs(text, unit)),
  );
}

const UNITS_BYTES: Record<string, number> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A number of bytes, or a size like `32M`. `none`: no limit. */
export const bytesSchema: ValueSchema<number | "none"> = v.pipe(
  singleLine,
  v.check(
    (text) => text === "none" || /^[1-9]\d{0,11}[KMG]?$/i.test(text),
    (issue) => `${quotedInput(issue)} is not a size: write a number of bytes, "500K", "32M", "1G" or "none"`,
  ),
  v.transform((text) =>
    text === "none" ? text : parseInt(text) * (UNITS_BYTES[text.replace(/\d+/, "").toUpperCase()] ?? 1)
  ),
);

/** An integer within bounds. `none`: no limit. */
export function countOrNoneSchema(least: number, most: number): ValueSchema<number | "none"> {
  return v.union(
    [v.pipe(singleLine, v.literal("none")), countSchema(least, most)],
    (issue) => `${quotedInput(issue)} is not a whole number from ${least} to ${most}, or "none"`,
  );
}

/** An integer from `least` to `most`, as a text of digits. */
export function countSchema(least: number, most: number): ValueSchema<number> {
  return v.pipe(
    singleLine,
    v.check(
      (text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most,
      (issue) => `${quotedInput(issue)} is not a whole number from ${least} to ${most}`,
    ),
    v.transform(Number),
  );
}

/** The most threads that serve requests. */
export const MAX_WORKERS = 64;

/** A number of threads, or `auto`. */
export const workersSchema: ValueSchema<number | "auto"> = v.union(
  [v.pipe(singleLine, v.literal("auto")), countSchema(1, MAX_WORKERS)],
  (issue) => `${quotedInput(issue)} is not a whole number from 1 to ${MAX_WORKERS}, or "auto"`,
);

const MIN_MANAGEMENT_TOKEN_LENGTH = 16;

/** The token of the management plane. Messages leave out the value. */
export const managementTokenSchema: ValueSchema<string> = v.pipe(
  secretSchema,
  v.minLength(
    MIN_MANAGEMENT_TOKEN_LENGTH,
    `is shorter than ${MIN_MANAGEMENT_TOKEN_LENGTH} characters and could be guessed; \`openssl rand -hex 24\` makes one`,
  ),
);

/** The URL of the database: `sqlite:` and a path, or that of a PostgreSQL database. */
export const databaseUrlSchema: ValueSchema<string> = v.pipe(
  singleLine,
  // The messages leave out the value: database URLs may contain passwords.
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    if (/^sqlite:./.test(value)) return value;
    if (!isPostgresUrl(value)) {
      addIssue({
        message: "is not a database URL: write sqlite:FILE, like sqlite:./data/llm-proxy.db, or " +
          "postgres://USER@HOST/DATABASE",
      });
      return NEVER;
    }
    const parsed = parsePostgresUrl(value);
    if (!("problems" in parsed)) return value;
    addIssue({ message: parsed.problems.join("; ") });
    return NEVER;
  }),
);

/** The value of `limits_url` for a process that counts alone. */
export const NO_SHARED_LIMITS = "none";

/**
 * The URL of a Redis or Valkey server, or of a PostgreSQL database, or {@link NO_SHARED_LIMITS}. Messages
 * leave out the value, which may contain a password.
 */
export const limitsUrlSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => {
      if (isPostgresUrl(text)) return !("problems" in parsePostgresUrl(text));
      return text === NO_SHARED_LIMITS || readRedisUrl(text) !== undefined;
    },
    "is not a URL of Redis, Valkey or PostgreSQL: write redis://HOST:6379, rediss://HOST:6379 for TLS, " +
      "redis+unix:///PATH, postgres://USER@HOST/DATABASE, or none",
  ),
);

const ENCRYPTION_KEY_BYTES = 32;

/** 32 bytes in base64. Messages leave out the value. */
export const encryptionKeySchema: ValueSchema<Uint8Array<ArrayBuffer>> = v.pipe(
  singleLine,
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      const key = Uint8Array.fromBase64(dataset.value);
      if (key.length === ENCRYPTION_KEY_BYTES) return key;
    } catch {
      // Not base64: the message below says what is expected.
    }
    addIssue({
      message: `is not ${ENCRYPTION_KEY_BYTES} bytes in base64; \`openssl rand -base64 32\` makes them`,
    });
    return NEVER;
  }),
);

/** An amount in US dollars. The result is in millionths of a dollar. */
export const dollarsSchema: ValueSchema<number> = v.pipe(
  singleLine,
  v.check(
    (text) => /^\d{1,9}(?:\.\d{1,6})?$/.test(text),
    (issue) => `${quotedInput(issue)} is not an amount in US dollars, like 5 or 0.25`,
  ),
  v.transform((text) => Math.round(Number(text) * 1_000_000)),
);

/** A price in US dollars per million tokens. */
export const priceSchema: ValueSchema<number> = v.pipe(
  singleLine,
  v.check(
    (text) => /^\d{1,6}(?:\.\d{1,9})?$/.test(text),
    (issue) => `${quotedInput(issue)} is not a price in US dollars per million tokens, like 2.5`,
  ),
  v.transform(Number),
);

/** The name of an endpoint, a backend or a token. */
export const nameSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^[A-Za-z0-9][\w.-]{0,63}$/.test(text),
    (issue) =>
      `${quotedInput(issue)} is not a name: use at most 64 letters, digits, dots, dashes and underscores`,
  ),
);

/** A group or a path pattern of a rule for paths. */
export const pathRuleSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? pathRuleProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: `${JSON.stringify(dataset.value)} ${problem}` });
  }),
);

/** A time zone of the IANA database. */
export const timeZoneSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(isTimeZone, (issue) => `${quotedInput(issue)} is not a time zone, like Europe/Berlin`),
);

/** Any single line of text. */
export const textSchema: ValueSchema<string> = singleLine;

/** Headers that the proxy writes itself. A second one would break the message. */
const CONNECTION_HEADERS =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect)$|^proxy-/i;

/** The name of a header that may be set or removed. */
export const headerNameSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(isToken, "is not a header name"),
  v.check(
    (text) => !CONNECTION_HEADERS.test(text),
    (issue) => `is ${quotedInput(issue)}, which the proxy sets itself`,
  ),
);

/** The value of a header. Messages leave it out. */
export const headerValueSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^[\x20-\x7e]*$/.test(text),
    "contains characters that are not allowed in an HTTP header",
  ),
);
