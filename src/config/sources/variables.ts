/** The names of the environment variables that configure the proxy, and which of them hold secrets. */

/**
 * All variables. Each one also has a `…_FILE` form, which names a file that holds the value. `secret`: the
 * value is a password, a key or a token. `login`: the value is a URL, which can contain a password.
 */
const CONTENTS = {
  OPENAI_BASE_URL: "plain",
  OPENAI_API_KEY: "secret",
  OPENAI_PRICE_PROVIDER: "plain",
  ANTHROPIC_BASE_URL: "plain",
  ANTHROPIC_API_KEY: "secret",
  ANTHROPIC_VERSION: "plain",
  ANTHROPIC_PRICE_PROVIDER: "plain",
  PROXY_TOKEN: "secret",
  ENDPOINTS: "plain",
  HOST: "plain",
  PORT: "plain",
  HTTPS_PORT: "plain",
  ADMIN_PORT: "plain",
  SERVER_ENGINE: "plain",
  WORKERS: "plain",
  DRAIN_SECONDS: "plain",
  DRAIN_DELAY_SECONDS: "plain",
  TLS_CERT: "plain",
  TLS_KEY: "secret",
  LOG_LEVEL: "plain",
  LOG_FORMAT: "plain",
  ACCESS_LOG: "plain",
  CONFIG_PATH: "plain",
  DEFAULT_ENDPOINT: "plain",
  MAX_BODY_BYTES: "plain",
  MAX_MESSAGE_BYTES: "plain",
  CORS_ORIGINS: "plain",
  ALLOWED_HOSTS: "plain",
  ALLOWED_IPS: "plain",
  TRUSTED_PROXIES: "plain",
  MAX_CONNECTIONS: "plain",
  MAX_CONCURRENT_REQUESTS: "plain",
  MAX_CONCURRENT_PER_TOKEN: "plain",
  QUEUE_TIMEOUT: "plain",
  MANAGEMENT_ENABLED: "plain",
  MANAGEMENT_TOKEN: "secret",
  DATABASE_URL: "login",
  PGPASSWORD: "secret",
  ENCRYPTION_KEY: "secret",
  LIMITS_URL: "login",
  LIMITS_PASSWORD: "secret",
  ON_LIMITS_LOSS: "plain",
  LIMITS_TIMEOUT: "plain",
  ON_DATABASE_LOSS: "plain",
  BUDGET_TIME_ZONE: "plain",
  BUDGET_WINDOW: "plain",
  RETENTION_DAYS: "plain",
  BACKUP_EVERY: "plain",
  BACKUP_KEEP: "plain",
  BACKUP_FOLDER: "plain",
  PRICES_FILE: "plain",
  ADMIN_IDLE_MINUTES: "plain",
  METRICS_PUBLIC: "plain",
  MANAGEMENT_ALLOWED_IPS: "plain",
  PUBLIC_URL: "plain",
  HTTP_PROXY: "login",
  HTTPS_PROXY: "login",
  NO_PROXY: "plain",
} as const satisfies Record<string, "plain" | "secret" | "login">;

/** The name of a variable, without the suffix `_FILE`. */
export type VariableName = keyof typeof CONTENTS;

/** The names of all variables, without the suffix `_FILE`. */
export const VARIABLES = Object.keys(CONTENTS) as VariableName[];

/** Matches names of other programs' variables whose values are secrets. */
const SECRET_NAME = /(?:^|_|PG)(?:KEY|TOKEN|PASSWORD|SECRET)$/;

/** Whether a variable of the proxy never has a secret in its value. */
export function isPlainVariable(name: string): boolean {
  return contentOf(name) === "plain";
}

/** Whether the value of a variable is a secret. For a variable of another program, its name decides. */
export function holdsSecret(name: string, value: string): boolean {
  if (value === "") return false;
  const content = contentOf(name);
  if (content === undefined) return SECRET_NAME.test(name);
  return content === "secret" || content === "login" && value.includes("@");
}

function contentOf(name: string): typeof CONTENTS[VariableName] | undefined {
  return Object.hasOwn(CONTENTS, name) ? CONTENTS[name as VariableName] : undefined;
}
