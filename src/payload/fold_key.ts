import { rememberedByKey } from "./remembered_by_key.ts";

/**
 * Returns a key in the form in which readers compare it that ignore capitals. Go's `encoding/json` reads `ſ`
 * as `s`, and the Kelvin sign as `k` (Unicode simple folding). Other readers normalise keys first (NFKC). The
 * folded form is the same for all of these spellings.
 */
export const foldKey: (key: string) => string = rememberedByKey(folded);

function folded(key: string): string {
  // deno-lint-ignore no-control-regex -- most keys are ASCII
  if (/^[\x00-\x7f]*$/.test(key)) return key.toLowerCase();
  return key.normalize("NFKC").toUpperCase().toLowerCase();
}
