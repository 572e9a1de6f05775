/** Values that several requests and answers have. */

import * as v from "valibot";

/** A moment, as text. */
export const moment = v.pipe(
  v.string(),
  v.check(
    (text) =>
      /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text) &&
      !Number.isNaN(Date.parse(text)),
    "is no moment like 2026-11-21T14:00:00Z or day like 2026-11-21",
  ),
  v.description("a moment, ISO 8601"),
);
/** An id of a project or a token. */
export const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(64));
