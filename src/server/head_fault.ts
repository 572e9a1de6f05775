import { ProxyFault } from "../faults.ts";
import { HeadTooLarge } from "../http/head.ts";
import type { HttpSyntaxError } from "../http/syntax_error.ts";

/** Returns the fault for a request whose head is malformed or too large. The message names the protocol. */
export function headFault(error: HttpSyntaxError, protocol: "HTTP/1.1" | "HTTP/2"): ProxyFault {
  return error instanceof HeadTooLarge
    ? new ProxyFault("headers_too_large", `The request head is too large: ${error.message}.`)
    : new ProxyFault("bad_request", `Malformed ${protocol} request: ${error.message}.`);
}
