/** Asks an OpenAI-compatible server to tell the usage at the end of a stream, where the client did not. */

import { jsonMembers } from "../../payload/json_members.ts";
import type { Payload } from "../../payload/read_payload.ts";

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
