/** The requests to providers: over the proxy's own transport, short, bounded, and without redirects. */

import { Cancellation } from "../../cancellation.ts";
import type { SignInProvider } from "../../config/config.ts";
import { isLoopback } from "../../config/read/outbound_proxy.ts";
import { connectionBy } from "../../config/read/outbound_rules.ts";
import type { Transport } from "../../forwarding/transport/transport.ts";
import { type Field, field, fieldValue } from "../../http/fields.ts";
import { bodyOf } from "../../streams/bytes.ts";
import { readUpTo } from "../../streams/read_whole.ts";
import { messageOf } from "../../text/error_text.ts";
import type { Clock } from "../../time/clock.ts";
import { SignInFailure } from "./signed_in.ts";

/** The longest time until a response has been read whole. */
export const REQUEST_MS = 10_000;
/** The longest response. Metadata, keys and tokens of real providers have at most a tenth of it. */
export const MAX_RESPONSE_BYTES = 512 * 1024;

/** Statuses of responses without a body, for which `Response` accepts none. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

/** What requests to a provider need. */
export interface OutboundParts {
  readonly provider: Pick<SignInProvider, "title" | "outbound" | "caCerts">;
  readonly transport: Pick<Transport, "send">;
  readonly clock: Pick<Clock, "after">;
}

/** A request in the form that `openid-client` uses. */
export interface OutboundRequest {
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
}

/** Sends requests to one provider. Throws a {@link SignInFailure} if no whole response arrives. */
export type Outbound = (url: string, request: OutboundRequest) => Promise<Response>;

/** Makes the function that sends requests to a provider. */
export function outbound(parts: OutboundParts): Outbound {
  return async (url, request) => {
    try {
      return await send(url, request, parts);
    } catch (error) {
      if (error instanceof SignInFailure) throw error;
      throw new SignInFailure(502, `The proxy cannot reach ${parts.provider.title}.`, {
        detail: `${new URL(url).host}: ${messageOf(error)}`,
        cause: error,
      });
    }
  };
}

async function send(
  url: string,
  { method = "GET", headers = {}, body }: OutboundRequest,
  { provider, transport, clock }: OutboundParts,
): Promise<Response> {
  const { origin, pathname, search, host } = checkedUrl(url, provider.title);
  const bytes = bytesOf(body);
  const cancellation = new Cancellation();
  const tooLate = new SignInFailure(504, `${provider.title} took too long to answer the proxy.`, {
    detail: `${host}: no whole response within ${REQUEST_MS / 1000} s`,
  });
  const stop = clock.after(REQUEST_MS, () => cancellation.cancel(tooLate));
  try {
    const response = await transport.send({
      method,
      origin,
      connection: connectionBy(provider.outbound, { origin, caCerts: provider.caCerts }),
      target: pathname + search,
      fields: fieldsOf(headers),
      body: bytes === undefined ? null : bodyOf(bytes),
      // A code works once, so no request is sent again.
      again: undefined,
      cancellation,
      onPhase() {},
    });
    const { status, fields, body: received } = response;
    const read = received === null ? undefined : await readUpTo(received, MAX_RESPONSE_BYTES);
    if (read?.isWhole === false) {
      received?.cancel();
      throw new SignInFailure(502, `${provider.title} sent a response that is too long.`, {
        detail: `${host}: more than ${MAX_RESPONSE_BYTES} bytes`,
      });
    }
    return new Response(WITHOUT_BODY.includes(status) ? null : new Uint8Array(read?.bytes ?? []), {
      status,
      headers: { "content-type": fieldValue(fields, "content-type") ?? "" },
    });
  } finally {
    stop();
  }
}

/**
 * The URL, which may be from the metadata of a provider. Plain HTTP is only for this machine: who reads or
 * changes it could sign in as anyone.
 */
function checkedUrl(url: string, title: string): URL {
  const parsed = new URL(url);
  const isSafe = parsed.protocol === "https:" || parsed.protocol === "http:" && isLoopback(parsed.hostname);
  if (isSafe && parsed.username === "" && parsed.password === "") return parsed;
  throw new SignInFailure(502, `${title} names an address that is not safe to use.`, {
    detail: `${parsed.host}: only https:// without a login is allowed`,
  });
}

function fieldsOf(headers: Readonly<Record<string, string>>): Field[] {
  const own = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name !== "content-length" && name !== "user-agent");
  return [...own.map(([name, value]) => field(name, value)), field("user-agent", "llm-proxy")];
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (body instanceof Uint8Array) return body;
  return new TextEncoder().encode(String(body));
}
