/** The log: an event name with fields from a fixed list. Secrets are redacted in the finished line. */

import type { LogConfig, LogLevel } from "../config/config.ts";

/** All fields of log lines, in the order of output. The log omits other fields. */
export const LOG_FIELDS = [
  "version",
  "address",
  "admin",
  "endpoints",
  "file",
  "problem",
  "code",
  "status",
  "method",
  "path",
  "client",
  "endpoint",
  "backend",
  "next",
  "attempts",
  "principal",
  "token",
  "model",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "cost_usd",
  "usage_source",
  "settlement",
  "bytes",
  "ttfb_ms",
  "duration_ms",
  "ending",
  "in_flight",
  "worker",
  "id",
  "detail",
] as const;

/** Fields that only the format `json` has, so that the lines for people stay short. */
const JSON_ONLY: readonly string[] = ["cached_tokens", "usage_source", "settlement", "worker"];
const PRETTY_FIELDS = LOG_FIELDS.filter((name) => !JSON_ONLY.includes(name));

/** The fields of a log line. Undefined fields are omitted. */
export type LogFields = { readonly [Field in typeof LOG_FIELDS[number]]?: string | number | undefined };

/** Writes one event with its fields, if the log level allows it. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

/** The output of the log, and what to redact. */
export interface LogSink {
  /** Writes one line, which ends in a line feed. */
  readonly write: (line: string) => void;
  /** Values to redact in each field. */
  readonly secrets: readonly string[];
  /** The current time in milliseconds since 1970. */
  readonly now?: () => number;
  /** Colours the level in the `pretty` format. Without this function, lines have no colours. */
  readonly paint?: (level: LogLevel, text: string) => string;
}

/** Levels in ascending order of severity. */
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Makes the log. The log writes each line immediately. */
export function createLog(
  config: LogConfig,
  { write, secrets, now = Date.now, paint = (_, text) => text }: LogSink,
): Log {
  const least = LEVELS.indexOf(config.level);
  const redact = redactor(secrets);
  const clock = new ClockText();
  const beginnings = new Map(
    LEVELS.map((level) => [level, paint(level, level.toUpperCase().padEnd(5))] as const),
  );
  const pairs = new PairsText();
  const lineOf = config.format === "json"
    ? jsonLine
    : (level: LogLevel, event: string, fields: LogFields, time: number) =>
      `${clock.at(time)} ${beginnings.get(level)} ${event}${pairs.of(fields)}\n`;
  return (level, event, fields = {}) => {
    if (LEVELS.indexOf(level) < least) return;
    write(redact(lineOf(level, event, fields, now())));
  };
}

/** `{"time":"…","level":"info","event":"exchange","status":200,…}` */
function jsonLine(level: LogLevel, event: string, fields: LogFields, time: number): string {
  let text = `{"time":"${new Date(time).toISOString()}","level":"${level}","event":${JSON.stringify(event)}`;
  for (const name of LOG_FIELDS) {
    const value = fields[name];
    if (value !== undefined) text += `,"${name}":${JSON.stringify(value)}`;
  }
  return `${text}}\n`;
}

/**
 * Makes texts like ` status=200 endpoint=openai …`. Most values of a line are equal to those of the line
 * before, so their texts are reused.
 */
class PairsText {
  readonly #values: (string | number | undefined)[] = PRETTY_FIELDS.map(() => undefined);
  readonly #texts: string[] = PRETTY_FIELDS.map(() => "");

  of(fields: LogFields): string {
    let text = "";
    for (let index = 0; index < PRETTY_FIELDS.length; index++) {
      const name = PRETTY_FIELDS[index];
      const value = name && fields[name];
      if (value === undefined) continue;
      if (value !== this.#values[index]) {
        this.#values[index] = value;
        this.#texts[index] = ` ${name}=${typeof value === "number" ? value : plainOrQuoted(value)}`;
      }
      text += this.#texts[index];
    }
    return text;
  }
}

/** Printable ASCII without spaces, quotes and equals signs. Nearly all values match this fast check. */
const PLAIN = /^[!#-<>-~]+$/;

function plainOrQuoted(text: string): string {
  return PLAIN.test(text) || /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Makes the time of day as `14:02:11`, in local time. All lines of one second share the text. */
class ClockText {
  #second = NaN;
  #text = "";

  at(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.#second) {
      const time = new Date(epochMs);
      this.#second = second;
      this.#text = [time.getHours(), time.getMinutes(), time.getSeconds()]
        .map((part) => String(part).padStart(2, "0")).join(":");
    }
    return this.#text;
  }
}

const MAX_SEARCHED = 12;

/** Makes the function that redacts secrets in a line: plain, percent-encoded, or escaped as in JSON. */
function redactor(secrets: readonly string[]): (line: string) => string {
  const forms = new Set(
    secrets.filter((secret) => secret !== "")
      .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]),
  );
  if (forms.size === 0) return (line) => line;
  // Longest first, so that a secret that contains another one is replaced as a whole.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  if (forms.size > MAX_SEARCHED) return (line) => line.replace(pattern, "[redacted]");
  // Almost no line has a secret, and a search for a few texts costs less than a pattern.
  return (line) =>
    longestFirst.some((form) => line.includes(form)) ? line.replace(pattern, "[redacted]") : line;
}
