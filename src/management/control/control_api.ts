/** The routes of the management API for commands on the machine of the proxy, which sign their requests. */

import type { Clock } from "../../time/clock.ts";
import { COMMAND_LINE } from "../../people/actor.ts";
import type { Caller } from "../api/caller.ts";
import { lasting } from "../api/identity.ts";
import { MANAGE_PATH, type ManageApi } from "../api/manage.ts";
import { Problem } from "../api/problem.ts";
import { isSignedRequest, parseCredential, PROOF_HEADER, proofOf } from "./signatures.ts";

/** How far the time of a request may be from the time of the proxy. Both have the same clock. */
const MAX_AGE_MS = 60_000;

/** All other requests of commands use the database, and need no running proxy. */
const ALLOWED: ReadonlySet<string> = new Set([
  `GET ${MANAGE_PATH}/reload`,
  `POST ${MANAGE_PATH}/reload`,
  `POST ${MANAGE_PATH}/stop`,
]);

/**
 * Adds the check of signatures to the API, for the command line. It serves `/reload` and `/stop`, each
 * request once, and signs the answers. It throws a {@link Problem} for others.
 */
export function createControlApi(
  api: ManageApi,
  { secret, clock }: { secret: string; clock: Clock },
): (request: Request, caller: Caller) => Promise<Response> {
  /** The nonces of recent requests with a right signature, and their times. */
  const used = new Map<string, number>();
  return async (request, caller) => {
    const { method } = request;
    const { pathname, search } = new URL(request.url);
    const path = `${pathname}${search}`;
    const credential = parseCredential(request.headers.get("authorization") ?? "");
    const now = clock.epochMs();
    if (
      credential === undefined || !ALLOWED.has(`${method} ${path}`) ||
      Math.abs(now - credential.atMs) > MAX_AGE_MS ||
      !await isSignedRequest(secret, { ...credential, method, path }, credential.signature) ||
      used.has(credential.nonce)
    ) {
      // The secret is too long to be guessed. So the address need not wait, and a wrong signature is not
      // counted.
      throw new Problem(401, "This proxy does not accept the signature of the request.");
    }
    for (const [nonce, atMs] of used) if (now - atMs > MAX_AGE_MS) used.delete(nonce);
    used.set(credential.nonce, credential.atMs);
    caller.onVerified?.();
    const response = await api(request, caller, lasting(COMMAND_LINE));
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    const text = await response.text();
    headers.set(PROOF_HEADER, await proofOf(secret, { nonce: credential.nonce, status, text }));
    return new Response(text === "" ? null : text, { status, statusText, headers });
  };
}
