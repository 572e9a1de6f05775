/** The option `stream_usage`: the proxy asks for the usage of streams, and removes it for the client. */

import type { MessageBody } from "../../streams/byte_source.ts";
import type { Field } from "../../http/fields.ts";
import { contentCodingOf } from "../../payload/content_coding.ts";
import { isEventStream } from "../../payload/media_type.ts";
import { HiddenUsage } from "./hidden_usage.ts";

/** The body of a response without the usage that the proxy asked for. `null` if the response has no body. */
export function withoutUsage(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
): MessageBody | null {
  const isPlain = contentCodingOf(fields) === "identity";
  return body === null || !isEventStream(fields) || !isPlain ? body : new HiddenUsage(body);
}
