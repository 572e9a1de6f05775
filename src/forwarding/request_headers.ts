import type { Backend } from "../config/config.ts";
import { KEY_SUBPROTOCOL_PREFIX } from "../config/credential_places.ts";
import { type Field, field } from "../http/fields.ts";
import { withoutSessionCookie } from "../http/session_cookie.ts";
import { hopByHopTest } from "../http/hop_by_hop.ts";
import { endsAtProxy, endsAtProxyFromPages } from "./request_policy.ts";

/** How the proxy changes the header fields of a request, besides removing hop-by-hop fields. */
export interface RequestHeaderPolicy {
  /** Places whose credentials are stripped: names of header fields, `query` and `subprotocol`. */
  readonly credentialsToStrip: ReadonlySet<string>;
  readonly backend: Pick<Backend, "key" | "keyField" | "headers" | "removeHeaders">;
  /** The `anthropic-version` for clients that send none. `undefined` if it is not added. */
  readonly anthropicVersion?: string | undefined;
  /** The name, in lower case, of one more field to remove. */
  readonly dropped?: string | undefined;
  /** Whether the upstream must send its whole response, and not compress it. */
  readonly isResponseRead?: boolean | undefined;
  /** Whether a web page of `CORS_ORIGINS` sent the request. */
  readonly isFromPage?: boolean | undefined;
}

/** Fields that ask for a response that the proxy could not read. */
const UNREADABLE: ReadonlySet<string> = new Set(["accept-encoding", "range", "if-range"]);

/**
 * Returns the fields for an upstream. They are the fields of the client in their order, including unknown
 * ones. The credential is replaced, and the cookie of the admin page is removed. Fields of reverse proxies in
 * front, and fields of web pages of `CORS_ORIGINS`, are removed too (see `request_policy.ts`).
 */
export function upstreamFields(incoming: readonly Field[], policy: RequestHeaderPolicy): Field[] {
  const {
    credentialsToStrip: stripped,
    backend: { key, keyField, headers, removeHeaders },
    anthropicVersion,
    isResponseRead: isAnswerRead = false,
    isFromPage = false,
  } = policy;
  const replaced = headers.length + removeHeaders.length === 0
    ? undefined
    : new Set([...removeHeaders, ...headers.map(([name]) => name.toLowerCase())]);
  const ownKeyField = key.mode === "passthrough" ? undefined : keyField;
  const isHopByHop = hopByHopTest(incoming);
  const fields: Field[] = [];
  let hasVersion = false;
  for (const one of incoming) {
    const { lower } = one;
    if (
      endsAtProxy(lower) || stripped.has(lower) || isHopByHop(lower) || replaced?.has(lower) ||
      lower === ownKeyField || lower === policy.dropped || (isFromPage && endsAtProxyFromPages(lower)) ||
      (isAnswerRead && UNREADABLE.has(lower))
    ) {
      continue;
    }
    if (lower === "sec-websocket-protocol" && stripped.has("subprotocol")) {
      const kept = withoutKeys(one.value);
      if (kept !== "") fields.push({ ...one, value: kept });
      continue;
    }
    if (lower === "cookie") {
      const kept = withoutSessionCookie(one.value);
      if (kept !== "") fields.push(kept === one.value ? one : { ...one, value: kept });
      continue;
    }
    hasVersion ||= lower === "anthropic-version";
    fields.push(one);
  }
  if (isAnswerRead) fields.push(field("accept-encoding", "identity"));
  if (key.mode === "inject" && replaced?.has(keyField) !== true) {
    fields.push(field(keyField, keyField === "authorization" ? `Bearer ${key.value}` : key.value));
  }
  for (const [name, value] of headers) fields.push({ name, lower: name.toLowerCase(), value });
  if (anthropicVersion !== undefined && !hasVersion && replaced?.has("anthropic-version") !== true) {
    fields.push(field("anthropic-version", anthropicVersion));
  }
  return fields;
}

function withoutKeys(subprotocols: string): string {
  return subprotocols.split(",").map((item) => item.trim())
    .filter((item) => !item.startsWith(KEY_SUBPROTOCOL_PREFIX)).join(", ");
}
