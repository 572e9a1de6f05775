/** The stage that finds out which client sends a request, and whether that client may use the proxy. */

import type { Endpoint } from "../config/config.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { RequestTarget } from "../http/request_target.ts";
import type { Field } from "../http/fields.ts";
import { ProxyFault } from "../faults.ts";
import type { Principal } from "../principal.ts";
import { authenticate } from "./authenticate.ts";
import type { Entrance } from "./client_access.ts";
import { ClientCredentials } from "./client_credentials.ts";
import { type Credential, findCredentials } from "./credential.ts";
import type { TokenCheck } from "./shared_token.ts";

/** The rules by which clients are let in, for as long as a configuration lasts. */
export interface AccessControl {
  /** Which addresses may connect, and how long an address waits after wrong tokens. */
  readonly entrance: Entrance;
  /** Looks up a token. Undefined: the proxy asks for no token. */
  readonly check: TokenCheck | undefined;
  /** Looks up a managed token alone. Managed tokens are too long to be guessed. */
  readonly checkManaged: TokenCheck;
  /** Throws `forbidden` where the proxy asks for no token and a page of another site sends the request. */
  readonly checkOpenAccess: (fields: readonly Field[]) => void;
}

/** A request whose client is not known yet. */
export interface UnidentifiedRequest {
  readonly request: IncomingRequest;
  readonly query: RequestTarget["query"];
  /** The client's address, behind trusted reverse proxies. */
  readonly address: string;
  /** Undefined: no endpoint has this path. */
  readonly endpoint: Endpoint | undefined;
  /** Gets every credential of the request before anything is checked, so that records can leave it out. */
  readonly onCredentials: (credentials: readonly Credential[]) => void;
}

/** A client that may use the proxy. */
export interface Client {
  readonly principal: Principal;
  readonly credentials: ClientCredentials;
}

/**
 * Identifies the client by its address and its credentials. Throws a fault where the address may not connect, has to
 * wait, or presents no valid token.
 */
export function identifyClient(
  { request, query, address, endpoint, onCredentials }: UnidentifiedRequest,
  { entrance, check, checkManaged, checkOpenAccess }: AccessControl,
): Client {
  const { fields } = request;
  entrance.checkAddress(address);
  const presented = findCredentials(fields, query);
  onCredentials(presented);
  const waits = check !== undefined && entrance.mustWait(request, presented);
  const verdict = authenticate(presented, {
    check: waits ? checkManaged : check,
    passthrough: endpoint?.backends.some(({ key }) => key.mode === "passthrough") === true,
    endpoint: endpoint?.name,
    fields,
    query,
  });
  if (!verdict.admitted) {
    if (waits) throw entrance.waitFault(request, presented);
    entrance.refused(request, verdict.guesses);
    throw new ProxyFault(verdict.code, verdict.message);
  }
  entrance.refused(request, verdict.guesses);
  const { principal, tokenPlaces, tokens } = verdict;
  if (principal.kind === "anonymous") checkOpenAccess(fields);
  request.onAuthenticated?.();
  return { principal, credentials: new ClientCredentials(tokenPlaces, tokens) };
}
