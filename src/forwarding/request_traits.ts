/**
 * What the choice of a backend depends on besides the backends: the conversation and the model of a request.
 */

import { operationOf } from "../apis/operation_of.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { conversationStart } from "../payload/conversation.ts";
import { modelsInPath } from "../payload/models_in_head.ts";
import { mayBeConversation, sessionOf, START_BYTES } from "./affinity.ts";
import type { ForwardRequest } from "./forward.ts";
import type { RequestContent } from "./request_content.ts";

/** The traits of a request, as far as something depends on them. */
export interface RequestTraits {
  /**
   * The conversation that the request continues. `undefined` if it continues no known one, or nothing depends
   * on it.
   */
  readonly conversation?: string | undefined;
  /** The model of the request. `undefined` if the proxy cannot see it, or nothing depends on it. */
  readonly model?: string | undefined;
}

/** The traits of a request if nothing depends on them. */
export const NO_TRAITS: RequestTraits = {};

/**
 * Finds the traits of a request, if something depends on them. Waits for the first bytes of the body only if
 * a needed trait is in the body.
 */
export function traitsOf(
  request: ForwardRequest,
  content: RequestContent,
): Promise<RequestTraits> | RequestTraits {
  const { exchange: { endpoint: { affinity }, request: { method, fields }, apiPath }, balancer, payload } =
    request;
  const keeps = affinity !== undefined && balancer.keepsConversations;
  const needsModel = balancer.dependsOnModel();
  if (!keeps && !needsModel) return NO_TRAITS;
  const session = keeps ? sessionOf(fields, affinity) : undefined;
  const isInBody = keeps && session === undefined && affinity.header === undefined &&
    mayBeConversation(operationOf(method, apiPath));
  const model = needsModel ? payload?.facts.model ?? modelsInPath(apiPath)[0] : undefined;
  if (!isInBody && (!needsModel || model !== undefined) || !isPlainJson(fields)) {
    return { conversation: session, model };
  }
  return content.start(START_BYTES).then((start) => {
    const found = conversationStart(start);
    return {
      conversation: isInBody ? found.key : session,
      model: needsModel ? model ?? found.model : undefined,
    };
  });
}

/**
 * The model of a request, by its path or by the part of its body that is in memory. `undefined` if it is not
 * known.
 */
export function modelOf(
  { exchange: { apiPath, request: { fields } }, payload }: ForwardRequest,
  start: Uint8Array,
): string | undefined {
  return payload?.facts.model ?? modelsInPath(apiPath)[0] ??
    (isPlainJson(fields) ? conversationStart(start).model : undefined);
}

function isPlainJson(fields: readonly Field[]): boolean {
  return fieldValue(fields, "content-encoding") === undefined &&
    (fieldValue(fields, "content-type")?.toLowerCase().includes("json") ?? false);
}
