import { injectsCredential } from "../config/credentials.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { discardReply, type OutgoingReply } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";
import type { BackendResponse } from "./forward.ts";
import { keptAlive } from "./keepalive.ts";
import { clientFields } from "./response_headers.ts";
import { withoutUsage } from "./stream_usage/stream_usage.ts";
import { UPGRADE_FIELDS } from "./websocket/handshake.ts";

/** What the client's answer depends on besides the backend's. */
export interface ReplyContext {
  readonly requestId: string;
  /** The path that the client asked for, with the endpoint's name. */
  readonly path: string;
  readonly endpoint: Endpoint;
  /** The backend as it was sent the request, with a project's key in place of its own. */
  readonly backend: Backend;
  /** Whether the proxy added `stream_options.include_usage` to the request, so that usage is taken out again. */
  readonly usageWasAdded: boolean;
  readonly clock: Clock;
}

/** The answer of a backend as the client gets it. Releases the answer where that fails. */
export function clientReply(answer: BackendResponse, context: ReplyContext): OutgoingReply {
  try {
    return replyOf(answer, context);
  } catch (error) {
    discardReply(answer);
    throw error;
  }
}

function replyOf(
  answer: BackendResponse,
  { requestId, path, endpoint, backend, usageWasAdded, clock }: ReplyContext,
): OutgoingReply {
  const { status, reason, omittedLength, tunnel } = answer;
  const fields = clientFields(answer.fields, {
    requestId,
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
    body: keepaliveMs === undefined
      ? body
      : keptAlive({ fields: answer.fields, body }, { silenceMs: keepaliveMs, clock }),
    omittedLength,
  };
}
