/** The option `stream_usage`: the proxy asks for the usage of streams, and removes it for the client. */

import type { MessageBody } from "../../streams/byte_source.ts";
import { type Field, fieldValue } from "../../http/fields.ts";
import { HiddenUsage } from "./hidden_usage.ts";

/** The body of an answer without the usage that the proxy asked for. Null: the answer has no body. */
export function withoutUsage(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
): MessageBody | null {
  const isStream = /^text\/event-stream\b/i.test(fieldValue(fields, "content-type") ?? "");
  const isPlain = (fieldValue(fields, "content-encoding") ?? "identity") === "identity";
  return body === null || !isStream || !isPlain ? body : new HiddenUsage(body);
}
