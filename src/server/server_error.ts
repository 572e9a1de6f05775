/** The reaction of a server to an error of the program: it logs the error, and the client gets a 500. */

import { faultReply, ProxyFault } from "../faults.ts";
import { FramingError } from "../http/framing_error.ts";
import type { OutgoingReply } from "../http/message.ts";

/** Whether an error while a response is sent is a bug of the program, and not the end of a connection. */
export function isBug(error: unknown): boolean {
  return error instanceof FramingError || error instanceof TypeError || error instanceof RangeError ||
    error instanceof ReferenceError;
}

/** Returns the fault of an exchange that ends because of a bug. */
export function internalFault(cause: unknown): ProxyFault {
  return new ProxyFault(
    "internal",
    "The proxy failed on this request. The log of the proxy has the reason.",
    { cause },
  );
}

/** Returns the response to a request for which the handler failed. */
export function internalReply(cause: unknown): OutgoingReply {
  return faultReply(internalFault(cause), { dialect: "generic", requestId: "none" });
}
