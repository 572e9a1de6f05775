/** The stage that identifies the client of a request, and decides whether the client may use the proxy. */

import type { Endpoint } from "../config/config.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { RequestTarget } from "../http/request_target.ts";
import type { Field } from "../http/fields.ts";
import { ProxyFault } from "../faults.ts";
import { holderOf, type Principal } from "../principal.ts";
import { authenticate } from "./authenticate.ts";
import type { ClientAccess } from "./client_access.ts";
import { ClientCredentials } from "./client_credentials.ts";
import { type Credential, findCredentials } from "./credential.ts";
import type { TokenCheck } from "./shared_token.ts";

/** The access rules of a configuration. */
export interface AccessControl {
  /** Which addresses may use the proxy, and how long an address must wait after wrong tokens. */
  readonly clientAccess: ClientAccess;
  /** Looks up a token. The member is undefined if the proxy requires no token. */
  readonly check: TokenCheck | undefined;
  /** Looks up managed tokens only. Managed tokens are too long to be guessed. */
  readonly checkManaged: TokenCheck;
  /** Throws a `forbidden` fault if a page of another site sent a request that needs no token. */
  readonly checkOpenAccess: (fields: readonly Field[]) => void;
}

/** A request before its client is identified. */
export interface UnidentifiedRequest {
  readonly request: IncomingRequest;
  readonly query: RequestTarget["query"];
  /** The address of the client. Behind a trusted proxy it comes from `x-forwarded-for`. */
  readonly address: string;
  /** The endpoint of the path. `undefined` if no endpoint has the path. */
  readonly endpoint: Endpoint | undefined;
  /** Called with all credentials of the request before any check, so that records can omit them. */
  readonly conceal: (credentials: readonly Credential[]) => void;
}

/** An identified client that may use the proxy. */
export interface Client {
  readonly principal: Principal;
  readonly credentials: ClientCredentials;
}

/**
 * Identifies the client by its address and its credentials. Throws a fault if the address may not use the
 * proxy or must wait, or if the request has no valid token.
 */
export function identifyClient(
  unidentified: UnidentifiedRequest,
  { clientAccess, check, checkManaged, checkOpenAccess }: AccessControl,
): Client {
  const { request, query, address, endpoint } = unidentified;
  const { fields } = request;
  const presented = findCredentials(fields, query);
  unidentified.conceal(presented);
  clientAccess.checkAddress(address);
  const waits = check !== undefined && clientAccess.mustWait(request, presented);
  const verdict = authenticate(presented, {
    check: waits ? checkManaged : check,
    passthrough: endpoint?.backends.some(({ key }) => key.mode === "passthrough") === true,
    endpoint: endpoint?.name,
    fields,
    query,
  });
  if (!verdict.admitted) {
    if (waits) throw clientAccess.waitFault(request, presented);
    clientAccess.recordGuesses(request, verdict.guesses);
    throw new ProxyFault(verdict.code, verdict.message);
  }
  clientAccess.recordGuesses(request, verdict.guesses);
  const { principal, tokenPlaces, tokens } = verdict;
  if (principal.kind === "anonymous") checkOpenAccess(fields);
  request.onAuthenticated?.(holderOf(principal, address));
  return { principal, credentials: new ClientCredentials(tokenPlaces, tokens) };
}
