import { injectsCredential } from "../config/credentials.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";
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
  readonly clock: Clock;
}

/** Makes the client's answer from the answer of a backend. */
export function clientReply(
  answer: BackendResponse,
  { exchange: { id, path, endpoint }, backend, usageWasAdded, clock }: ReplyContext,
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
  const { keepaliveMs } = endpoint;
  const body = usageWasAdded ? withoutUsage(answer) : answer.body;
  return {
    status,
    reason,
    fields,
    body: keepaliveMs === undefined || !takesComments(path)
      ? body
      : withKeepaliveComments({ fields: answer.fields, body }, { silenceMs: keepaliveMs, clock }),
    omittedLength,
  };
}
