/**
 * `GET /health/endpoints`: the endpoints that the token of the request may use, for `llm-proxy run`. It needs
 * a token, if the proxy requires one.
 */

import type { Endpoint } from "../config/config.ts";
import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";

/** The path of the list. No endpoint can have it, since `health` is reserved. */
export const ENDPOINT_LIST_PATH = "/health/endpoints";

/** Whether a request is for the list. */
export function isEndpointListRequest(method: string, path: string): boolean {
  return method === "GET" && path === ENDPOINT_LIST_PATH;
}

/** Makes the response with the list. It contains no addresses of upstreams, and no models. */
export function endpointListReply(
  endpoints: readonly Endpoint[],
  defaultEndpoint: string | undefined,
): OutgoingReply {
  const list = {
    endpoints: endpoints.map(({ name, dialect, backends }) => ({
      name,
      dialect,
      forwards_client_key: backends.some(({ key }) => key.mode === "passthrough"),
    })),
    default_endpoint: endpoints.some(({ name }) => name === defaultEndpoint) ? defaultEndpoint : null,
  };
  return {
    status: 200,
    reason: reasonPhrase(200),
    fields: [field("content-type", "application/json"), field("cache-control", "no-store")],
    body: new TextEncoder().encode(JSON.stringify(list)),
  };
}
