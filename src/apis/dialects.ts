/**
 * The API dialects: the differences between the APIs of OpenAI, Anthropic and Google. The differences of
 * their paths are in `operations.ts`.
 */

import { REQUEST_FIELDS, type RequestFields } from "./request_fields.ts";

/** The API dialect of an endpoint. `generic` is an unknown API, which the proxy treats like OpenAI's. */
export type Dialect = "openai" | "anthropic" | "gemini" | "generic";

/** An error of the proxy, from which each dialect makes the body of its response. */
export interface DialectError {
  readonly message: string;
  readonly status: number;
  /** `error.type` of OpenAI and Anthropic. Their SDKs choose the error class by the status. */
  readonly type: string;
  /** Gemini's `error.status`, a name of google.rpc.Code. */
  readonly rpc: string;
  /** The proxy's own code. */
  readonly code: string;
  readonly requestId: string;
}

/** A rate limit or budget that rejected a request. */
export interface DialectLimit {
  readonly kind: "requests" | "tokens";
  readonly limit: number;
  readonly remaining: number;
  /** The time until a retry can succeed. `undefined` if a retry does not help. */
  readonly resetMs: number | undefined;
  /** When a retry can succeed, in milliseconds since 1970. `undefined` if a retry does not help. */
  readonly resetsAt: number | undefined;
}

/** The properties of one dialect. */
export interface DialectFacts extends RequestFields {
  /** Headers, in lower case, that only clients of this dialect send. */
  readonly clientFields: readonly string[];
  /** The path of the list of models. */
  readonly modelsPath: string;
  /** The query that asks for a long page of the list. `undefined` if the list has no pages. */
  readonly modelsQuery?: string;
  /**
   * A folder within `/v1` that only this dialect has. Without the name of an endpoint, it goes to the first
   * endpoint of the dialect.
   */
  readonly unnamedFolder?: string;
  /** Sessions of its realtime API name their model in the query, and report usage that the proxy reads. */
  readonly hasReadableRealtime?: true;
  /** The body of an error, in a form whose message the SDKs show. */
  readonly errorBody: (error: DialectError) => unknown;
  /** The headers that describe a limit: names and values. */
  readonly limitFields: (limit: DialectLimit) => readonly (readonly [name: string, value: string])[];
  /** The name in the GenAI semantic conventions of OpenTelemetry. `undefined` if the provider is unknown. */
  readonly telemetryName?: string;
  /** A model for the settings of clients. `undefined` if no model is usual. */
  readonly model?: string;
}

const OPENAI = {
  ...REQUEST_FIELDS.openai,
  clientFields: [],
  modelsPath: "/v1/models",
  errorBody: ({ message, type, code }) => ({ error: { message, type, code, param: null } }),
  // The resets are durations (https://platform.openai.com/docs/guides/rate-limits).
  limitFields: ({ kind, limit, remaining, resetMs }) => [
    [`x-ratelimit-limit-${kind}`, String(limit)],
    [`x-ratelimit-remaining-${kind}`, String(remaining)],
    ...(resetMs === undefined
      ? []
      : [[`x-ratelimit-reset-${kind}`, `${Math.ceil(resetMs / 1000)}s`] as const]),
  ],
} satisfies DialectFacts;

/** The properties of every dialect. */
export const DIALECTS: Readonly<Record<Dialect, DialectFacts>> = {
  openai: { ...OPENAI, hasReadableRealtime: true, telemetryName: "openai", model: "gpt-5.4-mini" },
  anthropic: {
    ...REQUEST_FIELDS.anthropic,
    clientFields: ["anthropic-version", "x-api-key"],
    modelsPath: "/v1/models",
    modelsQuery: "limit=1000",
    unnamedFolder: "/v1/messages",
    errorBody: ({ message, type, requestId }) => ({
      type: "error",
      error: { type, message },
      request_id: requestId,
    }),
    // The resets are moments (https://docs.anthropic.com/en/api/rate-limits).
    limitFields: ({ kind, limit, remaining, resetsAt }) => [
      [`anthropic-ratelimit-${kind}-limit`, String(limit)],
      [`anthropic-ratelimit-${kind}-remaining`, String(remaining)],
      ...(resetsAt === undefined
        ? []
        : [[`anthropic-ratelimit-${kind}-reset`, new Date(resetsAt).toISOString()] as const]),
    ],
    telemetryName: "anthropic",
    model: "claude-sonnet-5",
  },
  gemini: {
    ...REQUEST_FIELDS.gemini,
    clientFields: ["x-goog-api-key"],
    modelsPath: "/v1beta/models",
    modelsQuery: "pageSize=1000",
    errorBody: ({ message, status, rpc }) => ({ error: { code: status, message, status: rpc } }),
    limitFields: () => [],
    telemetryName: "gcp.gemini",
    model: "gemini-3.8-flash",
  },
  generic: OPENAI,
};

/** The names of all dialects. */
// Object.keys returns strings; DIALECTS has no other keys than those of its type.
export const DIALECT_NAMES = Object.keys(DIALECTS) as Dialect[];

/**
 * The dialect of a client that states the version of its API in a header. `has` says whether it sent a
 * header. `undefined` if it states none.
 */
export function dialectOfVersion(has: (lower: string) => boolean): Dialect | undefined {
  return DIALECT_NAMES.find((name) => {
    const { version } = DIALECTS[name];
    return version !== undefined && has(version.field);
  });
}

/** The dialect of a client without an endpoint, by its headers. `has` says whether it sent a header. */
export function dialectOfClient(has: (lower: string) => boolean): Dialect {
  return DIALECT_NAMES.find((name) => DIALECTS[name].clientFields.some(has)) ?? "openai";
}

/** The dialect of an error: that of an endpoint, or Ollama's own, which only some paths of a server have. */
export type ErrorDialect = Dialect | "ollama";

/** How the errors of each dialect look. */
export const ERROR_SHAPES: Readonly<Record<ErrorDialect, Pick<DialectFacts, "errorBody" | "limitFields">>> = {
  ...DIALECTS,
  // https://docs.ollama.com/api/errors
  ollama: { errorBody: ({ message }) => ({ error: message }), limitFields: OPENAI.limitFields },
};
