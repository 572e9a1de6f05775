/** Puts the configuration together from flags and environment, or says everything that is wrong with it. */

import * as v from "valibot";
import {
  type Environment,
  type EnvironmentSources,
  type Found,
  readEnvironment,
  type VariableName,
} from "./env.ts";
import { ConfigError, type Problem } from "./problem.ts";
import {
  anthropicVersionSchema,
  baseUrlSchema,
  type Config,
  DEFAULT_TIMEOUTS,
  drainSchema,
  type Endpoint,
  hostSchema,
  portSchema,
  secretSchema,
  switchSchema,
  wordListSchema,
  wordSchema,
} from "./schema.ts";

/** Values from the command line; they win over the environment. */
export type Flags = Partial<Record<VariableName, Found>>;

const PROVIDERS = ["openai", "anthropic"] as const;
const DEFAULT_PORT = 33_000;
const DEFAULT_HOST = "0.0.0.0";
const DEFAULT_DRAIN_MS = 30_000;

/** What a person reads when a required variable is missing. */
const HINTS: Partial<Record<VariableName, string>> = {
  OPENAI_BASE_URL: "is missing: where OpenAI's API is, like https://api.openai.com/v1",
  OPENAI_API_KEY: "is missing: the key the proxy sends to OpenAI",
  ANTHROPIC_BASE_URL: "is missing: where Anthropic's API is, like https://api.anthropic.com",
  ANTHROPIC_API_KEY: "is missing: the key the proxy sends to Anthropic",
  PROXY_TOKEN: "is missing: the token that clients of this proxy present",
  TLS_CERT: "is missing, though TLS_KEY is set: TLS needs both",
  TLS_KEY: "is missing, though TLS_CERT is set: TLS needs both",
};

/**
 * Reads and checks the whole configuration.
 * Throws a {@link ConfigError} that holds every problem at once, each with its origin.
 */
export async function loadConfig(sources: EnvironmentSources, flags: Flags = {}): Promise<Config> {
  const reader = new Reader(await readEnvironment(sources), flags);
  const providers = reader.optional("ENDPOINTS", wordListSchema(PROVIDERS)) ?? PROVIDERS;
  const endpoints = providers.map((provider) => readEndpoint(reader, provider));
  const token = reader.required("PROXY_TOKEN", secretSchema);
  const tls = readTls(reader);
  const config = {
    server: {
      ...readAddress(reader),
      ...(tls && { tls }),
      drainMs: reader.optional("DRAIN_SECONDS", drainSchema) ?? DEFAULT_DRAIN_MS,
    },
    auth: { mode: "token", token: token ?? "" },
    endpoints,
    log: {
      level: reader.optional("LOG_LEVEL", wordSchema(["debug", "info", "warn", "error"])) ?? "info",
      format: reader.optional("LOG_FORMAT", wordSchema(["pretty", "json"])) ?? "pretty",
      access: reader.optional("ACCESS_LOG", switchSchema) ?? false,
    },
  } as const satisfies Config;
  for (const { name, backend } of endpoints) {
    if (token !== undefined && backend.apiKey === token) {
      reader.report(
        "PROXY_TOKEN",
        `is the same as the key of ${name}: clients would hold the provider's key`,
      );
    }
  }
  reader.throwProblems();
  return config;
}

/** Where the proxy listens, for a program that only wants to reach it; problems of other values do not count. */
export async function loadAddress(
  sources: EnvironmentSources,
): Promise<{ host: string; port: number; tls: boolean }> {
  const reader = new Reader(await readEnvironment(sources), {});
  const address = { ...readAddress(reader), tls: reader.has("TLS_CERT") };
  reader.throwProblems(["HOST", "PORT"]);
  return address;
}

function readAddress(reader: Reader): { host: string; port: number } {
  return {
    host: reader.optional("HOST", hostSchema) ?? DEFAULT_HOST,
    port: reader.optional("PORT", portSchema) ?? DEFAULT_PORT,
  };
}

function readTls(reader: Reader): { cert: string; key: string } | undefined {
  if (!reader.has("TLS_CERT") && !reader.has("TLS_KEY")) return undefined;
  const pem = (label: RegExp, what: string) =>
    v.pipe(v.string("is missing"), v.check((text) => label.test(text), `holds no ${what} in PEM form`));
  const cert = reader.required("TLS_CERT", pem(/-----BEGIN CERTIFICATE-----/, "certificate"));
  const key = reader.required("TLS_KEY", pem(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "private key"));
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function readEndpoint(reader: Reader, provider: typeof PROVIDERS[number]): Endpoint {
  const prefix = provider === "openai" ? "OPENAI" : "ANTHROPIC";
  const baseUrl = reader.required(`${prefix}_BASE_URL`, baseUrlSchema) ?? { origin: "", path: "" };
  const apiKey = reader.required(`${prefix}_API_KEY`, secretSchema) ?? "";
  const anthropicVersion = provider === "anthropic"
    ? reader.optional("ANTHROPIC_VERSION", anthropicVersionSchema)
    : undefined;
  return {
    name: provider,
    provider,
    backend: { baseUrl, apiKey, timeouts: DEFAULT_TIMEOUTS },
    ...(anthropicVersion !== undefined && { anthropicVersion }),
  };
}

/** Takes values out of the sources one by one, checks each, and keeps what was wrong. */
class Reader {
  readonly #environment: Environment;
  readonly #flags: Flags;
  readonly #problems: (Problem & { variable?: VariableName })[];

  constructor(environment: Environment, flags: Flags) {
    this.#environment = environment;
    this.#flags = flags;
    this.#problems = [...environment.problems];
  }

  has(name: VariableName): boolean {
    return this.#find(name) !== undefined;
  }

  optional<Value>(name: VariableName, schema: v.GenericSchema<unknown, Value>): Value | undefined {
    const found = this.#find(name);
    return found === undefined || found.value === null ? undefined : this.#check(name, schema, found.value);
  }

  required<Value>(name: VariableName, schema: v.GenericSchema<unknown, Value>): Value | undefined {
    if (this.has(name)) return this.optional(name, schema);
    this.report(name, HINTS[name] ?? "is missing");
    return undefined;
  }

  report(name: VariableName, message: string): void {
    this.#problems.push({ variable: name, origin: this.#find(name)?.origin ?? `env ${name}`, message });
  }

  /** With names, only the problems of those count. */
  throwProblems(names?: readonly VariableName[]): void {
    const problems = names === undefined
      ? this.#problems
      : this.#problems.filter(({ variable }) => variable !== undefined && names.includes(variable));
    if (problems.length > 0) throw new ConfigError(problems);
  }

  #find(name: VariableName): Found | undefined {
    return this.#flags[name] ?? this.#environment.found.get(name);
  }

  #check<Value>(
    name: VariableName,
    schema: v.GenericSchema<unknown, Value>,
    value: string,
  ): Value | undefined {
    // The first broken rule of a value says enough; the next value is checked all the same.
    const result = v.safeParse(schema, value, { abortPipeEarly: true });
    if (result.success) return result.output;
    this.report(name, result.issues[0].message);
    return undefined;
  }
}
