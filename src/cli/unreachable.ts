/** The error of a command that cannot reach a proxy. */

import { TransportError } from "../forwarding/transport/transport.ts";
import { messageOf } from "../text/error_text.ts";
import { harmlessText } from "../text/harmless_text.ts";
import { CommandError } from "./command_error.ts";

/** The longest reason that the error shows, in characters. */
const MAX_QUOTED = 400;

/**
 * Makes the error from the failure of a request. `trust` says how the user names the authority of the proxy's
 * certificate; the error has it if the certificate is not trusted. `undefined` if the user has named one.
 */
export function unreachable(url: string, error: unknown, trust: string | undefined): CommandError {
  const isUntrusted = error instanceof TransportError && error.facts.phase === "tls" && trust !== undefined;
  const hint = isUntrusted ? ` If llm-proxy tls init made its certificate, ${trust}.` : "";
  return new CommandError(
    `No proxy answers at ${url}: ${harmlessText(messageOf(error), MAX_QUOTED)}.${hint}`,
  );
}
