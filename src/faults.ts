/**
 * The failures the proxy itself answers for. A provider's own error never comes through here: it passes
 * untouched, and the header `x-llm-proxy-error` is what tells the two apart.
 */

/** The API dialect an endpoint speaks; it decides the shape of the proxy's own errors. */
export type ErrorDialect = "openai" | "anthropic" | "gemini" | "generic";

interface FaultKind {
  readonly status: number;
  /** OpenAI's and Anthropic's `error.type`; the SDKs of both pick their error class by the status. */
  readonly type: string;
  /** Gemini's `error.status`, a name of google.rpc.Code. */
  readonly rpc: string;
}

const KINDS = {
  unauthorized: { status: 401, type: "authentication_error", rpc: "UNAUTHENTICATED" },
  token_expired: { status: 401, type: "authentication_error", rpc: "UNAUTHENTICATED" },
  token_revoked: { status: 401, type: "authentication_error", rpc: "UNAUTHENTICATED" },
  forbidden: { status: 403, type: "permission_error", rpc: "PERMISSION_DENIED" },
  not_found: { status: 404, type: "not_found_error", rpc: "NOT_FOUND" },
  bad_request: { status: 400, type: "invalid_request_error", rpc: "INVALID_ARGUMENT" },
  payload_too_large: { status: 413, type: "request_too_large", rpc: "INVALID_ARGUMENT" },
  rate_limited: { status: 429, type: "rate_limit_error", rpc: "RESOURCE_EXHAUSTED" },
  budget_exceeded: { status: 429, type: "rate_limit_error", rpc: "RESOURCE_EXHAUSTED" },
  internal: { status: 500, type: "api_error", rpc: "INTERNAL" },
  bad_gateway: { status: 502, type: "api_error", rpc: "UNAVAILABLE" },
  draining: { status: 503, type: "overloaded_error", rpc: "UNAVAILABLE" },
  upstream_timeout: { status: 504, type: "timeout_error", rpc: "DEADLINE_EXCEEDED" },
} as const satisfies Record<string, FaultKind>;

/** Why the proxy refused or failed a request; clients see it in `x-llm-proxy-error`. */
export type FaultCode = keyof typeof KINDS;

/** A failure the proxy answers for. `message` goes to the client and to the log: it never holds a secret. */
export class ProxyFault extends Error {
  override readonly name = "ProxyFault";
  readonly code: FaultCode;
  /** Whole seconds for the `retry-after` header, where waiting helps. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: FaultCode,
    message: string,
    options: { retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return KINDS[this.code].status;
  }
}

/** How one fault is to be told to one client. */
export interface FaultAddress {
  readonly dialect: ErrorDialect;
  readonly requestId: string;
  /** True for HEAD, whose answer has headers only. */
  readonly withoutBody: boolean;
}

/** The HTTP answer to a fault, in the dialect of the endpoint, so that the client's SDK shows the message. */
export function faultResponse(fault: ProxyFault, address: FaultAddress): Response {
  const headers = new Headers({
    "content-type": "application/json",
    "x-llm-proxy-error": fault.code,
    "x-request-id": address.requestId,
  });
  if (fault.retryAfterSeconds !== undefined) headers.set("retry-after", String(fault.retryAfterSeconds));
  // RFC 9110, 15.5.2: a 401 names the scheme that would be accepted.
  if (fault.status === 401) headers.set("www-authenticate", 'Bearer realm="llm-proxy"');
  const body = address.withoutBody ? null : JSON.stringify(faultBody(fault, address));
  return new Response(body, { status: fault.status, headers });
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
