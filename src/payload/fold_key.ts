/**
 * A key as every reader takes it that compares without capitals. Go's `encoding/json` takes `ſ` for `s` and the Kelvin
 * sign for `k` (Unicode simple folding), and others normalise first (NFKC): the fold of a key covers both.
 */
export function foldKey(key: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is all that most keys hold
  if (/^[\x00-\x7f]*$/.test(key)) return key.toLowerCase();
  return key.normalize("NFKC").toUpperCase().toLowerCase();
}
