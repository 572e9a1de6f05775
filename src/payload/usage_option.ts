/** Adds `stream_options.include_usage` to streaming requests for OpenAI-compatible servers. */

import { jsonMembers } from "./json_members.ts";
import { field } from "../http/fields.ts";
import { concat } from "../streams/bytes.ts";
import type { Payload } from "./read_payload.ts";

/**
 * Returns the payload with the option. `undefined` if the payload does not request a stream, or already has
 * the option.
 */
export function requestUsage(payload: Payload): Payload | undefined {
  const edit = usageOptionEdit(payload);
  if (edit === undefined) return undefined;
  const bytes = withEdit(payload.bytes, edit);
  const shift = bytes.length - payload.bytes.length;
  return {
    ...payload,
    bytes,
    places: payload.places.map((place) =>
      place.start < edit.end ? place : { ...place, start: place.start + shift, end: place.end + shift }
    ),
    fields: [
      // The proxy cannot remove the usage from a compressed response.
      ...payload.fields.filter(({ lower }) => lower !== "accept-encoding"),
      field("accept-encoding", "identity"),
    ],
  };
}

/** A replacement of the bytes from `start` up to `end` by a text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Returns the edit that adds `stream_options.include_usage` to a streaming request. `undefined` if the
 * request is not a JSON object, does not request a stream, or already has the option.
 */
export function usageOptionEdit(
  { bytes, json, facts }: Pick<Payload, "bytes" | "json" | "facts">,
): Edit | undefined {
  if (json?.firstKey === undefined || facts.stream !== true) return undefined;
  const options = json.members.get("stream_options");
  if (options === undefined) return insertion(json.firstKey, '"stream_options":{"include_usage":true},');
  const inner = jsonMembers(bytes.subarray(options.start, options.end));
  if (inner === undefined) {
    return { start: options.start, end: options.end, text: '{"include_usage":true}' };
  }
  const option = inner.findLast(({ key }) => key === "include_usage");
  if (option !== undefined) {
    const start = options.start + option.start;
    const end = options.start + option.end;
    const isOn = new TextDecoder().decode(bytes.subarray(start, end)) === "true";
    return isOn ? undefined : { start, end, text: "true" };
  }
  const comma = inner.length === 0 ? "" : ",";
  return insertion(options.start + 1, `"include_usage":true${comma}`);
}

/** Returns the bytes with an edit: its text replaces the bytes from `start` up to `end`. */
export function withEdit(bytes: Uint8Array, { start, end, text }: Edit): Uint8Array {
  return concat([bytes.subarray(0, start), new TextEncoder().encode(text), bytes.subarray(end)]);
}

function insertion(at: number, text: string): Edit {
  return { start: at, end: at, text };
}
