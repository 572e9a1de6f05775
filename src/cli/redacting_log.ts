/** The log of a running proxy, which redacts the secrets of all its configurations. */

import type { Config, LogLevel } from "../config/config.ts";
import { MIN_SECRET_LENGTH, secretsOf } from "../config/redact.ts";
import { createLog, type Log } from "../observability/log.ts";
import { styled } from "./colours.ts";
import { bufferedStdout } from "./output.ts";

/** A log whose settings and secrets can change while the proxy runs. */
export interface RedactingLog {
  readonly log: Log;
  /** Uses the settings of another configuration, and also redacts its secrets. */
  readonly configure: (config: Config) => void;
  /** Adds secrets to those that the log redacts. */
  readonly redact: (secrets: readonly string[]) => void;
}

/** The options of {@link redactingLog}. */
export interface RedactingLogOptions {
  /** Writes the lines. By default, the lines go to the standard output. */
  readonly write?: (text: string) => void;
  /** The number of the thread that logs. `undefined` if the proxy serves with one thread. */
  readonly worker?: number;
}

/** Opens the log of a configuration. */
export function redactingLog(
  first: Config,
  { write = bufferedStdout(), worker }: RedactingLogOptions = {},
): RedactingLog {
  // The old secrets stay in the set, because running exchanges may still log them.
  const secrets = new Set(secretsOf(first));
  let settings = first.log;
  const open = () => createLog(settings, { write, secrets: [...secrets], paint: paintLevel });
  let current = open();
  const redact = (more: readonly string[]): void => {
    // A short secret is not redacted, because it would also be a part of ordinary words.
    for (const secret of more) if (secret.length >= MIN_SECRET_LENGTH) secrets.add(secret);
    current = open();
  };
  return {
    log: worker === undefined
      ? (level, event, fields) => current(level, event, fields)
      : (level, event, fields) => current(level, event, { ...fields, worker }),
    configure(config) {
      settings = config.log;
      redact(secretsOf(config));
    },
    redact,
  };
}

/** Colours a line of the log: errors red, warnings yellow. */
function paintLevel(level: LogLevel, text: string): string {
  if (level === "error") return styled("red", text);
  return level === "warn" ? styled("yellow", text) : text;
}
