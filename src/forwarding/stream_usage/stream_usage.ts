/** The option `stream_usage`: usage of streams, without the client's noticing. */

import type { MessageBody } from "../../http1/body.ts";
import { type Field, field, fieldValue } from "../../http1/fields.ts";
import type { Payload } from "../../payload/read_payload.ts";
import { askForUsage, edited } from "./ask_for_usage.ts";
import { HiddenUsage } from "./hidden_usage.ts";

/** Where OpenAI's streams tell their usage only when asked; its newer APIs always do. */
const PATHS = /\/(?:chat\/)?completions$/;

/** Whether the option acts on a path. */
export function tellsUsageWhenAsked(path: string): boolean {
  return PATHS.test(path);
}

/** The payload with usage asked for; undefined where it is no stream, or the client asks for it already. */
export function withUsageAsked(payload: Payload): Payload | undefined {
  const edit = askForUsage(payload);
  if (edit === undefined) return undefined;
  const bytes = edited(payload.bytes, edit);
  const shift = bytes.length - payload.bytes.length;
  return {
    ...payload,
    bytes,
    places: payload.places.map((place) =>
      place.start < edit.end ? place : { ...place, start: place.start + shift, end: place.end + shift }
    ),
    fields: [
      // What is compressed could not be taken out of the answer.
      ...payload.fields.filter(({ lower }) => lower !== "accept-encoding"),
      field("accept-encoding", "identity"),
    ],
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
