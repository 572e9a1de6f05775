/**
 * Filters lists of models and of stored objects, of which a client may see only a part. The proxy reads the
 * whole response, and removes the items that the client may not see.
 */

import type { RoutedExchange } from "../exchange.ts";
import { withoutByteFields } from "../forwarding/body_urls.ts";
import type { BackendRequests } from "../forwarding/backend_requests.ts";
import type { ForwardRequest } from "../forwarding/forward.ts";
import { HeldResponses } from "../forwarding/held_response.ts";
import type { BackendResponse } from "../forwarding/upstream_call.ts";
import { type Field, field } from "../http/fields.ts";
import type { AccountLimiter } from "../accounting/account_admission.ts";
import { modelFilter } from "./model_filter.ts";
import { type ElementFilter, filterList } from "../objects/filter_list.ts";
import { ListPaging } from "../objects/list_paging.ts";
import type { AdmittedExchange } from "./admit_exchange.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** What {@link ListFilter.send} needs. */
export interface SendParts extends Pick<ProxyParts, "transport" | "clock" | "wholeResponses"> {
  /** Counts further pages as requests of the client. `undefined` if the client has no limits. */
  readonly limiter: Pick<AccountLimiter, "countPage"> | undefined;
  /** Makes the heads of the request for another page: the same request with another query. */
  readonly requestsFor: (query: string) => BackendRequests;
}

/** The headers of a request whose response the proxy reads: the response must not be compressed. */
export function withIdentity(fields: readonly Field[]): readonly Field[] {
  return [...fields.filter(({ lower }) => lower !== "accept-encoding"), field("accept-encoding", "identity")];
}

/** Filters the response to one request. */
export class ListFilter {
  readonly #exchange: RoutedExchange;
  readonly #elements: ElementFilter;

  private constructor(exchange: RoutedExchange, elements: ElementFilter) {
    this.#exchange = exchange;
    this.#elements = elements;
  }

  /** Returns the filter for an exchange, or `undefined` if the client gets the response as it is. */
  static for({ exchange, isWebSocket, objects }: AdmittedExchange): ListFilter | undefined {
    const ofModels = isWebSocket ? undefined : modelFilter(exchange, exchange.principal);
    const elements = objects?.filtersList === true ? objects : ofModels;
    return elements && new ListFilter(exchange, elements);
  }

  /**
   * Sends the request, and removes from the response the elements that the client may not see. If no element
   * of a page remains, requests the next page. Throws what forwarding does, and `bad_gateway` for a list that
   * the proxy cannot read.
   */
  async send(
    request: ForwardRequest,
    { requestsFor, wholeResponses, limiter, ...parts }: SendParts,
  ): Promise<BackendResponse> {
    const { endpoint, query, apiPath, principal, holder } = this.#exchange;
    const memory = wholeResponses.begin(holder);
    const held = new HeldResponses(request.exchange, memory);
    try {
      const { answer, bytes, isChanged } = await filterList(this.#elements, {
        paging: new ListPaging({ query, apiPath, dialect: endpoint.dialect }),
        fetchPage: (query) => held.send({ ...request, requests: requestsFor(query) }, parts),
        beforePage(count) {
          request.exchange.request.cancellation.throwIfCancelled();
          // The second page is the longest that the provider has, so that most lists need no third one.
          return limiter?.countPage(principal, { mayExceed: count === 2 });
        },
        memory,
      });
      const fields = isChanged ? withoutByteFields(answer.fields) : answer.fields;
      return await memory.inTurn(() => held.reply({ ...answer, fields }, bytes));
    } catch (error) {
      throw held.failed(error);
    }
  }
}
