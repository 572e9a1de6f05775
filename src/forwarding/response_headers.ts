import { type Field, field, fieldValue } from "../http/fields.ts";
import { isWithheldFromClients } from "./answer_policy.ts";
import { confinedCookie } from "./cookie_path.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { isEventStream } from "../payload/media_type.ts";
import { isInert } from "./inert_types.ts";

/** Which web pages may read an answer is the provider's to say only of its own customers. */
const SHARES_WITH_PAGES: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
]);

/** What matters of the backend that answered. */
export interface AnsweringBackend {
  /** The proxy's key was used: a provider that lets every page read answers would share it. */
  readonly hasProxysKey: boolean;
  /** Told to the client. */
  readonly exposedName: string | undefined;
}

/** What the fields of an answer depend on besides themselves. */
export interface AnswerContext {
  readonly requestId: string;
  /** What the client asked for, with the endpoint's name. */
  readonly path: string;
  readonly backend: AnsweringBackend;
  /** False: by its nature it has none, like the answer to HEAD, a 304 or a 101. */
  readonly hasBody: boolean;
}

/**
 * The fields a client gets: the provider's in their order, repeats kept, without hop-by-hop ones and without those
 * that would speak for the proxy itself (see `answer_policy.ts`). Cookies are bound to the path of the endpoint.
 * Added may be: `x-accel-buffering: no` to event
 * streams, so that an nginx in front does not hold them back; `x-request-id` where the provider sent none;
 * `x-llm-proxy-backend` where that was asked for; and to what a browser would run in the proxy's origin the two
 * fields that keep it from doing so.
 */
export function clientFields(
  incoming: readonly Field[],
  { requestId, path, backend, hasBody }: AnswerContext,
): Field[] {
  const isHopByHop = hopByHopTest(incoming);
  const kept = incoming.filter((one) =>
    !isHopByHop(one.lower) && !isWithheldFromClients(one) &&
    !(backend.hasProxysKey && SHARES_WITH_PAGES.has(one.lower))
  ).flatMap((one) => one.lower === "set-cookie" ? cookieFor(path, one) : [one]);
  const fields = hasBody && !isInert(kept) ? sandboxed(kept) : kept;
  if (isEventStream(fields) && fieldValue(fields, "x-accel-buffering") === undefined) {
    fields.push(field("x-accel-buffering", "no"));
  }
  if (fieldValue(fields, "x-request-id") === undefined) fields.push(field("x-request-id", requestId));
  if (backend.exposedName !== undefined) fields.push(field("x-llm-proxy-backend", backend.exposedName));
  return fields;
}

function cookieFor(path: string, cookie: Field): Field[] {
  const value = confinedCookie(cookie.value, path);
  return value === undefined ? [] : [{ ...cookie, value }];
}

/**
 * A browser that opens the answer by itself runs no script of it, gives it an origin apart, and takes it for what it
 * says it is. The provider's own policy holds beside this one: browsers apply both.
 */
function sandboxed(fields: readonly Field[]): Field[] {
  const policy = field("content-security-policy", "sandbox");
  // Of several values browsers look at the first alone.
  const [first = ""] = fieldValue(fields, "x-content-type-options")?.split(",") ?? [];
  if (first.trim().toLowerCase() === "nosniff") return [...fields, policy];
  const kept = fields.filter(({ lower }) => lower !== "x-content-type-options");
  return [...kept, field("x-content-type-options", "nosniff"), policy];
}
