/** Reads the options of `project`, `token` and `usage`. */

import { durationMs } from "../../config/values/durations.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";

/** Options as the parser gives them, by their names in camel case. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The latest expiry, from now: a hundred years. In milliseconds. */
const LONGEST_MS = 36_500 * 24 * 3_600_000;

/** The value of an option; `undefined` if the option is missing or takes no value. */
export function textOf(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** The values of `--key-file`. */
export function keyFiles(options: Options): readonly string[] {
  const value = options["keyFile"];
  return typeof value === "object" ? value : [];
}

/**
 * `expires_at` for the API, from `30d`, `12h`, `45m`, a date, or `none`. Throws a {@link CommandError} for
 * others.
 */
export function expiryBody(text: string | undefined, now: number): Record<string, unknown> {
  if (text === undefined) return {};
  if (text === "none") return { expires_at: null };
  const ms = /^\d+$/.test(text) ? NaN : durationMs(text);
  if (ms > 0 && ms <= LONGEST_MS) return { expires_at: new Date(now + ms).toISOString() };
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) return { expires_at: text };
  throw new CommandError(
    `--expires: ${
      JSON.stringify(text)
    } is neither a duration like 30d, 12h or 45m nor a date like 2027-01-31`,
    2,
  );
}

/**
 * `provider_keys` for the API, from `ENDPOINT=FILE`. Keys come from files, because every user of a machine
 * can read command lines. Throws a {@link CommandError} for a malformed option or an unreadable file.
 */
export function keysBody(settings: readonly string[]): Record<string, unknown> {
  if (settings.length === 0) return {};
  return {
    provider_keys: Object.fromEntries(settings.map((setting) => {
      const [, endpoint, file] = /^([^=]+)=(.+)$/.exec(setting) ?? [];
      if (endpoint === undefined || file === undefined) {
        throw new CommandError(
          `--key-file: write ENDPOINT=FILE, not ${JSON.stringify(setting)}; ENDPOINT=none removes a key`,
          2,
        );
      }
      return [endpoint, file === "none" ? null : readKey(file)];
    })),
  };
}

function readKey(file: string): string {
  try {
    return Deno.readTextFileSync(file).trim();
  } catch (error) {
    throw new CommandError(`--key-file: cannot read ${file}: ${messageOf(error)}`);
  }
}
