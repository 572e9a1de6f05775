/** The response to the check by which a client looks for its API, before it sends a credential. */

import { findCredentials } from "../auth/credential.ts";
import { credentialHeader } from "../config/credential_places.ts";
import { type Field, field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";

/**
 * The path in Anthropic's API that Claude Code requests at its start, at its base URL: the address of the
 * proxy, or of an endpoint. The response is the same for names that no endpoint has, so that it does not
 * reveal names.
 */
const HELLO = /^(?:\/[^/]+)?\/api\/hello$/;

/** The parts of a request that decide whether it is a check. */
export interface ProbeRequest {
  readonly method: string;
  readonly fields: readonly Field[];
  readonly path: string;
  /** The raw query without its `?`. */
  readonly query: string;
}

/**
 * Returns the response of Anthropic to the check of a client. Returns `undefined` for other requests, and for
 * a check with a credential, which goes to the endpoint.
 */
export function clientProbeReply({ method, fields, path, query }: ProbeRequest): OutgoingReply | undefined {
  if (method !== "HEAD" && method !== "GET" || !HELLO.test(path)) return undefined;
  const hasCredential = fields.some(({ lower }) => credentialHeader(lower)?.form === "bearer") ||
    findCredentials(fields, query).length > 0;
  if (hasCredential) return undefined;
  return {
    status: 200,
    reason: reasonPhrase(200),
    fields: [field("content-type", "application/json"), field("cache-control", "no-store")],
    body: new TextEncoder().encode('{"message":"hello"}'),
  };
}
