/** The stage between authentication and forwarding: is this principal allowed to make this request, now? */

import type { Account } from "./accounting/accounts.ts";
import { modelsInPath, modelsInQuery, RequestTap } from "./accounting/request_facts.ts";
import type { Endpoint } from "./config/schema.ts";
import { ProxyFault } from "./faults.ts";
import { plainBody } from "./forwarding/model/decode_body.ts";
import { modelNames } from "./forwarding/model/model_places.ts";
import type { ByteSource, MessageBody } from "./http1/body.ts";
import { bodyOf, concat, readAgain, watched } from "./http1/bytes.ts";
import { fieldValue } from "./http1/fields.ts";
import type { IncomingRequest } from "./http1/message.ts";
import { checkEndpoint, checkModels, checkPath, restrictsModels } from "./limits/allowed.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { Principal } from "./principal.ts";
import { versionedPath } from "./routing/join_url.ts";

/** A request, and who makes it of whom. */
export interface Candidate {
  readonly request: Pick<IncomingRequest, "fields" | "cancellation">;
  readonly body: MessageBody | null;
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** The path that is left for the backend, and the query. */
  readonly rest: string;
  readonly query: string;
  /** A WebSocket is asked for. */
  readonly upgrade: boolean;
  readonly account: Account;
  readonly limiter: Limiter;
}

/**
 * Admits a request and gives its body, which has been read ahead where a rule depends on what it says.
 * Throws `forbidden`, `rate_limited`, `budget_exceeded`, or `payload_too_large` where what must be read is too long.
 */
export async function admit(candidate: Candidate): Promise<MessageBody | null> {
  const { principal, endpoint, account, limiter } = candidate;
  checkEndpoint(principal, endpoint.name);
  checkPath(principal, {
    path: candidate.rest,
    paths: () => endpoint.backends.map(({ baseUrl }) => versionedPath(baseUrl, candidate.rest)),
    fields: candidate.request.fields,
  });
  const tap = new RequestTap({
    contentType: fieldValue(candidate.request.fields, "content-type"),
    path: candidate.rest,
    query: candidate.upgrade ? candidate.query : "",
  });
  account.asks(() => tap.facts());
  // Before the body is read: to hold bodies in memory is what limits are to keep from happening.
  const admission = limiter.admit(principal);
  account.admitted(admission);
  if (candidate.upgrade) checkSession(candidate);
  if (!dependsOnBody(principal)) return observed(candidate, tap);
  const body = await readFirst(candidate, tap);
  account.reserve(tap.facts());
  return body;
}

/**
 * Only OpenAI's realtime sessions name their model in the query, for good. Others name one in what is said later,
 * such as OpenAI's own responses over a WebSocket, where nobody looks for it.
 */
function checkSession({ principal, endpoint, rest, query }: Candidate): void {
  if (!restrictsModels(principal)) return;
  const models = modelsInQuery(query);
  if (endpoint.provider !== "openai" || !rest.endsWith("/realtime")) {
    throw new ProxyFault(
      "forbidden",
      "This token may use certain models only, and of WebSockets only /realtime has one for good.",
    );
  }
  checkModels(principal, { models, hasBody: true });
}

function dependsOnBody({ subjects }: Principal): boolean {
  return subjects.some(({ rules }) =>
    rules.models !== undefined || rules.tokensPerMinute !== undefined ||
    rules.dayBudgetMicros !== undefined ||
    rules.monthBudgetMicros !== undefined || rules.totalBudgetMicros !== undefined
  );
}

/** Nothing waits for what it says; it is looked at while it passes. */
function observed({ request, body }: Candidate, tap: RequestTap): MessageBody | null {
  const isPlain = (fieldValue(request.fields, "content-encoding") ?? "identity").trim() === "identity";
  return body === null || !isPlain ? body : watched(body, (piece) => tap.write(piece));
}

/** Reads it whole, within the endpoint's bound, before anything is decided. */
async function readFirst(
  { request, body, principal, endpoint, rest }: Candidate,
  tap: RequestTap,
): Promise<MessageBody | null> {
  const { fields, cancellation } = request;
  const maxBytes = endpoint.maxBufferBytes;
  const isRestricted = restrictsModels(principal);
  const read = body === null
    ? { pieces: [], isWhole: true }
    : await readUpTo(body, maxBytes).catch((error) => {
      throw cancellation.reason ?? error;
    });
  if (!read.isWhole && isRestricted) {
    throw new ProxyFault(
      "payload_too_large",
      `The body is longer than the ${maxBytes} bytes up to which its model can be checked.`,
    );
  }
  if (!read.isWhole && body !== null) return readAgain(read.pieces, body);
  const [first, ...others] = read.pieces;
  const whole = first !== undefined && others.length === 0 ? first : concat(read.pieces);
  const plain = await plainBody(whole, { fields, maxBytes }).then(({ plain }) => plain, (error) => {
    // What cannot be read cannot be reserved for; a model that cannot be read is none that is allowed.
    if (isRestricted) throw error;
    return new Uint8Array();
  });
  tap.write(plain);
  if (isRestricted) {
    const named = whole.length === 0 ? [] : modelNames(plain, fields);
    if (named === undefined) {
      throw new ProxyFault(
        "forbidden",
        "This token may use certain models only, and this body is no JSON object or form.",
      );
    }
    checkModels(principal, { models: [...modelsInPath(rest), ...named], hasBody: whole.length > 0 });
  }
  return body === null ? null : bodyOf(whole);
}

async function readUpTo(
  body: ByteSource,
  maxBytes: number,
): Promise<{ pieces: Uint8Array[]; isWhole: boolean }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (true) {
    const atHand = body.tryRead();
    const piece = atHand === undefined ? await body.read() : atHand;
    if (piece === null) return { pieces, isWhole: true };
    pieces.push(piece.slice());
    length += piece.length;
    if (length > maxBytes) return { pieces, isWhole: false };
  }
}
