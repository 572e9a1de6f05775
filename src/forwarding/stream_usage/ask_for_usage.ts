/** Asks an OpenAI-compatible server to tell the usage at the end of a stream, where the client did not. */

import { jsonMembers, type Member } from "../model/json_members.ts";

/** A change of a few bytes. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The body of a streaming request with `stream_options.include_usage`; every other byte is as it was. Undefined where
 * there is nothing to do: no stream, asked for already, or no JSON object.
 */
export function askForUsage(body: Uint8Array): Uint8Array | undefined {
  const members = jsonMembers(body);
  if (members === undefined) return undefined;
  const stream = members.findLast(({ key }) => key === "stream");
  if (stream === undefined || textOf(body, stream) !== "true") return undefined;
  const edit = editOf(body, members);
  return edit && edited(body, edit);
}

function editOf(body: Uint8Array, members: readonly Member[]): Edit | undefined {
  const options = members.findLast(({ key }) => key === "stream_options");
  if (options === undefined) {
    const [first] = members;
    return first && inserted(first.keyStart, '"stream_options":{"include_usage":true},');
  }
  const inner = jsonMembers(body.subarray(options.start, options.end));
  if (inner === undefined) {
    return { start: options.start, end: options.end, text: '{"include_usage":true}' };
  }
  const asked = inner.findLast(({ key }) => key === "include_usage");
  if (asked !== undefined) {
    const start = options.start + asked.start;
    const end = options.start + asked.end;
    return textOf(body, { start, end }) === "true" ? undefined : { start, end, text: "true" };
  }
  const comma = inner.length === 0 ? "" : ",";
  return inserted(options.start + 1, `"include_usage":true${comma}`);
}

function inserted(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

function textOf(body: Uint8Array, { start, end }: Pick<Member, "start" | "end">): string {
  return new TextDecoder().decode(body.subarray(start, end));
}

function edited(body: Uint8Array, { start, end, text }: Edit): Uint8Array {
  const put = new TextEncoder().encode(text);
  const whole = new Uint8Array(body.length - (end - start) + put.length);
  whole.set(body.subarray(0, start));
  whole.set(put, start);
  whole.set(body.subarray(end), start + put.length);
  return whole;
}
