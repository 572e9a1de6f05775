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

/**
 * Adds the uploads that a raw query names, also in spellings that some servers take for the same: another
 * case, a list, a semicolon between parameters, and spaces or NUL characters around the id.
 */
export function addUploads(query: string, found: References): void {
  // A name can be percent-encoded.
  if (!/upload|%/i.test(query)) return;
  for (const parameters of query.includes(";") ? [query, query.replaceAll(";", "&")] : [query]) {
    for (const [name, id] of new URLSearchParams(parameters)) {
      if (id === "" || id.length > MAX_ID || name.length > MAX_ID || !isUploadName(name)) continue;
      for (const one of new Set([id, trimmed(id)])) {
        if (one !== "") found.set(keptUpload(one), { written: id, isCertain: false });
      }
    }
  }
}

function isUploadName(name: string): boolean {
  return trimmed(name).toLowerCase().replace(/\[\d{0,9}\]$/, "") === PARAMETER;
}

function trimmed(text: string): string {
  return text.replaceAll("\0", " ").trim();
}

/** Google's ids have capitals that matter, which the database keeps. */
function keptUpload(id: string): string {
  return `uploads/${id}`;
}
