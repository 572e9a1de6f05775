/** Filters the list of models of an endpoint by the rules of a token, if the endpoint has `filter_models`. */

import { operationOf } from "../apis/operation_of.ts";
import { filteredListText } from "../catalogue/filtered_list.ts";
import type { Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { allowsModel, restrictsModels } from "../limits/allowed.ts";
import type { Principal } from "../principal.ts";
import { readUpTo } from "../streams/read_whole.ts";

/** The longest list that is filtered, in bytes. OpenRouter's has half a million. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** Whether the response to a request is a list of models that the proxy has to filter. */
export function filtersModels(
  { request: { method }, endpoint, rest }: {
    readonly request: { readonly method: string };
    readonly endpoint: Pick<Endpoint, "filterModels">;
    readonly rest: string;
  },
  principal: Principal,
): boolean {
  return endpoint.filterModels === true && method === "GET" && restrictsModels(principal) &&
    operationOf(method, rest) === "models";
}

/** The headers of a request whose response the proxy has to read: the response must not be compressed. */
export function withIdentity(fields: readonly Field[]): readonly Field[] {
  return [...fields.filter(({ lower }) => lower !== "accept-encoding"), field("accept-encoding", "identity")];
}

/**
 * The response without the models that a rule does not allow. Other responses than a list stay as they are. Throws
 * `bad_gateway` for a list that the proxy cannot read.
 */
export async function filteredReply(reply: OutgoingReply, principal: Principal): Promise<OutgoingReply> {
  const { body, status } = reply;
  if (status !== 200 || body === null || body instanceof Uint8Array) return reply;
  let bytes: Uint8Array;
  let isWhole: boolean;
  try {
    ({ bytes, isWhole } = await readUpTo(body, MAX_LIST_BYTES));
  } catch {
    throw new ProxyFault("bad_gateway", "The list of models broke off.");
  }
  if (!isWhole) throw unreadable(`it is longer than ${MAX_LIST_BYTES} bytes`);
  const isEncoded = reply.fields.some(({ lower }) => lower === "content-encoding");
  const text = isEncoded
    ? undefined
    : filteredListText(new TextDecoder().decode(bytes), (model) => allowsModel(principal, model));
  if (text === undefined) throw unreadable(isEncoded ? "it is compressed" : "it is not JSON");
  // A validator belongs to the list of the provider.
  const fields = reply.fields.filter(({ lower }) => lower !== "etag" && lower !== "content-md5");
  return { ...reply, fields, body: new TextEncoder().encode(text) };
}

function unreadable(why: string): ProxyFault {
  return new ProxyFault("bad_gateway", `filter_models cannot filter the list of models: ${why}.`);
}
