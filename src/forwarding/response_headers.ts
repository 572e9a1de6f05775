import { type Field, field, fieldValue } from "../http/fields.ts";
import { isWithheldFromClients } from "./response_policy.ts";
import { confinedCookie } from "./cookie_path.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { isEventStream } from "../payload/media_type.ts";
import { isInert } from "./inert_types.ts";

/**
 * Fields by which a provider lets web pages read a response. A provider may decide that only for its own
 * customers.
 */
const SHARES_WITH_PAGES: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
]);

/** The backend of a response, as far as the fields for the client depend on it. */
export interface RespondingBackend {
  /**
   * Whether the proxy injected its key. A provider that lets all pages read responses would let them use the
   * key.
   */
  readonly hasProxysKey: boolean;
  /** The name of the backend for the client. `undefined` if the client does not get it. */
  readonly exposedName: string | undefined;
}

/** What the client's headers depend on, besides the provider's headers. */
export interface ResponseContext {
  readonly requestId: string;
  /** The path of the client's request, with the name of the endpoint. */
  readonly path: string;
  readonly backend: RespondingBackend;
  /** Whether the response has a body. A response to HEAD, a 304 and a 101 have none. */
  readonly hasBody: boolean;
}

/**
 * The fields for the client: those of the provider in their order with repeats, without hop-by-hop fields and
 * without fields that only the proxy may set (see `response_policy.ts`). Cookies are confined to the path of
 * the endpoint. The proxy adds `x-accel-buffering: no` to event streams, so that an nginx in front does not
 * buffer them; `x-request-id` where the provider sent none; `x-llm-proxy-backend` where the endpoint exposes
 * it; and two fields that stop a browser from running the response in the proxy's origin.
 */
export function clientFields(
  incoming: readonly Field[],
  { requestId, path, backend, hasBody }: ResponseContext,
): Field[] {
  const isHopByHop = hopByHopTest(incoming);
  let fields: Field[] = [];
  let hasRequestId = false;
  for (const one of incoming) {
    const { lower } = one;
    if (isHopByHop(lower) || isWithheldFromClients(one)) continue;
    if (backend.hasProxysKey && SHARES_WITH_PAGES.has(lower)) continue;
    if (lower === "x-request-id") hasRequestId = true;
    if (lower === "set-cookie") fields.push(...cookieFor(path, one));
    else fields.push(one);
  }
  if (hasBody && !isInert(fields)) fields = sandboxed(fields);
  if (isEventStream(fields) && fieldValue(fields, "x-accel-buffering") === undefined) {
    fields.push(field("x-accel-buffering", "no"));
  }
  if (!hasRequestId) fields.push(field("x-request-id", requestId));
  if (backend.exposedName !== undefined) fields.push(field("x-llm-proxy-backend", backend.exposedName));
  return fields;
}

function cookieFor(path: string, cookie: Field): Field[] {
  const value = confinedCookie(cookie.value, path);
  return value === undefined ? [] : [{ ...cookie, value }];
}

/**
 * Adds two fields for browsers that open the response as a page: they run no script of it, give it a separate
 * origin, and do not guess its type. The provider's own policy still applies, because browsers enforce both.
 */
function sandboxed(fields: readonly Field[]): Field[] {
  const policy = field("content-security-policy", "sandbox");
  // Browsers use only the first of several values.
  const [first = ""] = fieldValue(fields, "x-content-type-options")?.split(",") ?? [];
  if (first.trim().toLowerCase() === "nosniff") return [...fields, policy];
  const kept = fields.filter(({ lower }) => lower !== "x-content-type-options");
  return [...kept, field("x-content-type-options", "nosniff"), policy];
}
