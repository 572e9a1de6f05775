/** The faults for failures of upstreams, without URL, key or words of the runtime. */

import type { Backend } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { TimeoutExpired } from "./timeouts.ts";
import { TransportError } from "./transport/transport.ts";

/** The fault for a response that never began. `undefined` for an unknown error. */
export function faultBeforeResponse(error: unknown, backend: Backend): ProxyFault | undefined {
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault("upstream_timeout", `${host} did not answer in time: ${error.message}.`, {
      upstream: host,
    });
  }
  if (error instanceof TransportError) {
    return new ProxyFault("bad_gateway", `No response from ${host}: ${error.message}.`, {
      upstream: host,
      cause: error,
    });
  }
  return undefined;
}

/** The fault for a response that broke off. */
export function faultWithinResponse(error: unknown, backend: Backend): ProxyFault {
  if (error instanceof ProxyFault) return error;
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault(
      "upstream_timeout",
      `${host} sent no more of its response: ${error.message}.`,
      {
        upstream: host,
      },
    );
  }
  const reason = error instanceof TransportError ? error.message : "the response was cut";
  return new ProxyFault("bad_gateway", `The response of ${host} is incomplete: ${reason}.`, {
    upstream: host,
    cause: error,
  });
}

function hostOf(backend: Backend): string {
  return new URL(backend.baseUrl.origin).host;
}
