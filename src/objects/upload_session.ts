/**
 * Google's resumable uploads: the first request gets a URL with an `upload_id`, to which the next requests
 * send the file. Only the key that began an upload can continue it.
 */

import type { Field } from "../http/fields.ts";
import type { References } from "./object_ids.ts";

/** The headers with the URL. */
const URL_FIELDS: ReadonlySet<string> = new Set(["x-goog-upload-url", "x-goog-upload-control-url"]);
const PARAMETER = "upload_id";
/** The longest id that is kept, in characters. Google's have less than 300. */
const MAX_ID = 500;

/** The id of the upload that a response began, as the proxy keeps it. `undefined` if it began none. */
export function begunUpload(fields: readonly Field[]): string | undefined {
  for (const { lower, value } of fields) {
    if (!URL_FIELDS.has(lower)) continue;
    const id = URL.parse(value)?.searchParams.get(PARAMETER) ?? "";
    if (id !== "" && id.length <= MAX_ID) return keptUpload(id);
  }
  return undefined;
}

/** Adds the uploads that a raw query names. */
export function addUploads(query: string, found: References): void {
  // A name can be percent-encoded.
  if (!/upload|%/.test(query)) return;
  for (const id of new URLSearchParams(query).getAll(PARAMETER)) {
    if (id !== "" && id.length <= MAX_ID) found.set(keptUpload(id), { written: id, isCertain: false });
  }
}

/** Google's ids have capitals that matter, which the database keeps. */
function keptUpload(id: string): string {
  return `uploads/${id}`;
}
