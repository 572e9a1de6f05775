/** The log: an event's name and fields from a fixed list, redacted where they are written. */

import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  type LogRecord,
  resetSync,
  type TextFormatter,
} from "@logtape/logtape";
import type { LogConfig, LogLevel } from "../config/schema.ts";

/** Every field a log line can have; others are not written. */
export const LOG_FIELDS = [
  "address",
  "bytes",
  "code",
  "detail",
  "duration_ms",
  "ending",
  "endpoint",
  "endpoints",
  "id",
  "in_flight",
  "method",
  "path",
  "principal",
  "signal",
  "status",
  "ttfb_ms",
  "version",
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
}

const CATEGORY = "llm-proxy";
const ALLOWED: ReadonlySet<string> = new Set(LOG_FIELDS);
const LEVELS = { debug: "debug", info: "info", warn: "warning", error: "error" } as const;

/** Opens the process's log; the returned function closes it. */
export function openLog(config: LogConfig, sink: LogSink): { log: Log; close: () => void } {
  const format = config.format === "json" ? getJsonLinesFormatter({ properties: "flatten" }) : formatPretty;
  const redact = redactor(sink.secrets);
  configureSync({
    reset: true,
    sinks: { out: (record) => sink.write(redact(format(withAllowedFields(record)))) },
    loggers: [
      { category: CATEGORY, lowestLevel: LEVELS[config.level], sinks: ["out"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["out"] },
    ],
  });
  const logger = getLogger(CATEGORY);
  return {
    log: (level, event, fields = {}) => logger[level](event, fields),
    close: resetSync,
  };
}

function withAllowedFields(record: LogRecord): LogRecord {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record.properties)) {
    if (ALLOWED.has(name) && value !== undefined) properties[name] = value;
  }
  return { ...record, properties };
}

/** `14:02:11 INFO  exchange  status=200 endpoint=openai …` */
const formatPretty: TextFormatter = (record) => {
  const date = new Date(record.timestamp);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const level = record.level === "warning" ? "WARN" : record.level.toUpperCase();
  const fields = Object.entries(record.properties).map(([name, value]) => `${name}=${plainOrQuoted(value)}`);
  return `${time} ${level.padEnd(5)} ${[String(record.rawMessage), ...fields].join(" ")}\n`;
};

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
  // Longest first: a secret that holds another one disappears whole.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (line) => ordered.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), line);
}
