/**
 * The failures the proxy itself answers for. A provider's own error never comes through here: it passes
 * untouched, and the header `x-llm-proxy-error` is what tells the two apart.
 */

import { harmlessText } from "./text/harmless_text.ts";
import { type Field, field } from "./http/fields.ts";
import type { OutgoingReply } from "./http/message.ts";
import { type OwnStatus, reasonPhrase } from "./http/reason_phrases.ts";

/** The API dialect an endpoint speaks; it decides the shape of the proxy's own errors. */
export type ErrorDialect = "openai" | "anthropic" | "gemini" | "generic";

interface FaultKind {
  readonly status: OwnStatus;
  /** OpenAI's and Anthropic's `error.type`; the SDKs of both pick their error class by the status. */
  readonly type: string;
  /** Gemini's `error.status`, a name of google.rpc.Code. */
  readonly rpc: string;
  /**
   * Whether the same request can succeed when it is sent again. `by_wait`: where the wait is one that SDKs keep.
   * SDKs and Claude Code retry many statuses for minutes, unless the answer tells them that it does not help.
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

/** Why the proxy refused or failed a request; clients see it in `x-llm-proxy-error`. */
export type FaultCode = keyof typeof KINDS;

/** The SDKs wait no longer than this, whatever `retry-after` says. */
const LONGEST_RETRY_SECONDS = 60;

/** The limit that a request met. */
export interface LimitReached {
  readonly kind: "requests" | "tokens";
  readonly limit: number;
  readonly remaining: number;
  /** Until it helps to ask again; undefined: it does not. */
  readonly resetMs: number | undefined;
  /** The same as a moment, in milliseconds since 1970. */
  readonly resetsAt: number | undefined;
}

/** A message quotes paths, models and lists of allowed names. In characters. */
const MAX_MESSAGE = 800;

/**
 * A failure the proxy answers for. `message` goes to the client and to the log: it never holds a secret, and what it
 * quotes of others is made harmless here.
 */
export class ProxyFault extends Error {
  override readonly name = "ProxyFault";
  readonly code: FaultCode;
  /** Whole seconds for the `retry-after` header, where waiting helps. */
  readonly retryAfterSeconds: number | undefined;
  /** Where it is a limit that was met. */
  readonly limit: LimitReached | undefined;

  constructor(
    code: FaultCode,
    message: string,
    options: { retryAfterSeconds?: number; limit?: LimitReached; cause?: unknown } = {},
  ) {
    super(harmlessText(message, MAX_MESSAGE), { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.limit = options.limit;
  }

  get status(): number {
    return KINDS[this.code].status;
  }
}

/** How one fault is to be told to one client. */
export interface FaultAddress {
  readonly dialect: ErrorDialect;
  readonly requestId: string;
}

/** The answer to a fault, in the dialect of the endpoint, so that the client's SDK shows the message. */
export function faultReply(fault: ProxyFault, address: FaultAddress): OutgoingReply {
  const fields = [
    field("content-type", "application/json"),
    field("x-llm-proxy-error", fault.code),
    field("x-request-id", address.requestId),
  ];
  if (fault.retryAfterSeconds !== undefined) {
    fields.push(field("retry-after", String(fault.retryAfterSeconds)));
  }
  if (!retryHelps(fault)) fields.push(field("x-should-retry", "false"));
  if (fault.limit !== undefined) fields.push(...limitFields(fault.limit, address.dialect));
  // RFC 9110, 15.5.2: a 401 names the scheme that would be accepted.
  if (fault.status === 401) fields.push(field("www-authenticate", 'Bearer realm="llm-proxy"'));
  const body = new TextEncoder().encode(JSON.stringify(faultBody(fault, address)));
  return { status: fault.status, reason: reasonPhrase(fault.status), fields, body };
}

/** A month's spent budget does not come back within the time that an SDK waits; a minute's rate limit does. */
function retryHelps({ code, retryAfterSeconds = Infinity }: ProxyFault): boolean {
  const { retryHelps } = KINDS[code];
  return retryHelps === "by_wait" ? retryAfterSeconds <= LONGEST_RETRY_SECONDS : retryHelps;
}

/**
 * The limit in the names that the provider's SDKs and their users know. OpenAI's resets are lengths of time
 * (https://platform.openai.com/docs/guides/rate-limits), Anthropic's are moments
 * (https://docs.anthropic.com/en/api/rate-limits). Gemini sends none.
 */
function limitFields(
  { kind, limit, remaining, resetMs, resetsAt }: LimitReached,
  dialect: ErrorDialect,
): Field[] {
  switch (dialect) {
    case "openai":
    case "generic":
      return [
        field(`x-ratelimit-limit-${kind}`, String(limit)),
        field(`x-ratelimit-remaining-${kind}`, String(remaining)),
        ...(resetMs === undefined
          ? []
          : [field(`x-ratelimit-reset-${kind}`, `${Math.ceil(resetMs / 1000)}s`)]),
      ];
    case "anthropic":
      return [
        field(`anthropic-ratelimit-${kind}-limit`, String(limit)),
        field(`anthropic-ratelimit-${kind}-remaining`, String(remaining)),
        ...(resetsAt === undefined
          ? []
          : [field(`anthropic-ratelimit-${kind}-reset`, new Date(resetsAt).toISOString())]),
      ];
    case "gemini":
      return [];
    default:
      dialect satisfies never;
      throw new TypeError("Unknown error dialect");
  }
}

function faultBody(fault: ProxyFault, { dialect, requestId }: FaultAddress): unknown {
  const { status, type, rpc } = KINDS[fault.code];
  switch (dialect) {
    case "openai":
    case "generic":
      return { error: { message: fault.message, type, code: fault.code, param: null } };
    case "anthropic":
      return { type: "error", error: { type, message: fault.message }, request_id: requestId };
    case "gemini":
      return { error: { code: status, message: fault.message, status: rpc } };
    default:
      dialect satisfies never;
      throw new TypeError("Unknown error dialect");
  }
}
