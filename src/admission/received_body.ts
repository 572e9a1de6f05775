/** Waits until it is known whether a request has a body, and enforces the limit of its size. */

import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { limitedBody } from "../streams/limited_body.ts";
import type { IncomingRequest } from "../http/message.ts";

/**
 * Returns the body of a request, or null without a body. Over HTTP/2, only the first byte or the end of the
 * stream shows whether there is a body, so it waits for one of them. Throws the reason of the cancellation.
 * Throws `payload_too_large`, now or while the body is read.
 */
export async function receivedBody(
  request: Pick<IncomingRequest, "knownBody" | "body" | "cancellation">,
  maxBytes: number | undefined,
): Promise<MessageBody | null> {
  const body = request.knownBody === undefined ? request.body : await knownBodyOf(request.knownBody, request);
  return bodyWithinLimit(body, request.cancellation, maxBytes);
}

async function knownBodyOf(
  knownBody: NonNullable<IncomingRequest["knownBody"]>,
  { cancellation }: Pick<IncomingRequest, "cancellation">,
): Promise<MessageBody | null> {
  try {
    return await knownBody();
  } catch (error) {
    throw cancellation.reason ?? error;
  }
}

/** Limits the length of a body. Cancels the exchange if the body grows longer than the limit. */
function bodyWithinLimit(
  body: MessageBody | null,
  cancellation: Cancellation,
  maxBytes: number | undefined,
): MessageBody | null {
  if (body === null || maxBytes === undefined) return body;
  const tooLarge = () =>
    new ProxyFault("payload_too_large", `The body is longer than the limit of ${maxBytes} bytes.`);
  if ((body.length ?? 0) > maxBytes) throw tooLarge();
  return limitedBody(body, maxBytes, () => {
    const fault = tooLarge();
    cancellation.cancel(fault);
    return fault;
  });
}
