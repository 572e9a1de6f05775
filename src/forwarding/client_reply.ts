import { injectsCredential } from "../config/credentials.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";
import { type UrlPlace, withClientUrlsInBody, withoutByteFields } from "./body_urls.ts";
import type { UrlMapping } from "./client_url.ts";
import { withClientUrls } from "./header_urls.ts";
import { takesComments, withKeepaliveComments } from "./keepalive.ts";
import { clientFields } from "./response_headers.ts";
import { withoutUsage } from "./stream_usage/stream_usage.ts";
import type { BackendResponse } from "./upstream_call.ts";
import { UPGRADE_FIELDS } from "./websocket/handshake.ts";

/** How a client addressed the proxy. */
export interface ClientAddress {
  /** Scheme, host and port. `undefined` if the request does not state a valid host. */
  readonly origin: string | undefined;
  /** The path of the request, byte for byte. */
  readonly path: string;
}

/** What the response for the client depends on, besides the response of the backend. */
export interface ReplyContext {
  readonly exchange: {
    readonly id: string;
    readonly request: { readonly method: string; readonly fields: readonly Field[] };
    /** The path of the client's request, with the name of the endpoint. */
    readonly loggedPath: string;
    /** The path after the name of the endpoint, and the raw query. */
    readonly apiPath: string;
    readonly query: string;
    readonly endpoint: Endpoint;
  };
  /** The backend that got the request, with the key that the proxy injected. */
  readonly backend: Backend;
  /**
   * Whether the proxy added `stream_options.include_usage` to the request, so that it must remove the usage.
   */
  readonly usageWasAdded: boolean;
  /** Where the body has URLs that lead to the proxy instead. */
  readonly urlsIn: UrlPlace | undefined;
  /** How the client addressed the proxy. */
  readonly client: () => ClientAddress;
  readonly clock: Clock;
}

/**
 * Makes the response for the client from the response of a backend. Throws `bad_gateway` if it cannot replace
 * URLs in it.
 */
export function clientReply(
  answer: BackendResponse,
  { exchange, backend, usageWasAdded, urlsIn, client, clock }: ReplyContext,
): OutgoingReply {
  const { id, loggedPath: path, endpoint } = exchange;
  const { status, reason, omittedLength, tunnel } = answer;
  const fields = clientFields(answer.fields, {
    requestId: id,
    path,
    backend: {
      hasProxysKey: injectsCredential(backend),
      exposedName: endpoint.exposeBackend ? backend.name : undefined,
    },
    hasBody: answer.body !== null,
  });
  if (tunnel !== undefined) {
    return { status, reason, fields: [...UPGRADE_FIELDS, ...fields], body: null, tunnel };
  }
  const mapping = (): UrlMapping => {
    const address = client();
    return { upstream: backend.baseUrl, origin: address.origin, prefix: prefixOf(exchange, address) };
  };
  const changesBody = urlsIn === "body";
  const { keepaliveMs } = endpoint;
  const { request: { method, fields: requested }, apiPath, query } = exchange;
  const mapped = endpoint.rewriteUrls
    ? withClientUrls(
      fields,
      { method, fields: requested, apiPath, query, endpoint: endpoint.name, status },
      mapping,
    )
    : fields;
  const body = usageWasAdded
    ? withoutUsage(answer)
    : changesBody
    ? withClientUrlsInBody(answer, mapping())
    : answer.body;
  return {
    status,
    reason,
    fields: changesBody ? withoutByteFields(mapped) : mapped,
    body: keepaliveMs === undefined || !takesComments(path)
      ? body
      : withKeepaliveComments({ fields: answer.fields, body }, { silenceMs: keepaliveMs, clock }),
    omittedLength: changesBody ? undefined : omittedLength,
  };
}

/** The path of the endpoint at the proxy. Empty: the client left out the name of the endpoint. */
function prefixOf({ apiPath, endpoint }: ReplyContext["exchange"], { path }: ClientAddress): string {
  return path === apiPath ? "" : `/${endpoint.name}`;
}
