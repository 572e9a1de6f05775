/** Asks an OpenAI-compatible server to tell the usage at the end of a stream, where the client did not. */

import { jsonMembers } from "./json_members.ts";
import { field } from "../http/fields.ts";
import type { Payload } from "./read_payload.ts";

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

/** A change of a few bytes. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The change that gives a streaming request `stream_options.include_usage`. Undefined where there is nothing to do: no
 * stream, asked for already, or no JSON object.
 */
export function askForUsage(
  { bytes, json, facts }: Pick<Payload, "bytes" | "json" | "facts">,
): Edit | undefined {
  if (json?.firstKey === undefined || facts.stream !== true) return undefined;
  const options = json.members.get("stream_options");
  if (options === undefined) return inserted(json.firstKey, '"stream_options":{"include_usage":true},');
  const inner = jsonMembers(bytes.subarray(options.start, options.end));
  if (inner === undefined) {
    return { start: options.start, end: options.end, text: '{"include_usage":true}' };
  }
  const asked = inner.findLast(({ key }) => key === "include_usage");
  if (asked !== undefined) {
    const start = options.start + asked.start;
    const end = options.start + asked.end;
    const isAsked = new TextDecoder().decode(bytes.subarray(start, end)) === "true";
    return isAsked ? undefined : { start, end, text: "true" };
  }
  const comma = inner.length === 0 ? "" : ",";
  return inserted(options.start + 1, `"include_usage":true${comma}`);
}

/** The bytes after a change. */
export function edited(bytes: Uint8Array, { start, end, text }: Edit): Uint8Array {
  const put = new TextEncoder().encode(text);
  const whole = new Uint8Array(bytes.length - (end - start) + put.length);
  whole.set(bytes.subarray(0, start));
  whole.set(put, start);
  whole.set(bytes.subarray(end), start + put.length);
  return whole;
}

function inserted(at: number, text: string): Edit {
  return { start: at, end: at, text };
}
