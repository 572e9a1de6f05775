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
import { type Credential, credentialWords, findCredentials } from "./credential.ts";
import type { ClientJwt, VerifiedTokens } from "./jwt/client_jwt.ts";
import type { TokenCheck } from "./shared_token.ts";

/** `retry-after` while a token cannot be verified. */
const RETRY_SECONDS = 5;

/** The access rules of a configuration. */
export interface AccessControl {
  /** Which addresses may use the proxy, and how long an address must wait after wrong tokens. */
  readonly clientAccess: ClientAccess;
  /** Looks up a token. The member is undefined if the proxy requires no token. */
  readonly check: TokenCheck | undefined;
  /** Looks up managed tokens only. Managed tokens are too long to be guessed. */
  readonly checkManaged: TokenCheck;
  /** Verifies tokens of providers. `undefined` if the configuration has no such provider. */
  readonly jwt?: ClientJwt | undefined;
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
 * proxy or must wait, or if the request has no valid token. Returns a promise only for a token of a provider
 * that has to be verified first.
 */
export function identifyClient(
  unidentified: UnidentifiedRequest,
  access: AccessControl,
): Client | Promise<Client> {
  const { request: { fields }, query, address } = unidentified;
  const presented = findCredentials(fields, query);
  unidentified.conceal(presented);
  access.clientAccess.checkAddress(address);
  const verified = access.jwt?.verify(valuesToVerify(unidentified, presented));
  return verified instanceof Promise
    ? verified.then((tokens) => identified(unidentified, access, { presented, verified: tokens }))
    : identified(unidentified, access, { presented, verified });
}

/**
 * The values that can be tokens of a provider. On a passthrough endpoint, also the words of the other
 * credentials, because no token of the proxy may go upstream in them.
 */
function valuesToVerify(
  { request: { fields }, endpoint }: UnidentifiedRequest,
  presented: readonly Credential[],
): readonly string[] {
  const values = presented.map(({ value }) => value);
  return isPassthrough(endpoint) ? [...values, ...credentialWords(presented, fields)] : values;
}

/** Whether an endpoint forwards the client's own credential. */
function isPassthrough(endpoint: Endpoint | undefined): boolean {
  return endpoint?.backends.some(({ key }) => key.mode === "passthrough") === true;
}

function identified(
  { request, query, address, endpoint }: UnidentifiedRequest,
  { clientAccess, check, checkManaged, checkOpenAccess }: AccessControl,
  { presented, verified }: {
    readonly presented: readonly Credential[];
    readonly verified: VerifiedTokens | undefined;
  },
): Client {
  const { fields } = request;
  const waits = check !== undefined && clientAccess.mustWait(request, presented);
  const usual = waits ? checkManaged : check;
  const verdict = authenticate(presented, {
    check: verified === undefined
      ? usual
      : (candidate) => verified.results.get(candidate) ?? usual?.(candidate),
    passthrough: isPassthrough(endpoint),
    endpoint: endpoint?.name,
    fields,
    query,
    why: verified?.why,
  });
  if (!verdict.admitted) {
    if (waits) throw clientAccess.waitFault(request, presented);
    clientAccess.recordGuesses(request, verdict.guesses);
    const retry = verdict.code === "overloaded" ? { retryAfterSeconds: RETRY_SECONDS } : {};
    throw new ProxyFault(verdict.code, verdict.message, retry);
  }
  clientAccess.recordGuesses(request, verdict.guesses);
  const { principal, tokenPlaces, tokens } = verdict;
  if (principal.kind === "anonymous") checkOpenAccess(fields);
  request.onAuthenticated?.(holderOf(principal, address));
  return { principal, credentials: new ClientCredentials(tokenPlaces, tokens) };
}
