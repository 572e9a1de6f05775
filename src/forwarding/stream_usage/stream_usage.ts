/** The option `stream_usage`: usage of streams, without the client's noticing. */

import type { MessageBody } from "../../streams/byte_source.ts";
import type { Field } from "../../http/fields.ts";
import { contentCodingOf } from "../../payload/content_coding.ts";
import { isEventStream } from "../../payload/media_type.ts";
import { HiddenUsage } from "./hidden_usage.ts";

/** The answer to such a request, as the client would have got it. */
export function withoutUsage(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
): MessageBody | null {
  const isPlain = contentCodingOf(fields) === "identity";
  return body === null || !isEventStream(fields) || !isPlain ? body : new HiddenUsage(body);
}
