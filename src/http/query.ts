/** Reads the parameters of a query. */

/**
 * The maximum number of parameters in a query that the proxy reads. The API of a model has only a few. A
 * query that the proxy only forwards may have more.
 */
export const MAX_PARAMETERS = 1_000;

/** A name and its value, both decoded. */
export type Parameter = readonly [name: string, value: string];

const NONE: readonly Parameter[] = [];
const AMPERSAND = "&";

/**
 * Returns the parameters of a raw query, which are encoded as in forms (WHATWG URL, 5.1). `undefined` if the
 * query has more than {@link MAX_PARAMETERS}.
 */
export function queryParameters(query: string): readonly Parameter[] | undefined {
  if (query === "") return NONE;
  if (hasMany(query)) return undefined;
  return [...new URLSearchParams(query)];
}

function hasMany(query: string): boolean {
  let count = 1;
  for (let at = query.indexOf(AMPERSAND); at !== -1; at = query.indexOf(AMPERSAND, at + 1)) {
    if (++count > MAX_PARAMETERS) return true;
  }
  return false;
}

/**
 * Returns the values of the first parameters with a name in a raw query, at most `most` of them. It decodes
 * no other parameter, so that a long query costs little. The name must be ASCII.
 */
export function valuesOfParameter(query: string, name: string, most: number): string[] {
  const values: string[] = [];
  for (let from = 0; from <= query.length && values.length < most;) {
    const end = query.indexOf(AMPERSAND, from);
    const to = end === -1 ? query.length : end;
    if (mayBe(query, { name, from })) {
      const [[found, value] = []] = new URLSearchParams(query.slice(from, to));
      if (found === name && value !== undefined) values.push(value);
    }
    from = to + 1;
  }
  return values;
}

/** Whether the parameter at position `from` may have this name. A percent-encoded name may be any name. */
function mayBe(query: string, { name, from }: { readonly name: string; readonly from: number }): boolean {
  for (let at = 0; at < name.length; at++) {
    const letter = query[from + at];
    if (letter === "%" || at === 0 && from === 0 && letter === "?") return true;
    if (letter !== name[at]) return false;
  }
  return true;
}
