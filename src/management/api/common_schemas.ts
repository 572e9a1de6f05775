/** Schemas that several requests and responses share. */

import * as v from "valibot";
import { isHarmless } from "../../text/harmless_text.ts";

/** The schema of a time in ISO 8601, as text. */
export const moment = v.pipe(
  v.string(),
  v.check(
    (text) =>
      /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text) &&
      !Number.isNaN(Date.parse(text)),
    "is not a time like 2026-11-21T14:00:00Z or a day like 2026-11-21",
  ),
  v.description("a time, ISO 8601"),
);
/** The schema of a text that people see. It allows no control characters and no invisible characters. */
export const shownText = v.pipe(
  v.string(),
  v.check(
    isHarmless,
    "holds a control character or an invisible character, such as a change of the text direction: remove it",
  ),
);
/** The schema of the id of a project, a token or a person. */
export const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(64));
