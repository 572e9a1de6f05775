/**
 * Checks that rules and keys name existing endpoints. A misspelt name would have no effect without an error.
 */

import { unknownEndpointText } from "../../config/values/suggest.ts";
import { Problem, type ProblemPlace } from "./problem.ts";

/** The members of a request that name endpoints. */
export interface NamedEndpoints {
  readonly allowed_endpoints?: readonly string[] | null | undefined;
  readonly provider_keys?: Readonly<Record<string, string | null>> | undefined;
}

/**
 * Throws a {@link Problem} that lists all names without an endpoint. Patterns with `*` and keys to remove are
 * not checked. `known` is undefined if the configuration cannot be read; then nothing is checked.
 */
export function checkEndpointNames(body: NamedEndpoints, known: readonly string[] | undefined): void {
  if (known === undefined) return;
  const unknown = (name: string): boolean => !known.includes(name);
  const places: ProblemPlace[] = [
    ...(body.allowed_endpoints ?? []).flatMap((name, index) =>
      !name.includes("*") && unknown(name)
        ? [{ pointer: `#/allowed_endpoints/${index}`, detail: unknownEndpointText(name, known) }]
        : []
    ),
    ...Object.entries(body.provider_keys ?? {}).flatMap(([name, key]) =>
      key !== null && unknown(name)
        ? [{ pointer: `#/provider_keys/${name}`, detail: unknownEndpointText(name, known) }]
        : []
    ),
  ];
  if (places.length === 0) return;
  throw new Problem(400, places.map(({ detail }) => detail).join("; "), { places });
}
