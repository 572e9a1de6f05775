/** The rules each single value of the configuration has to meet, wherever it comes from. */

import * as v from "valibot";
import { isToken } from "../../http/token.ts";
import { durationMs, type DurationUnit } from "./durations.ts";
import { patternProblem } from "../../text/path_patterns.ts";
import { isTimeZone } from "../../time/zone_offsets.ts";

/** The rule for one value, which comes as text; its messages go on from the place where the value stands. */
export type ValueSchema<Output> = v.GenericSchema<string, Output>;

/** A value as it was written. */
export const shown = (issue: { readonly input: unknown }): string => JSON.stringify(issue.input);

/** One line without spaces around it: the least that any value has to be. */
export const line: ValueSchema<string> = v.pipe(
  v.string("is missing"),
  v.nonEmpty("is empty"),
  v.check((text) => !/[\r\n\0]/.test(text), "holds a line break"),
  v.check((text) => text.trim() === text, "begins or ends with a space"),
);

/** A key or token. Its messages never repeat the value. */
export const secretSchema: ValueSchema<string> = v.pipe(
  line,
  v.check((text) => !/^(["']).*\1$/.test(text), "is wrapped in quotes: write it without them"),
  v.check((text) => !text.includes(" "), "holds a space: a key or token is one word"),
  v.check(
    (text) => /^[\x21-\x7e]+$/.test(text),
    "holds characters other than ASCII letters, digits and signs",
  ),
);

/** A date that names a version of Anthropic's API, like `2023-06-01`. */
export const anthropicVersionSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(
    (text) => /^\d{4}-\d{2}-\d{2}$/.test(text),
    (issue) => `${shown(issue)} is not a date like 2023-06-01`,
  ),
);

/** A switch. */
export const switchSchema: ValueSchema<boolean> = v.pipe(
  line,
  v.check(
    (text) => /^(1|0|true|false|on|off|yes|no)$/i.test(text),
    (issue) => `${shown(issue)} is not a switch (1 or 0)`,
  ),
  v.transform((text) => /^(1|true|on|yes)$/i.test(text)),
);

/** One of a few words. */
export function wordSchema<const Word extends string>(
  words: readonly Word[],
): ValueSchema<Word> {
  return v.pipe(line, v.picklist(words, (issue) => `${shown(issue)} is not one of ${words.join(", ")}`));
}

/** A comma-separated list, each item once. */
export function textListSchema<Item>(item: ValueSchema<Item>): ValueSchema<Item[]> {
  return v.pipe(
    line,
    v.transform((text) => [...new Set(text.split(",").map((part) => part.trim()))]),
    v.array(item),
  );
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * A length of time: `30s`, `5m`, `500ms`, `1h`, `1d` or a number of seconds, and a week at most; `none` is without limit.
 * In milliseconds.
 */
export const durationSchema: ValueSchema<number | "none"> = lengthOfTime(
  (ms) => ms > 0 && ms <= 7 * DAY_MS,
  'write "30s", "5m" or a number of seconds above 0, or "none"',
);

/** A length of time between two events: a minute to a year; `none`: never. In milliseconds. */
export const intervalSchema: ValueSchema<number | "none"> = lengthOfTime(
  (ms) => ms >= MINUTE_MS && ms <= 366 * DAY_MS,
  'write "6h", "1d" or "7d", from a minute to a year, or "none"',
);

/** How long a drain may take, 0 to a day; a number counts seconds. In milliseconds. */
export const drainSchema: ValueSchema<number> = boundedTime({
  unit: "s",
  least: 0,
  most: DAY_MS,
  hint: 'write "30s", "5m" or a number of seconds, a day at most',
});

/** How long something is kept, in whole days; a number counts days. In milliseconds. */
export const retentionSchema: ValueSchema<number> = boundedTime({
  unit: "d",
  least: DAY_MS,
  most: 36_500 * DAY_MS,
  step: DAY_MS,
  hint: 'write whole days, "90d" or a number of days, from 1 to 36500',
});

/** How long nothing may happen, a minute to a week; a number counts minutes. In milliseconds. */
export const idleSchema: ValueSchema<number> = boundedTime({
  unit: "m",
  least: MINUTE_MS,
  most: 7 * DAY_MS,
  hint: 'write "15m", "8h" or a number of minutes, from a minute to a week',
});

function lengthOfTime(isRight: (ms: number) => boolean, hint: string): ValueSchema<number | "none"> {
  return v.pipe(
    line,
    v.check(
      (text) => text === "none" || isRight(durationMs(text)),
      (issue) => `${shown(issue)} is not a length of time: ${hint}`,
    ),
    v.transform((text) => text === "none" ? text : durationMs(text)),
  );
}

function boundedTime(
  { unit, least, most, step = 1, hint }: {
    unit: DurationUnit;
    least: number;
    most: number;
    step?: number;
    hint: string;
  },
): ValueSchema<number> {
  return v.pipe(
    line,
    v.check(
      (text) => {
        const ms = durationMs(text, unit);
        return ms >= least && ms <= most && ms % step === 0;
      },
      (issue) => `${shown(issue)} is not a length of time: ${hint}`,
    ),
    v.transform((text) => durationMs(text, unit)),
  );
}

const UNITS_BYTES: Record<string, number> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A number of bytes, plain or like `32M`; `none` is without limit. */
export const bytesSchema: ValueSchema<number | "none"> = v.pipe(
  line,
  v.check(
    (text) => text === "none" || /^[1-9]\d{0,11}[KMG]?$/i.test(text),
    (issue) => `${shown(issue)} is not a size: write a number of bytes, "500K", "32M", "1G" or "none"`,
  ),
  v.transform((text) =>
    text === "none" ? text : parseInt(text) * (UNITS_BYTES[text.replace(/\d+/, "").toUpperCase()] ?? 1)
  ),
);

/** A whole number within bounds; `none` is without limit. */
export function countOrNoneSchema(least: number, most: number): ValueSchema<number | "none"> {
  return v.union(
    [v.pipe(line, v.literal("none")), countSchema(least, most)],
    (issue) => `${shown(issue)} is not a whole number from ${least} to ${most}, or "none"`,
  );
}

/** A whole number within bounds. */
export function countSchema(least: number, most: number): ValueSchema<number> {
  return v.pipe(
    line,
    v.check(
      (text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most,
      (issue) => `${shown(issue)} is not a whole number from ${least} to ${most}`,
    ),
    v.transform(Number),
  );
}

const LEAST_MANAGEMENT_TOKEN = 16;

/** What opens the management plane: long enough not to be guessed. Its messages never repeat the value. */
export const managementTokenSchema: ValueSchema<string> = v.pipe(
  secretSchema,
  v.minLength(
    LEAST_MANAGEMENT_TOKEN,
    `is shorter than ${LEAST_MANAGEMENT_TOKEN} characters: it could be guessed; \`openssl rand -hex 24\` makes one`,
  ),
);

/** Where the management plane keeps its data. */
export const databaseUrlSchema: ValueSchema<string> = v.pipe(
  line,
  // Without the value: URLs of databases may hold passwords.
  v.check(
    (text) => /^sqlite:./.test(text),
    "is not a database's URL: write sqlite:FILE, like sqlite:./data/llm-proxy.db",
  ),
);

const ENCRYPTION_KEY_BYTES = 32;

/** 32 bytes in base64. Its messages never repeat the value. */
export const encryptionKeySchema: ValueSchema<Uint8Array<ArrayBuffer>> = v.pipe(
  line,
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      const key = Uint8Array.fromBase64(dataset.value);
      if (key.length === ENCRYPTION_KEY_BYTES) return key;
    } catch {
      // No base64: the message says what is wanted.
    }
    addIssue({
      message: `is not ${ENCRYPTION_KEY_BYTES} bytes in base64; \`openssl rand -base64 32\` makes them`,
    });
    return NEVER;
  }),
);

/** An amount of money in US dollars, as millionths of one. */
export const dollarsSchema: ValueSchema<number> = v.pipe(
  line,
  v.check(
    (text) => /^\d{1,9}(?:\.\d{1,6})?$/.test(text),
    (issue) => `${shown(issue)} is not an amount in US dollars, like 5 or 0.25`,
  ),
  v.transform((text) => Math.round(Number(text) * 1_000_000)),
);

/** A price in US dollars per million tokens. */
export const priceSchema: ValueSchema<number> = v.pipe(
  line,
  v.check(
    (text) => /^\d{1,6}(?:\.\d{1,9})?$/.test(text),
    (issue) => `${shown(issue)} is not a price in US dollars per million tokens, like 2.5`,
  ),
  v.transform(Number),
);

/** A name of an endpoint, a backend or a token. */
export const nameSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(
    (text) => /^[A-Za-z0-9][\w.-]{0,63}$/.test(text),
    (issue) => `${shown(issue)} is not a name: letters, digits, dot, dash and underscore, 64 at most`,
  ),
);

/** A pattern of paths in the rules of a token. */
export const pathPatternSchema: ValueSchema<string> = v.pipe(
  line,
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? patternProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: `${JSON.stringify(dataset.value)} ${problem}` });
  }),
);

/** A time zone of the IANA database. */
export const timeZoneSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(isTimeZone, (issue) => `${shown(issue)} is not a time zone, like Europe/Berlin`),
);

/** Any one line of text. */
export const textSchema: ValueSchema<string> = line;

/** Fields the proxy writes itself; a second one would break the message. */
const OWN_HEADERS =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect)$|^proxy-/i;

/** A header's name that may be set or removed. */
export const headerNameSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(isToken, "is not a header's name"),
  v.check(
    (text) => !OWN_HEADERS.test(text),
    (issue) => `is ${shown(issue)}, which belongs to the connection and cannot be changed`,
  ),
);

/** A header's value. Its messages never repeat it. */
export const headerValueSchema: ValueSchema<string> = v.pipe(
  line,
  v.check((text) => /^[\x20-\x7e]*$/.test(text), "holds characters that cannot stand in an HTTP header"),
);
