/** The log: an event's name and fields from a fixed list, redacted where they are written. */

import type { LogConfig, LogLevel } from "../config/config.ts";

/** Every field a log line can have, in the order they are written; others are not written. */
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
  "attempts",
  "principal",
  "token",
  "bytes",
  "ttfb_ms",
  "duration_ms",
  "ending",
  "in_flight",
  "id",
  "detail",
] as const;

/** Fields of a log line. */
export type LogFields = { readonly [Field in typeof LOG_FIELDS[number]]?: string | number | undefined };

/** Writes one event. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

/** Where log lines go. */
export interface LogSink {
  readonly write: (line: string) => void;
  /** Values that never appear, whatever field they came in by. */
  readonly secrets: readonly string[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Gives a level its colour, in lines for people; absent: there are none. */
  readonly paint?: (level: LogLevel, text: string) => string;
}

/** The order of severity. */
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Makes the log. It has no state but its configuration: every line is written as it comes. */
export function createLog(
  config: LogConfig,
  { write, secrets, now = Date.now, paint = (_, text) => text }: LogSink,
): Log {
  const least = LEVELS.indexOf(config.level);
  const redact = redactor(secrets);
  const format = config.format === "json" ? jsonLine : (line: Line) => prettyLine(line, paint);
  return (level, event, fields = {}) => {
    if (LEVELS.indexOf(level) < least) return;
    const allowed = LOG_FIELDS.flatMap((name) =>
      fields[name] === undefined ? [] : [[name, fields[name]] as const]
    );
    write(redact(format({ time: new Date(now()), level, event, fields: allowed })));
  };
}

interface Line {
  readonly time: Date;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: readonly (readonly [name: string, value: string | number])[];
}

/** `{"time":"…","level":"info","event":"exchange","status":200,…}` */
function jsonLine({ time, level, event, fields }: Line): string {
  return `${JSON.stringify({ time: time.toISOString(), level, event, ...Object.fromEntries(fields) })}\n`;
}

/** `14:02:11 INFO  exchange status=200 endpoint=openai …`, in local time. */
function prettyLine({ time, level, event, fields }: Line, paint: NonNullable<LogSink["paint"]>): string {
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const pairs = fields.map(([name, value]) => `${name}=${plainOrQuoted(value)}`);
  return `${clock} ${paint(level, level.toUpperCase().padEnd(5))} ${[event, ...pairs].join(" ")}\n`;
}

function plainOrQuoted(value: unknown): string {
  const text = String(value);
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Replaces every secret, as it is and as it stands in a URL or in JSON. */
function redactor(secrets: readonly string[]): (line: string) => string {
  const forms = new Set(
    secrets.filter((secret) => secret !== "")
      .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]),
  );
  if (forms.size === 0) return (line) => line;
  // Longest first: a secret that holds another one disappears whole.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  return (line) => line.replace(pattern, "[redacted]");
}
