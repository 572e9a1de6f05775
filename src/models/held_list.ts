/** Sends a request whose response is a list that the proxy filters: it reads the list before the client gets any of it. */

import type { RoutedExchange } from "../exchange.ts";
import { withoutByteFields } from "../forwarding/answer_urls.ts";
import type { BackendRequests } from "../forwarding/backend_requests.ts";
import type { ForwardRequest } from "../forwarding/forward.ts";
import { HeldResponses } from "../forwarding/held_response.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import type { BackendResponse } from "../forwarding/upstream_call.ts";
import { type Field, field } from "../http/fields.ts";
import { filterList, type ListFilter } from "../objects/filter_list.ts";
import type { ObjectAccess } from "../objects/object_access.ts";
import type { Clock } from "../time/clock.ts";
import { modelFilter } from "./filter_models.ts";

/** The filter of the response to a request. Undefined: the response passes while it arrives. */
export function listFilterOf(
  exchange: RoutedExchange,
  { objects, upgrade }: { readonly objects: ObjectAccess | undefined; readonly upgrade: boolean },
): ListFilter | undefined {
  if (upgrade) return undefined;
  return objects?.filtersList === true ? objects : modelFilter(exchange, exchange.principal);
}

/** The headers of a request whose response the proxy reads: the response must not be compressed. */
export function withIdentity(fields: readonly Field[]): readonly Field[] {
  return [...fields.filter(({ lower }) => lower !== "accept-encoding"), field("accept-encoding", "identity")];
}

/** Sends the request, and removes elements from the list. Throws what forwarding does, and `bad_gateway`. */
export async function sendForList(
  filter: ListFilter,
  request: ForwardRequest & { readonly exchange: RoutedExchange },
  { parts, requestsFor }: {
    readonly parts: { readonly transport: Transport; readonly clock: Clock };
    /** The requests with another query, for the next page. */
    readonly requestsFor: (query: string) => BackendRequests;
  },
): Promise<BackendResponse> {
  const { exchange } = request;
  const held = new HeldResponses(exchange);
  try {
    const { answer, bytes, isChanged } = await filterList(filter, {
      query: exchange.query,
      cursorName: exchange.endpoint.dialect === "anthropic" ? "after_id" : "after",
      fetchPage: (query) => held.send({ ...request, requests: requestsFor(query) }, parts),
    });
    const fields = isChanged ? withoutByteFields(answer.fields) : answer.fields;
    return held.reply({ ...answer, fields }, bytes);
  } catch (error) {
    throw held.errorFor(error);
  }
}
