/**
 * Lists of which a client may see only a part: of models, and of stored objects. The proxy reads such a response whole,
 * and removes from it what the client may not see.
 */

import type { RoutedExchange } from "../exchange.ts";
import type { BackendRequests } from "../forwarding/backend_requests.ts";
import { forward, type ForwardRequest } from "../forwarding/forward.ts";
import { HeldResponses } from "../forwarding/held_response.ts";
import type { BackendResponse } from "../forwarding/upstream_call.ts";
import type { Field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { filteredReply, filtersModels, withIdentity } from "../models/filter_models.ts";
import { filterList } from "../objects/filter_list.ts";
import type { ObjectAccess } from "../objects/object_access.ts";
import type { AdmittedExchange } from "./admit_exchange.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** What {@link ListFilter.send} needs. */
export interface SendParts extends Pick<ProxyParts, "transport" | "clock"> {
  /** Makes the heads of the request for another page: the same request with another query. */
  readonly requestsFor: (query: string) => BackendRequests;
}

/** Filters the response to one request. */
export class ListFilter {
  readonly #exchange: RoutedExchange;
  readonly #filtersModels: boolean;
  /** Undefined: the list is not one of objects. */
  readonly #objects: ObjectAccess | undefined;

  private constructor(
    exchange: RoutedExchange,
    { filtersModels, objects }: { filtersModels: boolean; objects: ObjectAccess | undefined },
  ) {
    this.#exchange = exchange;
    this.#filtersModels = filtersModels;
    this.#objects = objects;
  }

  /** The filter for an exchange. Undefined: the client gets the response as it is. */
  static for({ exchange, upgrade, objects }: AdmittedExchange): ListFilter | undefined {
    const ofModels = !upgrade && filtersModels(exchange, exchange.principal);
    const ofObjects = objects?.filtersList === true ? objects : undefined;
    if (!ofModels && ofObjects === undefined) return undefined;
    return new ListFilter(exchange, { filtersModels: ofModels, objects: ofObjects });
  }

  /** The headers of the request: the response must not be compressed. */
  requestFields(fields: readonly Field[]): readonly Field[] {
    return withIdentity(fields);
  }

  /**
   * Sends the request for a list of objects, once for each page that the client gets nothing of, and removes the objects
   * of other clients from the response. Sends any other request once. Throws as {@link forward} does, and `bad_gateway`
   * for a list that the proxy cannot read.
   */
  async send(request: ForwardRequest, { requestsFor, ...parts }: SendParts): Promise<BackendResponse> {
    if (this.#objects === undefined) return await forward(request, parts);
    const held = new HeldResponses(request.exchange);
    const { endpoint, query } = this.#exchange;
    try {
      const { answer, bytes } = await filterList(this.#objects, {
        query,
        cursorName: endpoint.dialect === "anthropic" ? "after_id" : "after",
        fetchPage: (query) => held.send({ ...request, requests: requestsFor(query) }, parts),
      });
      return held.reply(answer, bytes);
    } catch (error) {
      throw held.errorFor(error);
    }
  }

  /** The reply without the models that the client may not use. */
  async filtered(reply: OutgoingReply): Promise<OutgoingReply> {
    return this.#filtersModels ? await filteredReply(reply, this.#exchange.principal) : reply;
  }
}
