/** Finds models whose names begin with the name of another endpoint. */

import { counted } from "../text/counted.ts";

/** How many models the text names. */
const MOST_SHOWN = 5;

/**
 * The text of a warning about the models of an endpoint whose names begin with the name of another endpoint. Undefined:
 * no model has such a name.
 */
export function prefixedNamesText(
  endpoint: string,
  models: Iterable<string>,
  endpoints: { readonly has: (name: string) => boolean },
): string | undefined {
  const found = [...models].filter((model) => {
    const prefix = model.slice(0, Math.max(0, model.indexOf("/")));
    return prefix !== endpoint && endpoints.has(prefix);
  });
  if (found.length === 0) return undefined;
  const shown = found.slice(0, MOST_SHOWN).join(", ") + (found.length > MOST_SHOWN ? ", …" : "");
  return `the names of ${
    counted(found.length, "model")
  } begin with the name of another endpoint, which gets their ` +
    `requests if it lists the rest of the name or has sent no list: ${shown}`;
}
