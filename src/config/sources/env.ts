/** The only reader of the environment: variables, their `…_FILE` forms, and the file `.env`. */

import { type Finding, reasonOf } from "../problem.ts";
import { nearest } from "../values/suggest.ts";

/** Every variable the proxy knows. Each also takes a `…_FILE` form that names a file holding the value. */
export const VARIABLES = [
  "OPENAI_BASE_URL",
  "OPENAI_API_KEY",
  "OPENAI_PRICE_PROVIDER",
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_VERSION",
  "ANTHROPIC_PRICE_PROVIDER",
  "PROXY_TOKEN",
  "ENDPOINTS",
  "HOST",
  "PORT",
  "HTTPS_PORT",
  "ADMIN_PORT",
  "SERVER_ENGINE",
  "DRAIN_SECONDS",
  "TLS_CERT",
  "TLS_KEY",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "ACCESS_LOG",
  "CONFIG_PATH",
  "DEFAULT_ENDPOINT",
  "MAX_BODY_BYTES",
  "MAX_MESSAGE_BYTES",
  "CORS_ORIGINS",
  "ALLOWED_HOSTS",
  "ALLOWED_IPS",
  "TRUSTED_PROXIES",
  "MAX_CONNECTIONS",
  "MAX_CONCURRENT_REQUESTS",
  "MAX_CONCURRENT_PER_TOKEN",
  "QUEUE_TIMEOUT",
  "MANAGEMENT_TOKEN",
  "DATABASE_URL",
  "ENCRYPTION_KEY",
  "BUDGET_TIME_ZONE",
  "BUDGET_WINDOW",
  "RETENTION_DAYS",
  "BACKUP_EVERY",
  "BACKUP_KEEP",
  "BACKUP_FOLDER",
  "PRICES_FILE",
  "ADMIN_IDLE_MINUTES",
  "METRICS_PUBLIC",
  "MANAGEMENT_ALLOWED_IPS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
] as const;

/** By custom these are written in small letters as well, and then mean the same. */
const IN_EITHER_CASE: readonly string[] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/** The name of a variable the proxy knows. */
export type VariableName = typeof VARIABLES[number];

/** A value as it was found, unchecked. */
export interface Found {
  /** Null where its file could not be read, which has been reported. */
  readonly value: string | null;
  /** The place it came from, like `env PORT` or `.env: PORT`. */
  readonly origin: string;
  /** The file that its `…_FILE` form names. */
  readonly file?: string;
}

/** What the environment says. */
export interface Environment {
  readonly found: ReadonlyMap<VariableName, Found>;
  readonly findings: readonly Finding[];
  /** What is odd, but works. */
  readonly warnings: readonly Finding[];
  /** Any variable, for a file that names it; the environment wins over `.env`. */
  readonly get: (name: string) => string | undefined;
}

/** Where to read from; tests pass their own. */
export interface EnvironmentSources {
  readonly get: (name: string) => string | undefined;
  /** Throws like `Deno.readTextFileSync`. */
  readonly readTextFile: (path: string) => string;
  /** Whether a file can be read by everybody on this machine; absent: nobody asks. */
  readonly isForAll?: (path: string) => boolean;
}

/** The process's own environment and files. */
export const processSources: EnvironmentSources = {
  get: (name) => Deno.env.get(name),
  readTextFile: (path) => Deno.readTextFileSync(path),
  isForAll(path) {
    // Windows has no such mode.
    const { mode } = Deno.statSync(path);
    return mode !== null && (mode & FOR_OTHERS) !== 0;
  },
};

/** The bit of a file's mode that lets others read it. */
const FOR_OTHERS = 0o004;
/** Names of variables that hold a secret. */
const SECRET_NAME = /(?:^|_)(?:KEY|TOKEN|PASSWORD|SECRET)$/;

/** Reads every known variable; the environment wins over `.env`. Problems are collected, never thrown. */
export async function readEnvironment(sources: EnvironmentSources): Promise<Environment> {
  const found = new Map<VariableName, Found>();
  const findings: Finding[] = [];
  const dotenv = await readDotenv(sources, findings);
  const layers = [
    { get: sources.get, origin: (name: string) => `env ${name}` },
    { get: (name: string) => dotenv[name], origin: (name: string) => `.env: ${name}` },
  ];
  for (const name of VARIABLES) {
    for (const { get, origin } of layers) {
      const fileName = `${name}_FILE`;
      const value = IN_EITHER_CASE.includes(name) ? customary(get, name) : get(name);
      const path = get(fileName);
      if (value === undefined && path === undefined) continue;
      if (value !== undefined && path !== undefined) {
        findings.push({ at: origin(fileName), message: `stands beside ${name}: keep one of the two` });
      }
      found.set(
        name,
        value === undefined
          ? {
            value: readValueFile(sources, { path: path ?? "", origin: origin(fileName), findings }),
            origin: origin(fileName),
            ...(path !== undefined && { file: path }),
          }
          : { value, origin: origin(name) },
      );
      break;
    }
  }
  const get = (name: string): string | undefined => sources.get(name) ?? dotenv[name];
  return {
    found,
    findings,
    warnings: [...misspelt(Object.keys(dotenv)), ...openToAll(dotenv, sources)],
    get,
  };
}

/** A `.env` with secrets that everybody on this machine can read. */
function openToAll(dotenv: Record<string, string | undefined>, { isForAll }: EnvironmentSources): Finding[] {
  const holdsSecret = Object.entries(dotenv).some(([name, value]) => SECRET_NAME.test(name) && value !== "");
  return holdsSecret && isForAll?.(".env") === true
    ? [{
      at: ".env",
      message: "holds secrets and can be read by every user of this machine: chmod 600 .env",
      kind: "secrets_readable",
    }]
    : [];
}

/** Names in `.env` that nobody reads, where one that is known is nearly the same. */
function misspelt(names: readonly string[]): Finding[] {
  const known: readonly string[] = VARIABLES.flatMap((name) => [name, `${name}_FILE`]);
  return names.flatMap((name) => {
    const near = known.includes(name) ? undefined : nearest(name, known);
    return near === undefined
      ? []
      : [{ at: `.env: ${name}`, message: `is not a known variable; did you mean ${near}?` }];
  });
}

/** In either case, where an empty value says nothing; so do curl and all others. */
function customary(get: (name: string) => string | undefined, name: string): string | undefined {
  return get(name)?.trim() || get(name.toLowerCase())?.trim() || undefined;
}

async function readDotenv(
  sources: EnvironmentSources,
  findings: Finding[],
): Promise<Record<string, string | undefined>> {
  let text: string;
  try {
    text = sources.readTextFile(".env");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    findings.push({ at: ".env", message: `cannot be read: ${reasonOf(error)}` });
    return {};
  }
  // Loaded only where it is needed: a container has no `.env`.
  const { parseEnv } = await import("node:util");
  // Editors of Windows put a byte order mark before the first name.
  return parseEnv(text.replace(/^\ufeff/, ""));
}

/** The text of a value's file without the line break that editors put at its end. */
function readValueFile(
  sources: EnvironmentSources,
  { path, origin, findings }: { path: string; origin: string; findings: Finding[] },
): string | null {
  try {
    return sources.readTextFile(path).replace(/^\ufeff|\r?\n$/g, "");
  } catch (error) {
    findings.push({
      at: origin,
      message: `names ${shownPath(path)}, which cannot be read: ${reasonOf(error)}`,
    });
    return null;
  }
}

/** A path, unless it does not look like one: then it may be the very value that the file should hold. */
function shownPath(path: string): string {
  return /^(?:\.{0,2}[/\\]|[A-Za-z]:)/.test(path) ? JSON.stringify(path) : "a file";
}
