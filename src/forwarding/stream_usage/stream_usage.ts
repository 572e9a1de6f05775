/** The option `stream_usage`: usage of streams, without the client's noticing. */

import type { Endpoint } from "../../config/schema.ts";
import type { MessageBody } from "../../http1/body.ts";
import { bodyOf, concat, readAgain } from "../../http1/bytes.ts";
import { type Field, field, fieldValue } from "../../http1/fields.ts";
import { plainBody } from "../model/decode_body.ts";
import { askForUsage } from "./ask_for_usage.ts";
import { HiddenUsage } from "./hidden_usage.ts";

/** A request's body and the fields that go with it. */
export interface SentRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
}

/** Where OpenAI's streams tell their usage only when asked; its newer APIs always do. */
const PATHS = /\/(?:chat\/)?completions$/;

/** The request with usage asked for, where it is a stream and the client did not ask; else as it was. */
export async function withUsageAsked(
  request: SentRequest,
  { endpoint, path }: { endpoint: Pick<Endpoint, "maxBufferBytes">; path: string },
): Promise<SentRequest & { readonly isAsked: boolean }> {
  const { fields, body } = request;
  if (body === null || !PATHS.test(path)) return { ...request, isAsked: false };
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    pieces.push(piece.slice());
    length += piece.length;
    if (length > endpoint.maxBufferBytes) {
      return { ...request, body: readAgain(pieces, body), isAsked: false };
    }
  }
  const whole = concat(pieces);
  const unchanged = { ...request, body: bodyOf(whole), isAsked: false };
  const asked = await plainBody(whole, { fields, maxBytes: endpoint.maxBufferBytes }).then(
    ({ plain, decoded }) => ({ bytes: askForUsage(plain), decoded }),
    // The provider says better what is wrong with it.
    () => undefined,
  );
  if (asked?.bytes === undefined) return unchanged;
  return {
    fields: [
      ...fields.filter(({ lower }) =>
        !(asked.decoded && lower === "content-encoding") &&
        // What is compressed could not be taken out again.
        lower !== "accept-encoding"
      ),
      field("accept-encoding", "identity"),
    ],
    body: bodyOf(asked.bytes),
    isAsked: true,
  };
}

/** The answer to such a request, as the client would have got it. */
export function withoutUsage(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
): MessageBody | null {
  const isStream = /^text\/event-stream\b/i.test(fieldValue(fields, "content-type") ?? "");
  const isPlain = (fieldValue(fields, "content-encoding") ?? "identity") === "identity";
  return body === null || !isStream || !isPlain ? body : new HiddenUsage(body);
}
