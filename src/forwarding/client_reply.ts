import { injectsCredential } from "../config/credentials.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";
import { type UrlPlace, withClientUrls, withClientUrlsInBody, withoutByteFields } from "./answer_urls.ts";
import { takesComments, withKeepaliveComments } from "./keepalive.ts";
import { clientFields } from "./response_headers.ts";
import { withoutUsage } from "./stream_usage/stream_usage.ts";
import type { BackendResponse } from "./upstream_call.ts";
import { UPGRADE_FIELDS } from "./websocket/handshake.ts";

/** What the answer for the client depends on, besides the answer of the backend. */
export interface ReplyContext {
  readonly exchange: {
    readonly id: string;
    /** The path of the client's request, with the name of the endpoint. */
    readonly path: string;
    readonly endpoint: Endpoint;
  };
  /** The backend that got the request, with the key that the proxy injected. */
  readonly backend: Backend;
  /**
   * Whether the proxy added `stream_options.include_usage` to the request, so that it must remove the usage.
   */
  readonly usageWasAdded: boolean;
  /** Where the answer has URLs that lead to the proxy instead, and its address for the client. */
  readonly urls: { readonly place: UrlPlace; readonly client: string | undefined } | undefined;
  readonly clock: Clock;
}

/** Makes the client's answer from the answer of a backend. Throws `bad_gateway` if it cannot replace URLs in it. */
export function clientReply(
  answer: BackendResponse,
  { exchange: { id, path, endpoint }, backend, usageWasAdded, urls, clock }: ReplyContext,
): OutgoingReply {
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
  const mapping = urls && { upstream: backend.baseUrl, client: urls.client };
  const changesBody = urls?.place === "body";
  const { keepaliveMs } = endpoint;
  const body = usageWasAdded
    ? withoutUsage(answer)
    : mapping !== undefined && changesBody
    ? withClientUrlsInBody(answer, mapping)
    : answer.body;
  return {
    status,
    reason,
    fields: mapping === undefined
      ? fields
      : changesBody
      ? withoutByteFields(fields)
      : withClientUrls(fields, mapping),
    body: keepaliveMs === undefined || !takesComments(path)
      ? body
      : withKeepaliveComments({ fields: answer.fields, body }, { silenceMs: keepaliveMs, clock }),
    omittedLength: changesBody ? undefined : omittedLength,
  };
}
