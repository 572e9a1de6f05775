/** Values that several requests and answers have. */

import * as v from "valibot";
import { isHarmless } from "../../text/harmless_text.ts";

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
/** A text that is shown to people: it holds nothing that a terminal acts on or nobody sees. */
export const shownText = v.pipe(
  v.string(),
  v.check(
    isHarmless,
    "holds a control character, or an invisible one such as those that change the direction of text: write it without",
  ),
);
/** An id of a project or a token. */
export const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(64));
