/** One exchange of the transport with an upstream that a test plays in memory. */

import { nextPiece } from "../../../src/streams/byte_source.ts";
import { Cancellation } from "../../../src/cancellation.ts";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import { UpstreamConnection } from "../../../src/forwarding/transport/connection.ts";
import type { UpstreamRequest, UpstreamResponse } from "../../../src/forwarding/transport/transport.ts";
import type { ByteInput } from "../../../src/http/reader.ts";

export interface ExchangeOutcome {
  readonly response?: UpstreamResponse;
  readonly body?: string;
  /** Whether the connection was free for another request at the end, and still open when all had come. */
  readonly reusable: boolean;
  readonly error?: unknown;
}

/** A request as the transport takes it. */
export function upstreamRequest(parts: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: "GET",
    origin: "http://upstream.test",
    connection: DIRECT,
    target: "/",
    fields: [],
    body: null,
    again: undefined,
    cancellation: new Cancellation(),
    onPhase() {},
    ...parts,
  };
}

/** So many turns of the microtask queue let a connection in memory notice what came behind its answer. */
const TURNS = 20;

/** Sends a request over a connection that answers with the input's bytes, and reads the answer to its end. */
export async function exchangeOver(input: ByteInput, method = "GET"): Promise<ExchangeOutcome> {
  let isFree = false;
  let response: UpstreamResponse | undefined;
  const connection = new UpstreamConnection(fakeConnection(input), {
    host: "upstream.test",
    onIdle() {
      isFree = true;
      connection.idle(0);
    },
    onClose() {},
  });
  try {
    response = await connection.exchange(upstreamRequest({ method }), null);
    const body = await bodyText(response);
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
    return { response, body, reusable: isFree && !connection.closed };
  } catch (error) {
    return { ...(response && { response }), reusable: isFree, error };
  }
}

async function bodyText({ body }: UpstreamResponse): Promise<string> {
  let text = "";
  if (body === null) return text;
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    for (const byte of piece) text += String.fromCharCode(byte);
  }
  return text;
}

/** Only reading, writing and closing are used of a connection. */
export function fakeConnection(input: ByteInput): Deno.Conn {
  const parts = { read: input.read, write: (bytes: Uint8Array) => Promise.resolve(bytes.length), close() {} };
  return parts as unknown as Deno.Conn; // the rest of Deno.Conn is never touched
}
