/** The body of a request as the stages get it: certain, and within the limit. */

import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { limitedBody } from "../streams/limited_body.ts";
import type { IncomingRequest } from "../http/message.ts";

/**
 * Gives the body of a request. Over HTTP/2 it may have to wait for the first byte to know whether there is one.
 * Throws the reason of the cancellation, or `payload_too_large`, now or while the body is read.
 */
export async function receivedBody(
  request: Pick<IncomingRequest, "settledBody" | "body" | "cancellation">,
  maxBytes: number | undefined,
): Promise<MessageBody | null> {
  const body = request.settledBody === undefined ? request.body : await settled(request.settledBody, request);
  return bodyWithinLimit(body, request.cancellation, maxBytes);
}

async function settled(
  settledBody: NonNullable<IncomingRequest["settledBody"]>,
  { cancellation }: Pick<IncomingRequest, "cancellation">,
): Promise<MessageBody | null> {
  try {
    return await settledBody();
  } catch (error) {
    throw cancellation.reason ?? error;
  }
}

/** The request's body, which ends the exchange where it grows too long. */
function bodyWithinLimit(
  body: MessageBody | null,
  cancellation: Cancellation,
  maxBytes: number | undefined,
): MessageBody | null {
  if (body === null || maxBytes === undefined) return body;
  const tooLarge = () =>
    new ProxyFault("payload_too_large", `The body is longer than the ${maxBytes} bytes this proxy takes.`);
  if ((body.length ?? 0) > maxBytes) throw tooLarge();
  return limitedBody(body, maxBytes, () => {
    const fault = tooLarge();
    cancellation.cancel(fault);
    return fault;
  });
}
