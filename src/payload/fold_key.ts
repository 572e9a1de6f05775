import { rememberedByKey } from "./remembered_by_key.ts";

/**
 * A key in the form in which readers that ignore capitals compare it. Go's `encoding/json` treats `ſ` as `s`
 * and the Kelvin sign as `k` (Unicode simple folding). Other readers normalise first (NFKC). The folded form
 * covers both.
 */
export const foldKey: (key: string) => string = rememberedByKey(folded);

function folded(key: string): string {
  // deno-lint-ignore no-control-regex -- most keys are ASCII
  if (/^[\x00-\x7f]*$/.test(key)) return key.toLowerCase();
  return key.normalize("NFKC").toUpperCase().toLowerCase();
}
