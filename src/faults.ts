/**
 * Faults: error responses that the proxy makes itself. An error of a provider passes untouched. The header
 * `x-llm-proxy-error` distinguishes a fault from an error of a provider.
 */

import { type DialectLimit, ERROR_SHAPES, type ErrorDialect } from "./apis/dialects.ts";
import { harmlessText } from "./text/harmless_text.ts";
import { field } from "./http/fields.ts";
import type { OutgoingReply } from "./http/message.ts";
import { type OwnStatus, reasonPhrase } from "./http/reason_phrases.ts";

interface FaultKind {
  readonly status: OwnStatus;
  /** `error.type` of OpenAI and Anthropic. Their SDKs choose the error class by the status. */
  readonly type: string;
  /** Gemini's `error.status`, a name of google.rpc.Code. */
  readonly rpc: string;
  /**
   * Whether a retry of the same request can succeed. `by_wait`: only if `retry-after` is at most a minute.
   * SDKs and Claude Code retry many statuses for minutes, unless the response has `x-should-retry: false`.
   */
  readonly retryHelps: boolean | "by_wait";
}

const KINDS = {
  unauthorized: {
    status: 401,
    type: "authentication_error",
    rpc: "UNAUTHENTICATED",
    retryHelps: false,
  },
  token_expired: {
    status: 401,
    type: "authentication_error",
    rpc: "UNAUTHENTICATED",
    retryHelps: false,
  },
  token_revoked: {
    status: 401,
    type: "authentication_error",
    rpc: "UNAUTHENTICATED",
    retryHelps: false,
  },
  forbidden: {
    status: 403,
    type: "permission_error",
    rpc: "PERMISSION_DENIED",
    retryHelps: false,
  },
  not_found: {
    status: 404,
    type: "not_found_error",
    rpc: "NOT_FOUND",
    retryHelps: false,
  },
  /** No endpoint serves the model of a request. */
  model_not_found: {
    status: 404,
    type: "not_found_error",
    rpc: "NOT_FOUND",
    retryHelps: false,
  },
  bad_request: {
    status: 400,
    type: "invalid_request_error",
    rpc: "INVALID_ARGUMENT",
    retryHelps: false,
  },
  payload_too_large: {
    status: 413,
    type: "request_too_large",
    rpc: "INVALID_ARGUMENT",
    retryHelps: false,
  },
  request_timeout: {
    status: 408,
    type: "invalid_request_error",
    rpc: "DEADLINE_EXCEEDED",
    retryHelps: true,
  },
  headers_too_large: {
    status: 431,
    type: "invalid_request_error",
    rpc: "INVALID_ARGUMENT",
    retryHelps: false,
  },
  rate_limited: {
    status: 429,
    type: "rate_limit_error",
    rpc: "RESOURCE_EXHAUSTED",
    retryHelps: "by_wait",
  },
  budget_exceeded: {
    status: 429,
    type: "rate_limit_error",
    rpc: "RESOURCE_EXHAUSTED",
    retryHelps: "by_wait",
  },
  internal: {
    status: 500,
    type: "api_error",
    rpc: "INTERNAL",
    retryHelps: true,
  },
  bad_gateway: {
    status: 502,
    type: "api_error",
    rpc: "UNAVAILABLE",
    retryHelps: true,
  },
  draining: {
    status: 503,
    type: "overloaded_error",
    rpc: "UNAVAILABLE",
    retryHelps: true,
  },
  overloaded: {
    status: 503,
    type: "overloaded_error",
    rpc: "UNAVAILABLE",
    retryHelps: true,
  },
  upstream_timeout: {
    status: 504,
    type: "timeout_error",
    rpc: "DEADLINE_EXCEEDED",
    retryHelps: true,
  },
} as const satisfies Record<string, FaultKind>;

/** The code of a fault. Clients see it in the header `x-llm-proxy-error`. */
export type FaultCode = keyof typeof KINDS;

/** SDKs ignore a longer `retry-after`. */
const LONGEST_RETRY_SECONDS = 60;

/** The rate limit or budget that rejected a request. */
export type LimitReached = DialectLimit;

/** The longest message, in characters. Messages quote paths, models and lists of allowed names. */
const MAX_MESSAGE = 800;

/**
 * An error that the proxy makes instead of a provider. It has the provider's form, and the client cannot
 * distinguish it from an error of the provider.
 */
export interface ProviderError {
  readonly status: OwnStatus;
  readonly body: unknown;
}

/**
 * An error response that the proxy makes itself. `message` goes to the client and to the log. It contains no
 * secret. The constructor makes quoted text of clients and providers harmless.
 */
export class ProxyFault extends Error {
  override readonly name = "ProxyFault";
  readonly code: FaultCode;
  /** Whole seconds for the header `retry-after`. `undefined` if waiting does not help. */
  readonly retryAfterSeconds: number | undefined;
  /** The limit that rejected the request. `undefined` if no limit did. */
  readonly limit: LimitReached | undefined;
  /**
   * The host of the upstream that failed, as the message names it. `undefined` if the message names no host.
   */
  readonly upstream: string | undefined;
  /**
   * The provider's error that the client gets. Then only the log has the message. `undefined` if the client
   * gets the message.
   */
  readonly asProvider: ProviderError | undefined;

  constructor(
    code: FaultCode,
    message: string,
    options: {
      retryAfterSeconds?: number;
      limit?: LimitReached;
      upstream?: string;
      asProvider?: ProviderError;
      cause?: unknown;
    } = {},
  ) {
    super(harmlessText(message, MAX_MESSAGE), { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.limit = options.limit;
    this.upstream = options.upstream;
    this.asProvider = options.asProvider;
  }

  get status(): number {
    return this.asProvider?.status ?? KINDS[this.code].status;
  }
}

/** The properties of the request that the response to a fault depends on. */
export interface FaultContext {
  readonly dialect: ErrorDialect;
  readonly requestId: string;
  /**
   * The text that the client sees in place of the host of the upstream. If `undefined`, the client sees the
   * host.
   */
  readonly upstreamName?: string | undefined;
}

/** Returns the response to a fault, in a dialect whose SDKs show the message to their users. */
export function faultReply(fault: ProxyFault, address: FaultContext): OutgoingReply {
  const { asProvider } = fault;
  if (asProvider !== undefined) {
    return {
      status: asProvider.status,
      reason: reasonPhrase(asProvider.status),
      fields: [field("content-type", "application/json"), field("x-request-id", address.requestId)],
      body: new TextEncoder().encode(JSON.stringify(asProvider.body)),
    };
  }
  const fields = [
    field("content-type", "application/json"),
    field("x-llm-proxy-error", fault.code),
    field("x-request-id", address.requestId),
  ];
  if (fault.retryAfterSeconds !== undefined) {
    fields.push(field("retry-after", String(fault.retryAfterSeconds)));
  }
  if (!retryHelps(fault)) fields.push(field("x-should-retry", "false"));
  if (fault.limit !== undefined) {
    const shown = ERROR_SHAPES[address.dialect].limitFields(fault.limit);
    fields.push(...shown.map(([name, value]) => field(name, value)));
  }
  // RFC 9110, 15.5.2: a 401 names the scheme that would be accepted.
  if (fault.status === 401) fields.push(field("www-authenticate", 'Bearer realm="llm-proxy"'));
  const body = new TextEncoder().encode(JSON.stringify(faultBody(fault, address)));
  return { status: fault.status, reason: reasonPhrase(fault.status), fields, body };
}

/** SDKs wait long enough for a rate limit per minute, but not for a budget per month. */
function retryHelps({ code, retryAfterSeconds = Infinity }: ProxyFault): boolean {
  const { retryHelps } = KINDS[code];
  return retryHelps === "by_wait" ? retryAfterSeconds <= LONGEST_RETRY_SECONDS : retryHelps;
}

function faultBody(fault: ProxyFault, { dialect, requestId, upstreamName }: FaultContext): unknown {
  const { upstream, code } = fault;
  const message = upstream === undefined || upstreamName === undefined
    ? fault.message
    : fault.message.replaceAll(upstream, upstreamName);
  const { status, type, rpc } = KINDS[code];
  return ERROR_SHAPES[dialect].errorBody({ message, status, type, rpc, code, requestId });
}
