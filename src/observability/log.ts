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
  /** Colours the level in the `pretty` format. Without it lines have no colours. */
  readonly paint?: (level: LogLevel, text: string) => string;
}

/** Levels in ascending order of severity. */
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Makes the log. It writes each line at once. */
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

/** Makes the function that replaces secrets in a line: plain, percent-encoded, or escaped as in JSON. */
function redactor(secrets: readonly string[]): (line: string) => string {
  const forms = new Set(
    secrets.filter((secret) => secret !== "")
      .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]),
  );
  if (forms.size === 0) return (line) => line;
  // Longest first, so that a secret that contains another one is replaced as a whole.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  return (line) => line.replace(pattern, "[redacted]");
}
