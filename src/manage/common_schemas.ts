/** Values that several requests and answers have. */

import * as v from "valibot";

/** A moment, as text. */
export const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), "is no moment like 2026-11-21T14:00:00Z"),
  v.description("a moment, ISO 8601"),
);
/** An id of a project or a token. */
export const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(64));
